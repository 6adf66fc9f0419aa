"""``meter.lock``: whoever holds it records, everyone else reads."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from wattlight.i18n import tr
from wattlight.paths import make_folder, try_lock, unlock

from .problem import LedgerProblem


def _for_us(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


class MeterLock:
    """A lock of the operating system on a file, so that a killed holder never leaves it behind.

    The file also names the holder's process id, for the sentence other processes say; the id decides
    nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: BinaryIO | None = None

    @property
    def held(self) -> bool:
        return self._stream is not None

    def acquire(self) -> bool:
        """Try once; False when another process records.

        Raises:
            LedgerProblem: the file cannot be made.
        """
        if self._stream is not None:
            return True
        try:
            make_folder(self._file.parent)
            stream = open(self._file, "a+b", buffering=0, opener=_for_us)  # noqa: SIM115 - held until release
            with contextlib.suppress(OSError):  # whoever may read it could hold it
                self._file.chmod(0o600)
        except OSError as error:
            raise LedgerProblem(
                tr("The file {file} cannot be opened ({reason}).", file=self._file, reason=error.strerror),
                tr("Make its folder writable."),
            ) from error
        if not try_lock(stream):
            stream.close()
            return False
        with contextlib.suppress(OSError):  # a full disk keeps nobody from recording
            stream.truncate(0)
            stream.write(f"{os.getpid()}\n".encode())
        self._stream = stream
        return True

    def lost(self) -> bool:
        """The locked file no longer has its name: another process can lock the one that has."""
        if self._stream is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._stream.fileno()), self._file.stat())
        except OSError:
            return True

    def holder(self) -> int | None:
        """Process id the present holder wrote, None if it cannot be read."""
        try:
            return int(self._file.read_text(encoding="ascii", errors="replace").split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def release(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                unlock(self._stream)
            self._stream.close()
            self._stream = None

    def __enter__(self) -> "MeterLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
