"""How the bootstrap speaks: plain sentences, one error type, nothing that can break on an odd name."""

import sys
from dataclasses import dataclass


class StepError(Exception):
    """Something a person must know: what happened, and what to do next."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


def plain(text: str) -> str:
    """``text`` without surrogates and control characters, so that any terminal can print it."""
    safe = text.encode("utf-8", errors="backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in safe)


def _write(text: str) -> None:
    stream = sys.stderr
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, errors="backslashreplace").decode(encoding))
    stream.flush()


def say(text: str) -> None:
    """Print one line for the person (on the error stream: the output belongs to the program started)."""
    _write(plain(text) + "\n")


def complain(error: StepError) -> None:
    """Print an error: what happened, then what to do."""
    say(error.message)
    if error.next_step:
        say(error.next_step)


@dataclass(slots=True)
class Progress:
    """One line that is rewritten on a terminal, and at most one line in five seconds elsewhere."""

    interval_s: float = 5.0
    _last_s: float = -1e9
    _width: int = 0

    def show(self, text: str, now_s: float) -> None:
        """Show ``text``; ``now_s`` is a monotonic clock."""
        if sys.stderr.isatty():
            line = plain(text)[:100]
            _write("\r" + line.ljust(self._width))
            self._width = len(line)
        elif now_s - self._last_s >= self.interval_s:
            self._last_s = now_s
            say(text)

    def end(self) -> None:
        """Leave the rewritten line."""
        if self._width:
            _write("\r" + " " * self._width + "\r")
            self._width = 0
