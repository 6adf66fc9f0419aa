"""A line at the terminal that is written over and over while something goes on."""

import shutil
import sys

from .columns import width


class ProgressLine:
    """Writes to the error stream, so that the output stays clean; without a terminal it writes nothing."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if not self._live:
            return
        room = shutil.get_terminal_size().columns - 1
        while width(text) > room:
            text = text[:-2] + "…" if len(text) > 1 else ""
        blank = " " * max(0, self._shown - width(text))
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write("\r" + (text + blank).encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()
        self._shown = width(text)

    def end(self) -> None:
        """Leave an empty line."""
        if self._live and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0
