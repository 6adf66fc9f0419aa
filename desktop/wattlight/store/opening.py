"""Opens the ledger for writing, whatever state its file is in, and says what had to be done."""

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wattlight.i18n import tr

from .files import connect_for_writing, keep_reserve, set_aside
from .problem import LedgerDamaged, LedgerProblem, translated
from .reader import LedgerReader, newer
from .schema import MIGRATIONS, VERSION, migrate, version_of
from .writer import LedgerWriter


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
    migrate(connection)
    return OpenedLedger(LedgerWriter(connection))


def open_ledger(file: Path, now: datetime, damaged: bool = False) -> OpenedLedger:
    """The ledger in ``file``, made if there is none, brought to the present version.

    A damaged file is moved aside (``ledger.sqlite3.corrupt-<time>``) and a new one begun, with a notice;
    ``damaged`` says that it was found to be so.

    Raises:
        LedgerProblem: it is of a newer version (it is left alone), or the place is not writable.
    """
    try:
        if file.exists() and (damaged or file.stat().st_size == 0):
            return _begin_anew(file, now)
        return OpenedLedger(_open(file))
    except LedgerDamaged:
        return _begin_anew(file, now)
    except OSError as error:
        raise LedgerProblem(
            tr("The ledger {file} cannot be opened ({reason}).", file=file, reason=error.strerror),
            tr("Make its folder writable; until then nothing is kept."),
        ) from error


def _begin_anew(file: Path, now: datetime) -> OpenedLedger:
    aside = set_aside(file, now)
    notice = tr(
        "The energy ledger was damaged. It is kept as {name} and a new one has begun; "
        "'wattlight export' may still read part of it.",
        name=aside.name,
    )
    return OpenedLedger(_open(file), (notice,))


def _open(file: Path) -> LedgerWriter:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with translated("opened"):
        connection = connect_for_writing(file)
        try:
            version = version_of(connection)
            if version > VERSION:
                raise newer(version)
            if version:
                _check(connection)
                _back_up_first(connection, file, version)
            migrate(connection, MIGRATIONS)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('open', '1')")
        except BaseException:
            connection.close()
            raise
    keep_reserve(file)
    return LedgerWriter(connection)


def _check(connection: sqlite3.Connection) -> None:
    """A full check only after an end that was not orderly: it reads the whole file."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'open'").fetchone()
    if row is not None and row[0] == "0":
        return
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise sqlite3.DatabaseError("malformed: " + str(answer)[:80])


def _back_up_first(connection: sqlite3.Connection, file: Path, version: int) -> None:
    if version == VERSION:
        return
    backup = file.with_name(f"{file.name}.before-v{VERSION}")
    with contextlib.suppress(FileNotFoundError):
        backup.unlink()
    connection.execute("VACUUM INTO ?", (str(backup),))
