"""One-file backup and restore of the ledger."""

import contextlib
import sqlite3
from pathlib import Path

from wattlight.i18n import tr

from .files import connect_for_reading, copy_into
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
    with translated("backed up"), contextlib.closing(connect_for_reading(ledger)) as source:
        try:
            copy_into(source, part)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
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
    with translated("restored"), contextlib.closing(connect_for_reading(backup)) as source:
        version = version_of(source)
        if version > VERSION:
            raise newer(version)
        if version < 1 or source.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise LedgerDamaged(
                tr("{name} is not a valid ledger.", name=backup.name), tr("Nothing was changed.")
            )
        for table in ("minute", "quarter", "presence", "device", "model", "counter", "meta"):
            source.execute(f"SELECT * FROM {table} LIMIT 1")  # another program's database has none of these
        ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = ledger.with_name(ledger.name + ".restoring")
        # counters of another day or computer must not be continued
        copy_into(source, part, "DELETE FROM counter")
    replaced = None
    if ledger.exists():
        _checkpoint(ledger)
        numbers = ("", *(f"-{n}" for n in range(2, 10_000)))
        names = (ledger.with_name(f"{ledger.name}.replaced{end}") for end in numbers)
        replaced = next(name for name in names if not name.exists())
        ledger.replace(replaced)
        for companion in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                ledger.with_name(ledger.name + companion).unlink()
    part.replace(ledger)
    return replaced


def _checkpoint(ledger: Path) -> None:
    """Bring what is still in the write-ahead log into the file, so that one file holds everything."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
