"""The error family of the ledger."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wattlight.domain.values import Problem
from wattlight.i18n import marked, tr

from .files import suspect


class LedgerProblem(Problem):
    """The ledger cannot be read or written now; nothing recorded is lost."""

    code = "ledger"


class LedgerFull(LedgerProblem):
    """The disk has no room left."""

    code = "disk_full"


class LedgerDamaged(LedgerProblem):
    """The file is not a sound database."""

    code = "ledger_damaged"


_DAMAGE = (
    "malformed",
    "not a database",
    "encrypted",
    "corrupt",
    "could not decode",
    "no such",
    "has no column",
    "integer overflow",
)


def is_damage(error: Exception) -> bool:
    """Whether an error of SQLite means that the file is not a sound database."""
    return isinstance(error, UnicodeDecodeError) or any(word in str(error).lower() for word in _DAMAGE)


DONE = (marked("opened"), marked("read"), marked("written"), marked("backed up"), marked("restored"))
"""What is done to the ledger, as the sentence about its failure says it."""


@contextmanager
def translated(what: str, ledger: Path | None = None) -> Iterator[None]:
    """Turn SQLite's errors into this room's family; ``what`` is one of ``DONE``.

    Damage that a reader of the file ``ledger`` finds is told to whoever records.
    """
    try:
        yield
    except UnicodeDecodeError as error:  # the text of the schema itself is none
        raise _damaged(ledger) from error
    except sqlite3.Error as error:
        text = str(error).lower()
        if "full" in text:
            raise LedgerFull(
                tr("The disk is full, so the ledger cannot be written."),
                tr("Free some space; up to an hour is kept in memory and written then."),
            ) from error
        if is_damage(error):
            raise _damaged(ledger) from error
        if "locked" in text or "busy" in text:
            raise LedgerProblem(
                tr("Another program holds the ledger's file."),
                tr("Wattlight tries again by itself."),
                "ledger_busy",
            ) from error
        raise LedgerProblem(
            tr("The ledger cannot be {what} now ({value}).", what=tr(what), value=text[:80]),
            tr("Close programs that use the file and try again."),
        ) from error


@contextmanager
def sound_values(ledger: Path | None) -> Iterator[None]:
    """Values that the schema does not allow (another program's, or a flipped bit) are damage too."""
    try:
        yield
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise _damaged(ledger) from error


def _damaged(ledger: Path | None) -> LedgerDamaged:
    if ledger is not None:
        with contextlib.suppress(OSError):
            suspect(ledger).touch(mode=0o600)
    return LedgerDamaged(
        tr("The ledger is damaged."),
        tr("The meter (the tray or 'wattlight meter') keeps it under another name and begins a new one."),
    )
