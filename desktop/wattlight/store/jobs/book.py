"""The shared database: opening it, its tables, and what is learned in it. Tokens are in :mod:`.tokens`."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from wattlight.domain.fit import Verdict
from wattlight.domain.learning import Comparison, LoadKey
from wattlight.domain.servers import HostContact
from wattlight.domain.tokens import MeasuredSpeed, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text, from_us, to_us
from wattlight.i18n import tr
from wattlight.paths import make_folder

from ..files import abandon, connect_for_writing, identity, migrate, remove_copies, set_aside, version_of
from ..problem import is_damage
from . import tokens
from .tokens import TokenHour

KEPT_COMPARISONS = 2000
"""Older loads are forgotten: servers and drivers have changed since."""
KEPT_SPEEDS = 1000
MOST_CONTACTS = 200
"""A person who types the names of many registries must not fill the disk."""
_COMPARISON = (
    "host, at_us, model, digest, server_version, device, architecture, context, kv_type, verdict, "
    "predicted_used_bytes, predicted_size_bytes, predicted_vram_bytes, used_bytes, used_source, used_reason, "
    "reported_size_bytes, reported_vram_bytes, disturbed"
)
_SPEED = (
    "host, at_us, model, digest, device, context, output_tokens, output_tokens_per_s, prompt_tokens_per_s, "
    "server_version, joules_per_token, energy_error_fraction, energy_reason, power_w, "
    "cache_tokens, first_token_s, load_s, driver"
)


_FIRST: tuple[str, ...] = (
    """CREATE TABLE comparison (
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, at_us INTEGER NOT NULL, model TEXT NOT NULL,
    digest TEXT NOT NULL, server_version TEXT NOT NULL, device TEXT NOT NULL, architecture TEXT NOT NULL,
    context INTEGER NOT NULL, kv_type TEXT NOT NULL, verdict TEXT NOT NULL,
    predicted_used_bytes INTEGER NOT NULL, predicted_size_bytes INTEGER NOT NULL,
    predicted_vram_bytes INTEGER NOT NULL, used_bytes INTEGER, used_source TEXT NOT NULL, used_reason TEXT,
    reported_size_bytes INTEGER NOT NULL, reported_vram_bytes INTEGER NOT NULL, disturbed TEXT)""",
    "CREATE INDEX comparison_key ON comparison (host, server_version, device, architecture)",
    """CREATE TABLE speed (
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, at_us INTEGER NOT NULL, model TEXT NOT NULL,
    digest TEXT NOT NULL, device TEXT NOT NULL, context INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    output_tokens_per_s REAL NOT NULL, prompt_tokens_per_s REAL, server_version TEXT, joules_per_token REAL,
    energy_error_fraction REAL, energy_reason TEXT, power_w REAL)""",
    "CREATE INDEX speed_model ON speed (host, digest)",
    # hour counts whole hours since 1970 UTC; tokens are sums over the requests that were counted
    """CREATE TABLE token_hour (
    host TEXT NOT NULL, hour INTEGER NOT NULL, model TEXT NOT NULL, client TEXT NOT NULL,
    source TEXT NOT NULL, requests INTEGER NOT NULL, counted INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, output_ns INTEGER NOT NULL,
    timed_tokens INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    PRIMARY KEY (host, hour, model, client, source)) WITHOUT ROWID""",
)

_CONTACTS: tuple[str, ...] = (
    """CREATE TABLE contact (
    host TEXT NOT NULL, reason TEXT NOT NULL, at_us INTEGER NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (host, reason)) WITHOUT ROWID""",
)

_FILLS: tuple[str, ...] = tuple(
    f"ALTER TABLE speed ADD COLUMN {column}"
    for column in ("cache_tokens INTEGER", "first_token_s REAL", "load_s REAL", "driver TEXT")
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _CONTACTS, _FILLS)
"""Statements that lead from version i to i + 1; never changed once released."""


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
                what=tr(what),
                reason=str(error)[:80],
            ),
            tr("Free some space on the disk.")
            if full
            else tr("Close programs that use the file and try again."),
            "disk_full" if full else None,
        ) from error


class LearningStore:
    """One connection, used by any thread, one at a time. Several processes may have the file open.

    The file is opened (made, if there is none) with the first question; ``now`` names a damaged one that is
    put aside. Every method raises :class:`JobsProblem` when the file cannot be used.
    """

    def __init__(self, file: Path, now: datetime) -> None:
        self._file = file
        self._now = now
        self._opened: sqlite3.Connection | None = None
        self._damaged = False
        self._identity: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the file go; the next question opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def __del__(self) -> None:
        """Whoever forgets the store leaves no open file behind."""
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
        if self._opened is not None and self._moved():
            self._drop()
        if self._damaged:
            self._put_aside()
        if self._opened is None:
            self._opened = _opened(self._file, self._now)
            self._identity = identity(self._file)
        return self._opened

    def _moved(self) -> bool:
        """The file was removed or replaced: what is written now would be in none."""
        return identity(self._file) != self._identity

    def _drop(self) -> None:
        if self._opened is not None:
            abandon(self._opened)
            self._opened = None

    def _put_aside(self) -> None:
        """What it held can be learned again. Where the system refuses, as Windows does while whoever met the
        damage still holds rows, it is done before the next use."""
        with suppress(OSError):
            set_aside(self._file, self._now)
            self._damaged = False

    @contextmanager
    def _using(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(what):
            try:
                yield self._connect()
            except (sqlite3.DatabaseError, ValueError, TypeError, ArithmeticError) as error:
                of_database = isinstance(error, sqlite3.DatabaseError)
                if not is_damage(error) if of_database else what == "written":
                    raise
                self._drop()
                self._damaged = True
                self._put_aside()
                raise sqlite3.DatabaseError("it was damaged and is moved aside") from error
            if what == "written" and self._moved():
                raise sqlite3.OperationalError("it was removed meanwhile")

    def add_comparison(self, comparison: Comparison) -> None:
        """Remember a load, and forget the oldest above :data:`KEPT_COMPARISONS`."""
        self._add("comparison", _COMPARISON, _comparison_row(comparison), KEPT_COMPARISONS)

    def comparisons(self, host: HostId = LOCAL_HOST, limit: int = 500) -> tuple[Comparison, ...]:
        """The newest ``limit`` loads of a computer, newest first, less those this version cannot read."""
        with self._using("read") as connection:
            rows = connection.execute(
                f"SELECT {_COMPARISON} FROM comparison WHERE host = ? ORDER BY at_us DESC, id DESC LIMIT ?",
                (host, limit),
            )
            known = {verdict.value for verdict in Verdict}
            return tuple(_comparison(row) for row in rows if row[9] in known)

    def add_speed(self, speed: MeasuredSpeed) -> None:
        """Remember a run of the benchmark, and forget the oldest above :data:`KEPT_SPEEDS`."""
        self._add("speed", _SPEED, _speed_row(speed), KEPT_SPEEDS)

    def _add(self, table: str, columns: str, row: tuple[object, ...], kept: int) -> None:
        with self._using("written") as connection:
            marks = ", ".join("?" * len(row))
            cursor = connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)
            connection.execute(f"DELETE FROM {table} WHERE id <= ?", ((cursor.lastrowid or 0) - kept,))

    def speeds(self, host: HostId = LOCAL_HOST, digest: str | None = None) -> tuple[MeasuredSpeed, ...]:
        """Runs of the benchmark, of one model or of all, newest first."""
        with self._using("read") as connection:
            rows = connection.execute(
                f"SELECT {_SPEED} FROM speed WHERE host = ? AND (? IS NULL OR digest = ?) "
                "ORDER BY at_us DESC, id DESC",
                (host, digest, digest),
            )
            return tuple(_speed(row) for row in rows)

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        """Add requests to the sums of their hours, all or none of them."""
        with self._using("written") as connection:
            tokens.add(connection, uses)

    def token_hours(self, start: datetime, end: datetime, host: HostId = LOCAL_HOST) -> tuple[TokenHour, ...]:
        """Sums of the hours in [start, end), in order of time."""
        with self._using("read") as connection:
            return tokens.between(connection, start, end, host)

    def note_contact(self, host: str, reason: str, at: datetime) -> None:
        """Count that a host was contacted, and why; the oldest above :data:`MOST_CONTACTS` are dropped."""
        with self._using("written") as connection:
            connection.execute(
                "INSERT INTO contact VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
                "at_us = max(at_us, excluded.at_us), times = times + 1",
                (clean_text(host, 260), reason, to_us(at)),
            )
            connection.execute(
                "DELETE FROM contact WHERE (host, reason) NOT IN "
                "(SELECT host, reason FROM contact ORDER BY at_us DESC LIMIT ?)",
                (MOST_CONTACTS,),
            )

    def contacts(self) -> tuple[HostContact, ...]:
        with self._using("read") as connection:
            rows = connection.execute(
                "SELECT host, reason, at_us, times FROM contact ORDER BY at_us DESC, host, reason"
            )
            return tuple(
                HostContact(name, reason, from_us(at_us), times) for name, reason, at_us, times in rows
            )

    def forget_tokens(self) -> None:
        """Delete the counts of tokens, here and in copies that were kept aside."""
        with self._using("written") as connection:
            connection.execute("DELETE FROM token_hour")
            connection.execute("VACUUM")
        remove_copies(self._file)


def open_jobs(file: Path, now: datetime) -> LearningStore:
    """The shared database in ``file``, opened at once (see :meth:`LearningStore.open`)."""
    store = LearningStore(file, now)
    store.open()
    return store


def _opened(file: Path, now: datetime) -> sqlite3.Connection:
    try:
        make_folder(file.parent)
        try:
            return _connect(file)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
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


def _comparison_row(c: Comparison) -> tuple[object, ...]:
    return (
        c.host, to_us(c.at), c.model, c.digest, c.key.server_version, c.key.device, c.key.architecture,
        c.context, c.kv_type, c.verdict.value, c.predicted_used_bytes, c.predicted_size_bytes,
        c.predicted_vram_bytes, c.used_bytes, c.used_source, c.used_reason, c.reported_size_bytes,
        c.reported_vram_bytes, c.disturbed,
    )  # fmt: skip


def _comparison(row: tuple[Any, ...]) -> Comparison:
    (host, at_us, model, digest, version, device, architecture, context, kv_type, verdict, used_p, size_p,
     vram_p, used, source, reason, size, vram, disturbed) = row  # fmt: skip
    return Comparison(
        at=from_us(at_us),
        model=model,
        digest=digest,
        key=LoadKey(version, device, architecture),
        context=context,
        kv_type=kv_type,
        verdict=Verdict(verdict),
        predicted_used_bytes=used_p,
        predicted_size_bytes=size_p,
        predicted_vram_bytes=vram_p,
        used_bytes=used,
        used_source=source,
        used_reason=reason,
        reported_size_bytes=size,
        reported_vram_bytes=vram,
        disturbed=disturbed,
        host=HostId(host),
    )


def _speed_row(s: MeasuredSpeed) -> tuple[object, ...]:
    return (
        s.host, to_us(s.at), s.model, s.digest, s.device, s.context, s.output_tokens, s.output_tokens_per_s,
        s.prompt_tokens_per_s, s.server_version, s.joules_per_token, s.energy_error_fraction, s.energy_reason,
        s.power_w, s.cache_tokens, s.first_token_s, s.load_s, s.driver,
    )  # fmt: skip


def _speed(row: tuple[Any, ...]) -> MeasuredSpeed:
    (host, at_us, model, digest, device, context, tokens, speed, prompt_speed, version, joules, error, reason,
     power, cache_tokens, first_token_s, load_s, driver) = row  # fmt: skip
    return MeasuredSpeed(
        model=model,
        digest=digest,
        device=device,
        context=context,
        at=from_us(at_us),
        output_tokens=tokens,
        output_tokens_per_s=speed,
        prompt_tokens_per_s=prompt_speed,
        server_version=version,
        joules_per_token=joules,
        energy_error_fraction=error,
        energy_reason=reason,
        power_w=power,
        host=HostId(host),
        cache_tokens=cache_tokens,
        first_token_s=first_token_s,
        load_s=load_s,
        driver=driver,
    )
