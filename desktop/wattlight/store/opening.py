"""Opens the ledger for writing, whatever state its file is in, and says what had to be done."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wattlight.i18n import tr
from wattlight.paths import free_name, make_folder

from .files import (
    Index,
    abandon,
    close_cut,
    closing,
    connect_for_writing,
    identity,
    keep_reserve,
    migrate,
    release_reserve,
    set_aside,
    suspect,
    version_of,
)
from .problem import LedgerDamaged, LedgerProblem, translated
from .reader import LedgerReader, newer
from .schema import MIGRATIONS, VERSION, check, forget_days
from .writer import LedgerWriter, ended_mark


@dataclass(frozen=True, slots=True)
class OpenedLedger:
    """A writer, and one sentence for each thing the user should know."""

    writer: LedgerWriter
    notices: tuple[str, ...] = ()

    def reader(self) -> LedgerReader:
        """A reader on the writer's own connection (for a ledger in memory, and for tests)."""
        return LedgerReader(self.writer.connection, owns=False)


def open_memory_ledger() -> OpenedLedger:
    """A fresh ledger that lives in memory only."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection, MIGRATIONS)
    return OpenedLedger(LedgerWriter(connection))


def open_ledger(file: Path, now: datetime, damaged: bool = False) -> OpenedLedger:
    """The ledger in ``file``, made if there is none, brought to the present version.

    A damaged file is moved aside (``ledger.sqlite3.corrupt-<time>``) and a new one begun, with a notice;
    ``damaged`` says that it was found to be so.

    Raises:
        LedgerProblem: it is of a newer version (it is left alone), or the place is not writable.
    """
    try:
        if not file.exists() or not (damaged or file.stat().st_size == 0):
            with contextlib.suppress(LedgerDamaged):  # whoever met the damage lets go of its rows first
                return OpenedLedger(_open(file))
        return _begin_anew(file, now)
    except OSError as error:
        raise LedgerProblem(
            tr("The ledger {file} cannot be opened ({reason}).", file=file, reason=error.strerror),
            tr("Make its folder writable; until then nothing is kept."),
        ) from error


class LedgerFile:
    """Opens the ledger, again after damage. Where the place cannot be written, it lives in memory."""

    def __init__(self, file: Path, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._opened: tuple[object, ...] | None = None
        self._index: Index | None = None

    def open(self, damaged: bool = False) -> OpenedLedger:
        """The ledger, and what the user should know.

        Raises:
            LedgerProblem: it was made by a newer Wattlight, or another program holds it just now.
        """
        self._opened, index, self._index = None, self._index, None
        if index is not None:
            index.close()
        try:
            opened = open_ledger(self._file, self._now(), damaged)
            self._opened = self._identities()
            if os.name != "nt":  # a file in use is not cut there
                with contextlib.suppress(OSError):
                    self._index = Index(self._file)
            return opened
        except LedgerProblem as problem:
            if problem.code in {"ledger_newer", "ledger_busy"}:
                raise
            notice = tr("{problem} Until then the meter counts in memory only.", problem=problem)
            return OpenedLedger(open_memory_ledger().writer, (notice,))

    def lost(self) -> bool:
        """The file or its log was removed, replaced, unmounted or cut: what is written now is in none."""
        if self._opened is None:
            return False
        if self._identities() != self._opened:
            return True
        return self._index is not None and self._index.log_is_cut()

    def let_go(self, writer: LedgerWriter) -> str:
        """Close what was lost; what is to be told of it."""
        if self._opened is not None and self._identities() == self._opened:
            close_cut(writer.connection, self._file)
            return tr(
                "Another program cut the ledger's log; what was recorded in the last minutes may be gone. "
                "Recording goes on."
            )
        abandon(writer.connection)
        return tr("The ledger's file was removed or replaced; recording goes on anew.")

    def suspected(self) -> bool:
        """Somebody who read the file found it damaged."""
        return self._opened is not None and suspect(self._file).exists()

    @property
    def in_memory(self) -> bool:
        """What was opened last is no file, since none could be."""
        return self._opened is None

    def _identities(self) -> tuple[object, ...]:
        return identity(self._file), identity(self._file.with_name(self._file.name + "-wal"))

    def release_reserve(self) -> bool:
        """Give the reserved room back to a full disk."""
        return release_reserve(self._file)


def _begin_anew(file: Path, now: datetime) -> OpenedLedger:
    aside = set_aside(file, now)
    notice = tr(
        "The energy ledger was damaged. It is kept as {name} and a new one has begun; "
        "'wattlight export' may still read part of it.",
        name=aside.name,
    )
    return OpenedLedger(_open(file), (notice,))


def _open(file: Path) -> LedgerWriter:
    make_folder(file.parent)
    if closing(file).exists() and not file.exists():
        closing(file).rename(file)
    left = _left(file)
    with translated("opened"):
        connection = connect_for_writing(file)
        try:
            version = version_of(connection)
            if version > VERSION:
                raise newer(version)
            if version:
                ended = connection.execute("SELECT value FROM meta WHERE key = 'open'").fetchone()
                if left is None or ended != (ended_mark(left),) or suspect(file).exists():
                    check(connection)  # nobody ended it in order, or somebody was at it since
                if suspect(file).exists():
                    forget_days(connection)
                _back_up_first(connection, file, version)
            migrate(connection, MIGRATIONS)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('open', '1')")
        except BaseException:
            connection.close()
            raise
    suspect(file).unlink(missing_ok=True)
    keep_reserve(file)
    return LedgerWriter(connection)


def _left(file: Path) -> int | None:
    """When the file was last written (ns); None where something is left beside it."""
    with contextlib.suppress(FileNotFoundError):
        if file.with_name(file.name + "-wal").stat().st_size:
            return None
    return file.stat().st_mtime_ns if file.exists() else None


def _back_up_first(connection: sqlite3.Connection, file: Path, version: int) -> None:
    if version == VERSION:
        return
    backup = free_name(file.with_name(f"{file.name}.before-v{VERSION}"))
    connection.execute("VACUUM INTO ?", (str(backup),))
