"""The only writer of the ledger. One call is one transaction: it is there as a whole, or not at all."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from wattlight.domain.cost import ClosedDay, DayCell
from wattlight.domain.energy import MINUTE_US, QUARTER_US, CounterBase
from wattlight.domain.values import LOCAL_HOST, HostId

from .files import remove_copies, suspect, transaction
from .pending import OwnTime, Pending
from .problem import translated
from .schema import QUALITIES, STATES, check

_UPSERT = """INSERT INTO {table} VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET
energy_mj = energy_mj + excluded.energy_mj, observed_ms = observed_ms + excluded.observed_ms,
quality = max(quality, excluded.quality), tokens_in = tokens_in + excluded.tokens_in,
tokens_out = tokens_out + excluded.tokens_out"""
_PRESENCE = """INSERT INTO {table} VALUES (?,?,?) ON CONFLICT DO UPDATE SET
observed_ms = observed_ms + excluded.observed_ms"""
_ESTIMATE = """INSERT INTO estimate VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET
low_mj = low_mj + excluded.low_mj, high_mj = high_mj + excluded.high_mj,
seen_ms = seen_ms + excluded.seen_ms"""
KEEP_MINUTES_DAYS = 14
_DAY_MINUTES = 1440
_ENDS = (
    ("minute", "start", MINUTE_US),
    ("presence", "start", MINUTE_US),
    ("quarter", "start", QUARTER_US),
    ("presence_quarter", "start", QUARTER_US),
    ("estimate", "start", QUARTER_US),
    ("gap", "end_us", 1),
    ("day_closed", "end_us", 1),
)
"""Tables, the column that tells a row's time, and in how many microseconds it counts."""
_STATE_NUMBER = {state: number for number, state in enumerate(STATES)}
_QUALITY_NUMBER = {quality: number for number, quality in enumerate(QUALITIES)}


def ended_mark(at_ns: int) -> str:
    """What stands in a ledger whose last writer ended in order, at ``at_ns``."""
    return f"0 {at_ns}"


class LedgerWriter:
    """Writes through one connection. Use it from one thread at a time (the recorder's)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._devices: dict[tuple[HostId, str], int] = {}
        self._models: dict[str, tuple[int, str]] = {}

    def write(self, pending: Pending, now_us: int | None = None, metered_us: int = 0) -> None:
        """Commit all that is pending, with the counters that go with it, and the time since the last commit.

        Raises:
            LedgerFull, LedgerDamaged, LedgerProblem: nothing was written; ``pending`` is unchanged.
        """
        with translated("written"), self.transaction():
            self.write_names(pending)
            self.connection.executemany(
                _UPSERT.format(table="minute"),
                [
                    (
                        row.minute,
                        self.device_number(row.host, row.device),
                        self.model_number(row.model),
                        _STATE_NUMBER[row.state],
                        row.energy_mj,
                        row.observed_ms,
                        _QUALITY_NUMBER[row.quality],
                        row.tokens_in,
                        row.tokens_out,
                    )
                    for row in pending.rows.values()
                ],
            )
            self.connection.executemany(
                _PRESENCE.format(table="presence"),
                [(host, minute, ms) for (host, minute), ms in pending.presence.items()],
            )
            self.connection.executemany(
                _ESTIMATE, [(*key, *amounts) for key, amounts in pending.estimates.items()]
            )
            self._write_gaps(pending)
            self._write_counters(pending)
            self._forget_cached_days(pending)
            if now_us is not None:
                self._note_time(now_us, metered_us)

    def own_time_us(self) -> int | None:
        """What the clock said at least all through the last day of metering; None before there was one."""
        with translated("read"):
            return self._own_time().told_us()

    def check(self) -> None:
        """Read all of it through; what made it suspect is settled then.

        Raises:
            LedgerDamaged: it is damaged.
        """
        with translated("read"):
            check(self.connection)
        if self.file is not None:
            suspect(self.file).unlink(missing_ok=True)

    def roll_up(self, now_us: int) -> int:
        """Turn minutes older than 14 days into quarter hours, one day per transaction; how many days."""
        end = (now_us // 60_000_000 // _DAY_MINUTES - KEEP_MINUTES_DAYS) * _DAY_MINUTES
        days = 0
        with translated("written"):
            while (first := self._oldest_minute(end)) is not None:
                upto = min(end, (first // _DAY_MINUTES + 1) * _DAY_MINUTES)
                with self.transaction():
                    self._roll(upto)
                days += 1
            self.connection.execute(
                "DELETE FROM gap WHERE end_us < ? AND end_us - start_us < 60000000", (end * 60_000_000,)
            )
        return days

    def counters(self, host: HostId) -> tuple[CounterBase, ...]:
        """Where each counter stood at the last commit."""
        with translated("read"):
            rows = self.connection.execute(
                "SELECT key, counter_mj, at_us, mono_us, epoch, boot_id FROM counter "
                "JOIN device ON device.id = counter.device WHERE host = ?",
                (host,),
            ).fetchall()
        return tuple(CounterBase(host, *row) for row in rows)

    def forget_levels(self) -> None:
        with translated("written"):
            self.connection.execute("DELETE FROM level")

    def close_days(self, key: str, days: Sequence[ClosedDay], host: HostId = LOCAL_HOST) -> None:
        """Put days that are over into the cache. ``key`` names the tariff; another one empties it first."""
        with translated("written"), self.transaction():
            known = self.connection.execute("SELECT value FROM meta WHERE key = 'day_tariff'").fetchone()
            if known is None or known[0] != key:
                self.connection.execute("DELETE FROM day")
                self.connection.execute("DELETE FROM day_closed")
                self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('day_tariff', ?)", (key,))
            for day in days:
                self.connection.execute(
                    "INSERT OR REPLACE INTO day_closed VALUES (?,?,?,?)",
                    (day.day, host, day.end_us, day.observed_ms),
                )
                self.connection.executemany(
                    "INSERT OR REPLACE INTO day VALUES (?,?,?,(SELECT ifnull(max(id), 0) FROM model "
                    "WHERE name = ?),?,?,?,?,?,?,?,?)",
                    [self._cell(day.day, host, cell) for cell in day.cells],
                )

    def forget_before(self, before_us: int) -> int:
        """Delete every row that ended before ``before_us`` (microseconds since 1970 UTC); how many went.

        Raises:
            LedgerProblem: it could not; nothing was deleted.
        """
        gone = 0
        with translated("written"), self.transaction():
            for table, column, unit_us in _ENDS:
                found = self.connection.execute(
                    f"DELETE FROM {table} WHERE {column} < ?", (before_us // unit_us,)
                )
                gone += found.rowcount
            self.connection.execute(
                "DELETE FROM day WHERE (day, host) NOT IN (SELECT day, host FROM day_closed)"
            )
        return gone

    def has_before(self, before_us: int) -> bool:
        """Whether any energy from before that moment is still there."""
        with translated("read"):
            return any(
                self.connection.execute(
                    f"SELECT 1 FROM {table} WHERE start < ? LIMIT 1", (before_us // unit_us,)
                ).fetchone()
                for table, unit_us in (("minute", MINUTE_US), ("quarter", QUARTER_US))
            )

    def purge(self, at: datetime) -> None:
        """Delete every record, and every copy of the ledger that was kept aside.

        What other computers recorded until the end of the hour of ``at`` is not carried here again.
        """
        with translated("written"):
            with self.transaction():
                self.connection.execute(
                    "INSERT OR REPLACE INTO meta SELECT 'deleted ' || substr(key, 5), ? FROM meta "
                    "WHERE key LIKE 'far %'",
                    (str(int(at.timestamp() // 3600) + 1),),
                )
                for table in (*(name for name, _, _ in _ENDS), "day", "counter", "level", "model", "device"):
                    self.connection.execute(f"DELETE FROM {table}")
            self._devices.clear()
            self._models.clear()
            self.connection.execute("VACUUM")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if self.file is not None:
            remove_copies(self.file)

    def close(self) -> None:
        """Say that the end was orderly, and close: the file then bears the time that stands in it, so that
        one that was written to by anything else is known."""
        at_ns = int(time.time()) // 2 * 2_000_000_000  # as exact as any file system keeps it
        with contextlib.suppress(sqlite3.Error):
            self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('open', ?)", (ended_mark(at_ns),))
        file = self.file
        self.connection.close()
        if file is not None:
            with contextlib.suppress(OSError):
                os.utime(file, ns=(at_ns, at_ns))

    @property
    def file(self) -> Path | None:
        """Where it writes; None in memory."""
        named = str(self.connection.execute("PRAGMA database_list").fetchone()[2])
        return Path(named) if named else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written within, or nothing of it."""
        try:
            with transaction(self.connection):
                yield self.connection
        except BaseException:
            self._devices.clear()
            self._models.clear()
            raise

    def write_names(self, pending: Pending) -> None:
        """Names of devices and models; within a transaction."""
        for info in pending.devices.values():
            self.connection.execute(
                "INSERT INTO device (host, key, name, kind, vendor, scope, source, error) "
                "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (host, key) "
                "DO UPDATE SET name = excluded.name, kind = excluded.kind, "
                "vendor = excluded.vendor, scope = excluded.scope, source = excluded.source, "
                "error = excluded.error",
                (
                    info.host,
                    info.device,
                    info.name,
                    info.kind,
                    info.vendor,
                    info.scope,
                    info.source,
                    info.error_fraction,
                ),
            )
        for digest, name in pending.models.items():
            known = self._models.get(digest)
            if known is None or known[1] != name:
                self.connection.execute(
                    "INSERT INTO model (digest, name) VALUES (?,?) "
                    "ON CONFLICT (digest) DO UPDATE SET name = excluded.name",
                    (digest, name),
                )
                self._models.pop(digest, None)

    def _own_time(self) -> OwnTime:
        row = self.connection.execute("SELECT value FROM meta WHERE key = 'own_time'").fetchone()
        return OwnTime("" if row is None else row[0])

    def _note_time(self, now_us: int, metered_us: int) -> None:
        known = self._own_time()
        known.note(now_us, metered_us)
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('own_time', ?)", (known.text(),))

    def _write_gaps(self, pending: Pending) -> None:
        self.connection.executemany(
            "INSERT OR REPLACE INTO gap VALUES (?,?,?,?)",
            [(self.device_number(g.host, g.device), g.start_us, g.end_us, g.reason) for g in pending.gaps],
        )

    def _write_counters(self, pending: Pending) -> None:
        self.connection.executemany(
            "INSERT OR REPLACE INTO counter VALUES (?,?,?,?,?,?)",
            [
                (self.device_number(c.host, c.device), c.counter_mj, c.at_us, c.mono_us, c.epoch, c.boot_id)
                for c in pending.counters.values()
            ],
        )
        self.connection.executemany(
            "INSERT OR REPLACE INTO level VALUES (?,?,?,?,?)",
            [
                (
                    self.device_number(v.host, v.device),
                    ",".join(v.models),
                    v.power_uw,
                    v.learned_us,
                    v.observed_s,
                )
                for v in pending.levels.values()
            ],
        )

    def _forget_cached_days(self, pending: Pending) -> None:
        # A late row (a counter that bridged a long gap) changes days that may be in the cache.
        if not pending.rows:
            return
        first_us = min(key[1] for key in pending.rows) * 60_000_000
        late = self.connection.execute(
            "SELECT day, host FROM day_closed WHERE end_us > ?", (first_us,)
        ).fetchall()
        self.connection.executemany("DELETE FROM day WHERE day = ? AND host = ?", late)
        self.connection.executemany("DELETE FROM day_closed WHERE day = ? AND host = ?", late)

    def device_number(self, host: HostId, key: str) -> int:
        """Its number in the ledger; it gets one where it has none."""
        known = self._devices.get((host, key))
        if known is None:
            self.connection.execute(
                "INSERT OR IGNORE INTO device (host, key, name, kind, vendor, scope, source) "
                "VALUES (?,?,?,'','','','')",
                (host, key, key),
            )
            row = self.connection.execute("SELECT id FROM device WHERE host = ? AND key = ?", (host, key))
            known = self._devices[host, key] = int(row.fetchone()[0])
        return known

    def model_number(self, digest: str | None) -> int:
        if digest is None:
            return 0
        known = self._models.get(digest)
        if known is None:
            self.connection.execute(
                "INSERT OR IGNORE INTO model (digest, name) VALUES (?,?)", (digest, digest[:19])
            )
            row = self.connection.execute("SELECT id, name FROM model WHERE digest = ?", (digest,)).fetchone()
            known = self._models[digest] = (int(row[0]), str(row[1]))
        return known[0]

    def _cell(self, day: str, host: HostId, cell: DayCell) -> tuple[object, ...]:
        return (
            day,
            host,
            self.device_number(host, cell.device),
            cell.model,
            _STATE_NUMBER[cell.state],
            "" if cell.price_per_kwh is None else str(cell.price_per_kwh),
            int(cell.fallback),
            cell.energy_mj,
            cell.observed_ms,
            _QUALITY_NUMBER[cell.quality],
            cell.tokens_in,
            cell.tokens_out,
        )

    def _oldest_minute(self, end: int) -> int | None:
        row = self.connection.execute(
            "SELECT min(m) FROM (SELECT min(start) AS m FROM minute "
            "UNION ALL SELECT min(start) FROM presence)"
        ).fetchone()
        return int(row[0]) if row[0] is not None and row[0] < end else None

    def _roll(self, upto: int) -> None:
        run = self.connection.execute
        run(
            "INSERT INTO quarter SELECT start / 15, device, model, state, sum(energy_mj), sum(observed_ms), "
            "max(quality), sum(tokens_in), sum(tokens_out) FROM minute WHERE start < ? GROUP BY 1, 2, 3, 4 "
            "ON CONFLICT DO UPDATE SET energy_mj = energy_mj + excluded.energy_mj, "
            "observed_ms = observed_ms + excluded.observed_ms, quality = max(quality, excluded.quality), "
            "tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out",
            (upto,),
        )
        run("DELETE FROM minute WHERE start < ?", (upto,))
        run(
            "INSERT INTO presence_quarter SELECT host, start / 15, sum(observed_ms) FROM presence "
            "WHERE start < ? GROUP BY 1, 2 "
            "ON CONFLICT DO UPDATE SET observed_ms = observed_ms + excluded.observed_ms",
            (upto,),
        )
        run("DELETE FROM presence WHERE start < ?", (upto,))
