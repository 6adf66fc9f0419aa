"""The managed server's own log: written by it, kept small by us."""

import contextlib
import shutil
from pathlib import Path

from wattlight.domain.values import clean_lines

MAX_BYTES = 5_000_000
_TAIL_BYTES = 64_000


class ServerLog:
    """One file and the one before it. The server appends, so the file can be emptied under its hands."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def keep_small(self) -> bool:
        """Copy a log that has grown too large aside and empty it; True when it was."""
        try:
            if self.file.stat().st_size <= MAX_BYTES:
                return False
            shutil.copyfile(self.file, self.file.with_name(self.file.name + ".1"))
            with self.file.open("r+b") as stream:
                stream.truncate(0)
        except OSError:
            return False
        return True

    def last_lines(self, count: int = 50) -> tuple[str, ...]:
        """The newest lines, cleaned."""
        with contextlib.suppress(OSError), self.file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
            return tuple(clean_lines(text, _TAIL_BYTES).rstrip("\n").split("\n")[-count:])
        return ()
