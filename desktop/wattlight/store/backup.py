"""One-file backup and restore of the ledger."""

import contextlib
import sqlite3
from pathlib import Path

from wattlight.i18n import tr

from .connection import connect_for_reading
from .problem import LedgerDamaged, LedgerProblem, translated
from .reader import newer
from .schema import VERSION, version_of


def back_up(ledger: Path, target: Path) -> int:
    """Write a consistent copy of the ledger to ``target``, also while another process records.

    Returns its size in bytes.

    Raises:
        LedgerProblem: there is nothing to back up, ``target`` exists, or it cannot be written.
    """
    if not ledger.exists():
        raise LedgerProblem(tr("Nothing has been recorded yet."), tr("Start the meter first."), "no_ledger")
    if target.exists():
        raise LedgerProblem(
            tr("{target} exists.", target=target), tr("Choose another name or remove it first."), "exists"
        )
    part = target.with_name(target.name + ".part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with translated("backed up"):
        source = connect_for_reading(ledger)
        try:
            copy = sqlite3.connect(part, isolation_level=None)
            try:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        finally:
            source.close()
    part.replace(target)
    return target.stat().st_size


def restore(backup: Path, ledger: Path) -> Path | None:
    """Put ``backup`` in the ledger's place; the caller holds the meter's lock.

    The ledger that was there is kept beside it as ``*.replaced`` and returned.

    Raises:
        LedgerProblem: the backup is not a ledger, is damaged or newer; nothing was changed.
    """
    if not backup.is_file():
        raise LedgerProblem(
            tr("There is no file {backup}.", backup=backup),
            tr("Name a file made by 'wattlight export --backup'."),
        )
    with translated("restored"):
        source = connect_for_reading(backup)
        try:
            version = version_of(source)
            if version > VERSION:
                raise newer(version)
            if version < 1 or source.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise LedgerDamaged(
                    tr("{name} is not a valid ledger.", name=backup.name), tr("Nothing was changed.")
                )
            ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = ledger.with_name(ledger.name + ".restoring")
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
            copy = sqlite3.connect(part, isolation_level=None)
            try:
                source.backup(copy)
                # counters of another day or computer must not be continued
                copy.execute("DELETE FROM counter")
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
        finally:
            source.close()
    replaced = None
    if ledger.exists():
        _checkpoint(ledger)
        replaced = ledger.with_name(ledger.name + ".replaced")
        ledger.replace(replaced)
        for companion in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                ledger.with_name(ledger.name + companion).unlink()
    part.replace(ledger)
    return replaced


def _checkpoint(ledger: Path) -> None:
    """Bring what is still in the write-ahead log into the file, so that one file holds everything."""
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(ledger, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
