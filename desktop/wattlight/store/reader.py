"""Reads the ledger: any number of these, in any process, while one other writes."""

import heapq
import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter, index
from pathlib import Path

from wattlight.domain.cost import Bucket, DayCell, Drawn
from wattlight.domain.energy import (
    MINUTE_US,
    QUARTER_US,
    Batch,
    DeviceInfo,
    EnergyRow,
    EstimateRow,
    GapRow,
    LevelRow,
    State,
)
from wattlight.domain.values import LOCAL_HOST, HostId, Quality
from wattlight.i18n import tr

from .files import connect_for_reading, migrate, version_of
from .problem import LedgerProblem, sound_values, translated
from .schema import MIGRATIONS, QUALITIES, STATES, VERSION

_BUCKETS = """SELECT start, key, digest, model.name, state,
energy_mj, observed_ms, quality, tokens_in, tokens_out
FROM {table} CROSS JOIN device ON device.id = device LEFT JOIN model ON model.id = model
WHERE start >= ? AND start < ? AND host = ? ORDER BY start"""

_CLOSED = "SELECT day, observed_ms FROM day_closed WHERE host = ? AND day >= ? AND day <= ?"
_CELLS = """SELECT {day}, device, {model}, state, price, fallback, sum(energy_mj), sum(observed_ms),
max(quality), sum(tokens_in), sum(tokens_out) FROM day WHERE host = ? AND day >= ? AND day <= ?
GROUP BY 1, 2, 3, 4, 5, 6"""
_DAYS_POWER = """SELECT day, state, quality, sum(energy_mj) FROM day
WHERE host = ? AND day >= ? AND day <= ? GROUP BY 1, 2, 3"""
_BY_DAY, _BY_MODEL = _CELLS.format(day="day", model="0"), _CELLS.format(day="''", model="model")
_POWER = """SELECT start * {length} / {step} * {step}, state, quality, sum(energy_mj)
FROM {table} JOIN device ON device.id = device WHERE start >= ? AND start < ? AND host = ? GROUP BY 1, 2, 3"""
_SEEN = """SELECT start * {length} / {step} * {step}, sum(observed_ms)
FROM {table} WHERE start >= ? AND start < ? AND host = ? GROUP BY 1"""
_PRESENCE = "SELECT coalesce(sum(observed_ms), 0) FROM {presence} WHERE start >= ? AND start < ? AND host = ?"


_STATE, _QUALITY = dict(enumerate(STATES)), dict(enumerate(QUALITIES))
_BEFORE_3 = [quality for quality in QUALITIES if quality is not Quality.LEARNED]
_QUALITY_BEFORE_3: dict[int, Quality] = dict(enumerate(_BEFORE_3))


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    presence: str
    length_us: int

    def within(self, start_us: int, end_us: int) -> tuple[int, int]:
        """The first row of a span, and the first after it."""
        return -(-start_us // self.length_us), -(-end_us // self.length_us)


_TABLES = (_Table("quarter", "presence_quarter", QUARTER_US), _Table("minute", "presence", MINUTE_US))


class LedgerReader:
    """Answers from one connection. Every method may raise LedgerProblem or LedgerDamaged."""

    def __init__(self, connection: sqlite3.Connection, owns: bool = True, file: Path | None = None) -> None:
        self._connection = connection
        self._owns = owns
        self._file = file

    def buckets(self, start_us: int, end_us: int, host: HostId = LOCAL_HOST) -> Iterator[Bucket]:
        """Rows that begin in [start, end), quarter hours and minutes, oldest first; never all in memory."""
        with translated("read", self._file), self.snapshot():  # minutes may move to quarters at any moment
            tables = (self._buckets(table, start_us, end_us, host) for table in _TABLES)
            yield from heapq.merge(*tables, key=attrgetter("start_us"))

    def estimates(self, start_us: int, end_us: int, host: HostId = LOCAL_HOST) -> Iterator[EstimateRow]:
        """Ranges of the quarter hours that begin in [start, end), oldest first."""
        with translated("read", self._file), self.snapshot():
            if version_of(self._connection) < 3:
                return
            rows = self._connection.execute(
                "SELECT start, low_mj, high_mj, seen_ms FROM estimate "
                "WHERE host = ? AND start >= ? AND start < ? ORDER BY start",
                (host, -(-start_us // QUARTER_US), -(-end_us // QUARTER_US)),
            )
            for row in rows:
                with sound_values(self._file):
                    found = EstimateRow(host, *map(index, row))
                yield found

    @property
    def _qualities(self) -> dict[int, Quality]:
        """By number: ledgers of before version 3 know of nothing learned."""
        return _QUALITY if version_of(self._connection) >= 3 else _QUALITY_BEFORE_3

    def _buckets(self, table: _Table, start_us: int, end_us: int, host: HostId) -> Iterator[Bucket]:
        qualities = self._qualities
        rows = self._connection.execute(
            _BUCKETS.format(table=table.name), (*table.within(start_us, end_us), host)
        )
        for start, device, digest, name, state, mj, ms, quality, tokens_in, tokens_out in rows:
            with sound_values(self._file):
                bucket = Bucket(
                    index(start) * table.length_us,
                    table.length_us,
                    device,
                    name if digest is not None else None,
                    _STATE[state],
                    index(mj),
                    index(ms),
                    qualities[quality],
                    index(tokens_in),
                    index(tokens_out),
                )
            yield bucket

    def drawn(
        self, start_us: int, end_us: int, step_us: int, host: HostId = LOCAL_HOST
    ) -> tuple[list[Drawn], dict[int, int]]:
        """Energy of all devices in [start, end) by state and quality, in steps since 1970; and milliseconds
        observed in each step. Of rows longer than a step, each in the step it begins in."""
        drawn: list[Drawn] = []
        seen: dict[int, int] = {}
        with translated("read", self._file), self.snapshot():
            for table in _TABLES:
                span = (*table.within(start_us, end_us), host)
                how, qualities = {"length": table.length_us, "step": step_us}, self._qualities
                rows = self._connection.execute(_POWER.format(table=table.name, **how), span)
                with sound_values(self._file):
                    drawn += [Drawn(at, _STATE[s], qualities[q], index(mj)) for at, s, q, mj in rows]
                    for at, ms in self._connection.execute(_SEEN.format(table=table.presence, **how), span):
                        seen[at] = seen.get(at, 0) + index(ms)
        return drawn, seen

    def observed_ms(self, start_us: int, end_us: int, host: HostId = LOCAL_HOST) -> int:
        """Milliseconds in [start, end) that at least one device was observed."""
        with translated("read", self._file), self.snapshot(), sound_values(self._file):
            return sum(
                index(
                    self._connection.execute(
                        _PRESENCE.format(presence=table.presence), (*table.within(start_us, end_us), host)
                    ).fetchone()[0]
                )
                for table in _TABLES
            )

    def closed_days(
        self, key: str, first: str, last: str, host: HostId = LOCAL_HOST, by_model: bool = False
    ) -> tuple[dict[str, int], tuple[DayCell, ...]]:
        """Days (ISO dates, both ends included) in the cache for the tariff named ``key``: milliseconds
        observed in each, and their sums by device, state and price, of each day or of each model."""
        with translated("read", self._file), self.snapshot():
            if not self.cached_for(key):
                return {}, ()
            span = (host, first, last)
            observed = dict(self._connection.execute(_CLOSED, span).fetchall())
            devices = dict(self._connection.execute("SELECT id, key FROM device").fetchall())
            models = dict(self._connection.execute("SELECT id, name FROM model").fetchall())
            rows = self._connection.execute(_BY_MODEL if by_model else _BY_DAY, span).fetchall()
        with sound_values(self._file):
            qualities = self._qualities
            prices = {text: Decimal(text) if text else None for text in {row[4] for row in rows}}
            cells = tuple(
                DayCell(
                    day, devices.get(device, ""), models.get(model), _STATE[state], prices[price],
                    bool(fallback), index(mj), index(ms), qualities[quality],
                    index(tokens_in), index(tokens_out),
                )
                for day, device, model, state, price, fallback, mj, ms, quality, tokens_in, tokens_out in rows
            )  # fmt: skip
            return {day: index(ms) for day, ms in observed.items()}, cells

    def closed_days_drawn(
        self, key: str, first: str, last: str, host: HostId = LOCAL_HOST
    ) -> tuple[dict[str, int], list[tuple[str, State, Quality, int]]]:
        """Like :meth:`closed_days`, and mJ of all devices by day, state and quality."""
        with translated("read", self._file), self.snapshot():
            if not self.cached_for(key):
                return {}, []
            observed = dict(self._connection.execute(_CLOSED, (host, first, last)).fetchall())
            qualities = self._qualities
            rows = self._connection.execute(_DAYS_POWER, (host, first, last)).fetchall()
        with sound_values(self._file):
            sums = [(day, _STATE[s], qualities[q], index(mj)) for day, s, q, mj in rows]
            return {day: index(ms) for day, ms in observed.items()}, sums

    def cached_for(self, key: str) -> bool:
        """Whether closed days are kept for the tariff named ``key``; within a snapshot."""
        known = self._connection.execute("SELECT value FROM meta WHERE key = 'day_tariff'").fetchone()
        return known is not None and known[0] == key

    def gaps(self, start_us: int, end_us: int, host: HostId = LOCAL_HOST) -> tuple[GapRow, ...]:
        """Gaps that touch [start, end), in order of time."""
        with translated("read", self._file):
            rows = self._connection.execute(
                "SELECT key, start_us, end_us, reason FROM gap JOIN device ON device.id = gap.device "
                "WHERE host = ? AND end_us >= ? AND start_us < ? ORDER BY start_us, key, end_us",
                (host, start_us, end_us),
            ).fetchall()
        with sound_values(self._file):
            return tuple(GapRow(host, key, index(start), index(end), why) for key, start, end, why in rows)

    def devices(self, host: HostId = LOCAL_HOST) -> tuple[DeviceInfo, ...]:
        with translated("read", self._file):
            error = "error" if version_of(self._connection) >= 2 else "NULL"
            rows = self._connection.execute(
                f"SELECT key, name, kind, vendor, scope, source, {error} "
                "FROM device WHERE host = ? ORDER BY id",
                (host,),
            ).fetchall()
        with sound_values(self._file):
            return tuple(
                DeviceInfo(host, key, name, kind, vendor, scope, source, _error(share))
                for key, name, kind, vendor, scope, source, share in rows
            )

    def levels(self, host: HostId = LOCAL_HOST) -> tuple[LevelRow, ...]:
        """Learned power levels, of each device without models and beside the models it was learned with."""
        with translated("read", self._file):
            rows = self._connection.execute(
                "SELECT key, models, power_uw, learned_us, observed_s FROM level "
                "JOIN device ON device.id = level.device WHERE host = ?",
                (host,),
            ).fetchall()
        with sound_values(self._file):
            return tuple(
                LevelRow(host, key, tuple(models.split(",")) if models else (), *map(index, figures))
                for key, models, *figures in rows
            )

    def everything(self, host: HostId = LOCAL_HOST) -> Batch:
        """All rows, presence, gaps and names, as what waits for a commit: of a ledger in memory."""
        with translated("read"), self.snapshot():
            run = self._connection.execute
            rows = run(
                "SELECT start, key, digest, state, energy_mj, observed_ms, quality, tokens_in, tokens_out "
                "FROM minute JOIN device ON device.id = device LEFT JOIN model ON model.id = model "
                "WHERE host = ?",
                (host,),
            ).fetchall()
            presence = run("SELECT host, start, observed_ms FROM presence WHERE host = ?", (host,)).fetchall()
            models = run("SELECT digest, name FROM model").fetchall()
            estimates = tuple(self.estimates(0, 2**62, host))
        with sound_values(self._file):
            return Batch(
                rows=tuple(
                    EnergyRow(host, minute, device, model, _STATE[state], mj, ms, _QUALITY[quality], *tokens)
                    for minute, device, model, state, mj, ms, quality, *tokens in rows
                ),
                presence=tuple(presence),
                gaps=self.gaps(0, 2**62, host),
                devices=self.devices(host),
                models=tuple(models),
                estimates=estimates,
            )

    def span(self, host: HostId = LOCAL_HOST) -> tuple[int, int] | None:
        """First and last moment with a row, None for an empty ledger."""
        edges = []
        with translated("read", self._file):
            for table in _TABLES:
                low, high = self._connection.execute(
                    f"SELECT min(start), max(start) FROM {table.presence} WHERE host = ?", (host,)
                ).fetchone()
                if low is not None:
                    with sound_values(self._file):
                        edges += [index(low) * table.length_us, (index(high) + 1) * table.length_us]
        return (min(edges), max(edges)) if edges else None

    def hosts(self) -> tuple[HostId, ...]:
        """The computers of which there are rows."""
        with translated("read", self._file):
            rows = self._connection.execute("SELECT DISTINCT host FROM device ORDER BY host").fetchall()
        return tuple(HostId(host) for (host,) in rows)

    def instance(self) -> str:
        """The ledger's own name among all ledgers; "" while it has none."""
        return self._meta("instance") or ""

    def watermarks(self) -> dict[HostId, tuple[str, int]]:
        """Of each host whose ledger is carried into this one: its name, and the last hour that was."""
        found: dict[HostId, tuple[str, int]] = {}
        with translated("read", self._file):
            rows = self._connection.execute("SELECT key, value FROM meta WHERE key LIKE 'far %'").fetchall()
        for key, value in rows:
            instance, _, hour = str(value).rpartition(" ")
            whole = hour.isascii() and hour.isdigit() and len(hour) < 9
            found[HostId(key.removeprefix("far "))] = (
                instance,
                int(hour) if whole else 0,
            )  # all hours are compared
        return found

    def first_hour(self, host: HostId) -> int:
        """What ``host`` recorded before this hour (number since 1970 UTC) was deleted here, and stays so."""
        found = self._meta(f"deleted {host}") or ""
        return int(found) if found.isdecimal() and len(found) < 10 else 0

    def _meta(self, key: str) -> str | None:
        with translated("read", self._file):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Everything read within is of one moment."""
        own = not self._connection.in_transaction
        if own:
            self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            if own and self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        if self._owns:
            self._connection.close()

    def __enter__(self) -> "LedgerReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _error(value: float | None) -> float | None:
    """Raises ValueError for what is no share of a figure."""
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(value)
    return value


def open_reader(file: Path) -> LedgerReader:
    """A reader of the ledger in ``file``; where there is none yet, an empty one.

    Raises:
        LedgerProblem: it is of a newer version, damaged, or cannot be read.
    """
    if not file.exists() or file.stat().st_size == 0:
        empty = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(empty, MIGRATIONS)
        return LedgerReader(empty)
    with translated("read", file):
        connection = connect_for_reading(file)
        try:
            version = version_of(connection)
        except BaseException:
            connection.close()
            raise
    if not 1 <= version <= VERSION:
        connection.close()
        raise newer(version) if version > VERSION else older()
    return LedgerReader(connection, file=file)


def newer(version: int) -> LedgerProblem:
    """The refusal of a ledger that a newer Wattlight made."""
    return LedgerProblem(
        tr(
            "The ledger was made by a newer Wattlight (format {version}; this one knows {version_2}).",
            version=version,
            version_2=VERSION,
        ),
        tr("Install the newer Wattlight; the file was left as it is."),
        "ledger_newer",
    )


def older() -> LedgerProblem:
    """The refusal to read a ledger that the recorder has not yet brought to the present form."""
    return LedgerProblem(
        tr("The ledger is in an older format."),
        tr("Start the meter once to bring it up to date."),
        "ledger_older",
    )
