"""One-file backup and restore of the ledger."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

from wattlight.i18n import tr
from wattlight.paths import free_name, make_folder, replacing

from .files import connect_for_reading, copy_into, version_of
from .problem import LedgerDamaged, LedgerProblem, is_damage, translated
from .reader import newer
from .schema import VERSION, check


def back_up(ledger: Path, target: Path) -> int:
    """Write a consistent copy of the ledger to ``target``, also while another process records.

    A file of that name stays until the copy is whole. Returns its size in bytes.

    Raises:
        LedgerProblem: there is nothing to back up, or what there is cannot be read.
        OSError: ``target`` cannot be written.
    """
    if not ledger.exists():
        raise LedgerProblem(tr("Nothing has been recorded yet."), tr("Start the meter first."), "no_ledger")
    with (
        replacing(target) as part,
        translated("backed up"),
        contextlib.closing(connect_for_reading(ledger)) as source,
    ):
        copy_into(source, part)
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
        make_folder(ledger.parent)
        with replacing(ledger) as part:
            try:
                if version < 1:
                    raise sqlite3.DatabaseError("malformed: no version")
                check(source)
                # counters of another day or computer must not be continued
                copy_into(source, part, "DELETE FROM counter")
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not is_damage(error):
                    raise
                raise LedgerDamaged(
                    tr("{name} is not a valid ledger.", name=backup.name), tr("Nothing was changed.")
                ) from error
            return _kept(ledger) if ledger.exists() else None


def _kept(ledger: Path) -> Path:
    """The ledger under a second name; its own is free to be taken."""
    _checkpoint(ledger)
    replaced = free_name(ledger.with_name(f"{ledger.name}.replaced"))
    try:
        replaced.hardlink_to(ledger)
    except OSError:  # a file system without such names
        shutil.copy2(ledger, replaced)
    for companion in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            ledger.with_name(ledger.name + companion).unlink()
    return replaced


def _checkpoint(ledger: Path) -> None:
    """Bring what is still in the write-ahead log into the file, so that one file holds everything."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
