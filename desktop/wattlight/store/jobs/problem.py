"""The error family of the shared database."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from wattlight.domain.values import Problem
from wattlight.i18n import tr


class JobsProblem(Problem):
    """What was learned cannot be read or written now; nothing else depends on it."""

    code = "jobs"


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn SQLite's errors into this family; ``what`` names the action ("read", "written")."""
    try:
        yield
    except sqlite3.Error as error:
        full = "full" in str(error).lower()
        raise JobsProblem(
            tr(
                "The file of what was learned cannot be {what} now ({reason}).",
                what=what,
                reason=str(error)[:80],
            ),
            tr("Free some space on the disk.")
            if full
            else tr("Close programs that use the file and try again."),
            "disk_full" if full else None,
        ) from error
