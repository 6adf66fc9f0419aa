"""Opens the shared database and gives its three books."""

import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from wattlight.domain.learning import Comparison
from wattlight.domain.tokens import MeasuredSpeed, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId

from ..connection import connect_for_writing, set_aside
from ..schema import migrate, version_of
from . import comparisons, contacts, speeds, tokens
from .contacts import Contact
from .problem import JobsProblem, translated
from .schema import STEPS
from .tokens import TokenHour

_DAMAGE = ("malformed", "not a database", "encrypted", "corrupt")


class JobsBook:
    """One connection, used by any thread, one at a time. Several processes may have the file open.

    Every method raises :class:`JobsProblem` when the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add_comparison(self, comparison: Comparison) -> None:
        """Remember a load."""
        with self._lock, translated("written"):
            comparisons.add(self._connection, comparison)

    def comparisons(self, host: HostId = LOCAL_HOST, limit: int = 500) -> tuple[Comparison, ...]:
        """The newest ``limit`` loads of a computer, newest first."""
        with self._lock, translated("read"):
            return comparisons.newest(self._connection, host, limit)

    def add_speed(self, speed: MeasuredSpeed) -> None:
        """Remember a run of the benchmark."""
        with self._lock, translated("written"):
            speeds.add(self._connection, speed)

    def speeds(self, host: HostId = LOCAL_HOST, digest: str | None = None) -> tuple[MeasuredSpeed, ...]:
        """Runs of the benchmark, of one model or of all, newest first."""
        with self._lock, translated("read"):
            return speeds.newest(self._connection, host, digest)

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        """Add requests to the sums of their hours, all or none of them."""
        with self._lock, translated("written"):
            tokens.add(self._connection, uses)

    def token_hours(self, start: datetime, end: datetime, host: HostId = LOCAL_HOST) -> tuple[TokenHour, ...]:
        """Sums of the hours in [start, end), in order of time."""
        with self._lock, translated("read"):
            return tokens.between(self._connection, start, end, host)

    def note_contact(self, host: str, reason: str, at: datetime) -> None:
        """Remember that a host was contacted, and why ("model", "shape", "server")."""
        with self._lock, translated("written"):
            contacts.note(self._connection, host, reason, at)

    def contacts(self) -> tuple[Contact, ...]:
        """Every host that was contacted, the latest first."""
        with self._lock, translated("read"):
            return contacts.newest(self._connection)

    def forget(self) -> None:
        """Remove everything that was learned and counted."""
        with self._lock, translated("written"):
            for table in ("comparison", "speed", "token_hour"):
                self._connection.execute(f"DELETE FROM {table}")


def open_jobs(file: Path, now: datetime) -> JobsBook:
    """The shared database in ``file``, made if there is none.

    A damaged file is renamed and a new one begun: what it held can be learned again.

    Raises:
        JobsProblem: it is of a newer version (it is left alone), or the place is not writable.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return JobsBook(_connect(file))
        except sqlite3.DatabaseError as error:
            if not any(word in str(error).lower() for word in _DAMAGE):
                raise
            set_aside(file, now)
            return JobsBook(_connect(file))
    except sqlite3.Error as error:
        raise JobsProblem(
            f"The file {file.name} cannot be opened ({str(error)[:80]}).",
            "Close programs that use it and try again.",
        ) from error
    except OSError as error:
        raise JobsProblem(
            f"The file {file} cannot be opened ({error.strerror}).", "Make its folder writable."
        ) from error


def _connect(file: Path) -> sqlite3.Connection:
    connection = connect_for_writing(file)
    try:
        if version_of(connection) > len(STEPS):
            raise JobsProblem(
                f"The file {file.name} was written by a newer Wattlight.",
                "Update Wattlight; the file is left as it is.",
                "newer_version",
            )
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Two processes may start at the same moment: whoever comes second finds the work done."""
    try:
        migrate(connection, STEPS)
    except sqlite3.OperationalError:
        if version_of(connection) < len(STEPS):
            raise
