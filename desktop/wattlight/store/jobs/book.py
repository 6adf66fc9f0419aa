"""Opens the shared database and gives its three books."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from wattlight.domain.learning import Comparison
from wattlight.domain.tokens import MeasuredSpeed, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.i18n import tr

from ..connection import connect_for_writing, set_aside
from ..schema import migrate, version_of
from . import comparisons, contacts, speeds, tokens
from .contacts import Contact
from .problem import JobsProblem, translated
from .schema import STEPS
from .tokens import TokenHour

_DAMAGE = ("malformed", "not a database", "encrypted", "corrupt")


class LearningStore:
    """One connection, used by any thread, one at a time. Several processes may have the file open.

    The file is opened (made, if there is none) with the first question; ``now`` names a damaged one that is
    put aside. Every method raises :class:`JobsProblem` when the file cannot be used.
    """

    def __init__(self, file: Path, now: datetime) -> None:
        self._file = file
        self._now = now
        self._opened: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()

    def open(self) -> None:
        """Open the file now. A damaged one is renamed and a new one begun: what it held can be learned again.

        Raises:
            JobsProblem: it is of a newer version (it is left alone), or the place is not writable.
        """
        with self._lock:
            self._connect()

    def _connect(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = _opened(self._file, self._now)
        return self._opened

    @contextmanager
    def _using(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(what):
            yield self._connect()

    def add_comparison(self, comparison: Comparison) -> None:
        """Remember a load."""
        with self._using("written") as connection:
            comparisons.add(connection, comparison)

    def comparisons(self, host: HostId = LOCAL_HOST, limit: int = 500) -> tuple[Comparison, ...]:
        """The newest ``limit`` loads of a computer, newest first."""
        with self._using("read") as connection:
            return comparisons.newest(connection, host, limit)

    def add_speed(self, speed: MeasuredSpeed) -> None:
        """Remember a run of the benchmark."""
        with self._using("written") as connection:
            speeds.add(connection, speed)

    def speeds(self, host: HostId = LOCAL_HOST, digest: str | None = None) -> tuple[MeasuredSpeed, ...]:
        """Runs of the benchmark, of one model or of all, newest first."""
        with self._using("read") as connection:
            return speeds.newest(connection, host, digest)

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        """Add requests to the sums of their hours, all or none of them."""
        with self._using("written") as connection:
            tokens.add(connection, uses)

    def token_hours(self, start: datetime, end: datetime, host: HostId = LOCAL_HOST) -> tuple[TokenHour, ...]:
        """Sums of the hours in [start, end), in order of time."""
        with self._using("read") as connection:
            return tokens.between(connection, start, end, host)

    def note_contact(self, host: str, reason: str, at: datetime) -> None:
        """Remember that a host was contacted, and why ("model", "shape", "server")."""
        with self._using("written") as connection:
            contacts.note(connection, host, reason, at)

    def contacts(self) -> tuple[Contact, ...]:
        """Every host that was contacted, the latest first."""
        with self._using("read") as connection:
            return contacts.newest(connection)

    def forget(self) -> None:
        """Remove everything that was learned and counted."""
        with self._using("written") as connection:
            for table in ("comparison", "speed", "token_hour"):
                connection.execute(f"DELETE FROM {table}")


def open_jobs(file: Path, now: datetime) -> LearningStore:
    """The shared database in ``file``, opened at once (see :meth:`LearningStore.open`)."""
    store = LearningStore(file, now)
    store.open()
    return store


def _opened(file: Path, now: datetime) -> sqlite3.Connection:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return _connect(file)
        except sqlite3.DatabaseError as error:
            if not any(word in str(error).lower() for word in _DAMAGE):
                raise
            set_aside(file, now)
            return _connect(file)
    except sqlite3.Error as error:
        raise JobsProblem(
            tr("The file {name} cannot be opened ({reason}).", name=file.name, reason=str(error)[:80]),
            tr("Close programs that use it and try again."),
        ) from error
    except OSError as error:
        raise JobsProblem(
            tr("The file {file} cannot be opened ({reason}).", file=file, reason=error.strerror),
            tr("Make its folder writable."),
        ) from error


def _connect(file: Path) -> sqlite3.Connection:
    connection = connect_for_writing(file)
    try:
        if version_of(connection) > len(STEPS):
            raise JobsProblem(
                tr("The file {name} was written by a newer Wattlight.", name=file.name),
                tr("Update Wattlight; the file is left as it is."),
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
