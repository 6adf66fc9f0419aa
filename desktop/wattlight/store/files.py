"""The files of the ledger: connections to it, their version, a damaged one set aside, and a reserve.

The reserve is a file that only takes room, so that a full disk still lets the ledger delete and commit.
"""

import contextlib
import os
import re
import shutil
import sqlite3
import struct
import time
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from wattlight.paths import free_name, open_own

BUSY_MS = 2000
"""How long to wait for another process (a backup tool) that holds the file."""
_COMPANIONS = ("-wal", "-shm")
_INDEX_BYTES = 32_768
_COUNTS = struct.Struct("=HI")
"""Bytes of a page and frames in the log, in the index from byte 14 on."""
RESERVE_BYTES = 1 << 20
_ROOM_NEEDED = 16 << 20


def connect_for_writing(file: Path | str) -> sqlite3.Connection:
    """A connection in WAL mode with synchronous NORMAL: a killed process loses nothing that was committed;
    a power cut may lose the last commits but never the file."""
    _keep_to_ourselves(Path(file))
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
    except BaseException:  # a damaged schema is no text
        connection.close()
        raise
    return connection


def _keep_to_ourselves(file: Path) -> None:
    """What is recorded is the person's alone, also in a folder that others may look into."""
    with contextlib.suppress(OSError):  # whether it can be opened is told by SQLite
        if not file.exists():  # to open and close it would end the locks that this process holds on it
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        for end in ("", *_COMPANIONS):
            beside = file.with_name(file.name + end)
            if beside.exists() and beside.stat().st_mode & 0o077:
                beside.chmod(0o600)


def connect_for_reading(file: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(file))}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within the block, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def copy_into(source: sqlite3.Connection, part: Path, *statements: str) -> None:
    """Write all of ``source`` into the empty file ``part`` and run ``statements`` on it."""
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
        source.backup(copy)
        for statement in (*statements, "PRAGMA journal_mode = DELETE"):
            copy.execute(statement)


def set_aside(file: Path, now: datetime) -> Path:
    """Rename a damaged ledger and its companions; the new name of the main file."""
    aside = free_name(file.with_name(f"{file.name}.corrupt-{now:%Y%m%dT%H%M%S}"))
    _rename(file, aside)
    suspect(file).unlink(missing_ok=True)
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            _rename(file.with_name(file.name + companion), aside.with_name(aside.name + companion))
    return aside


_COPIES = re.compile(r"\.(corrupt-\d{8}T\d{6}|before-v\d+|replaced|closing)(-\d+)?(-wal|-shm)?")
"""What is put behind the name of a file of ours when it is kept aside."""


def remove_copies(file: Path) -> None:
    """Remove what was ever kept aside of a file: damaged, replaced, or of an older form."""
    for copy in file.parent.glob(f"{file.name}.*"):
        if _COPIES.fullmatch(copy.name[len(file.name) :]):
            with contextlib.suppress(OSError):
                copy.unlink()


def identity(file: Path) -> tuple[int, int] | None:
    """Which file has the name now, None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def abandon(connection: sqlite3.Connection) -> None:
    """Close a file that lost its name. Its log is emptied into it first: whatever file has the name now would
    take the log for its own."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _rename(file: Path, to: Path) -> None:
    """Windows refuses while anybody reads the file: what reads ours is soon done."""
    end = time.monotonic() + 0.5
    while True:
        try:
            file.rename(to)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.05)


class Index:
    """The index of an open ledger's log. It stays open beside SQLite's own: to close it would end SQLite's
    locks on it."""

    def __init__(self, ledger: Path) -> None:
        self._log, self._file = (ledger.with_name(ledger.name + end) for end in _COMPANIONS)
        self._handle = os.open(self._file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.close = weakref.finalize(self, os.close, self._handle)

    def log_is_cut(self) -> bool:
        """Another program has shortened the log: the index counts more than there is.

        An index that was cut itself is made as long as SQLite takes it to be, since it holds nothing that the
        log does not tell.
        """
        try:
            length = os.fstat(self._handle).st_size
            if length % _INDEX_BYTES or not length:
                os.truncate(self._file, 0)  # a part of it would be believed; the whole is made anew
                os.truncate(self._file, (length // _INDEX_BYTES + 1) * _INDEX_BYTES)
                return False
            head = self._head()
            page_bytes, frames = _COUNTS.unpack_from(head, 14)
            if head[:48] != head[48:] or not frames:
                return False
            return self._log.stat().st_size < 32 + int(frames) * (int(page_bytes) + 24)
        except (OSError, struct.error):
            return False

    def _head(self) -> bytes:
        at_once = getattr(os, "pread", None)
        if at_once is not None:  # two threads look
            return bytes(at_once(self._handle, 96, 0))
        os.lseek(self._handle, 0, os.SEEK_SET)
        return os.read(self._handle, 96)


def close_cut(connection: sqlite3.Connection, file: Path) -> None:
    """Close a file whose log was cut, as it was before that log: what is left of it would be written into the
    file with its holes. (SQLite leaves alone what does not have its name.)"""
    aside = closing(file)
    try:
        file.rename(aside)
    except OSError:  # held open, as on Windows, where no log is cut that is in use
        connection.close()
        return
    connection.close()
    for end in _COMPANIONS:
        file.with_name(file.name + end).unlink(missing_ok=True)
    aside.rename(file)


def closing(ledger: Path) -> Path:
    """The name it has while it is closed apart from its log; found at the next start only after a kill."""
    return ledger.with_name(ledger.name + ".closing")


def suspect(ledger: Path) -> Path:
    """Whoever reads the ledger and finds damage makes this file; who records looks for it."""
    return ledger.with_name(ledger.name + ".suspect")


def reserve_file(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".reserve")


def keep_reserve(ledger: Path) -> bool:
    """Make the reserve if it is missing and the disk has room; True if it is there."""
    file = reserve_file(ledger)
    with contextlib.suppress(OSError):
        if file.exists() and file.stat().st_size == RESERVE_BYTES:
            return True
        if shutil.disk_usage(ledger.parent).free < _ROOM_NEEDED:
            return False
        with open_own(file) as stream:
            stream.write(os.urandom(RESERVE_BYTES))  # random: a compressing file system cannot shrink it
        return True
    return False


def release_reserve(ledger: Path) -> bool:
    """Give the room back; True if there was any."""
    try:
        reserve_file(ledger).unlink()
    except OSError:
        return False
    return True


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database (0: empty)."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]]) -> None:
    """Bring the database to the newest version.

    Each step and its version number are one transaction: killed at any statement, the step is as if never
    begun, and the next start does it again.
    """
    for number in range(version_of(connection), len(steps)):
        with transaction(connection):
            for statement in (*steps[number], f"PRAGMA user_version = {number + 1}"):
                connection.execute(statement)
