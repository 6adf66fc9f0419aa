"""Whole months in the cache of closed days: a year of many computers is added up from twelve sums of each.

They stand in the tables of days under a name that no day has (``m2026-03``), and go with their days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import index

from wattlight.domain.cost import DayCell
from wattlight.domain.values import HostId

from .problem import sound_values, translated
from .reader import LedgerReader
from .schema import QUALITIES, STATES
from .writer import LedgerWriter

_MARK = "m"
_ADD = """INSERT OR REPLACE INTO day SELECT ?, host, device, max(model), state, price, fallback,
sum(energy_mj), sum(observed_ms), max(quality), sum(tokens_in), sum(tokens_out) FROM day
WHERE host = ? AND day >= ? AND day <= ? GROUP BY device, model > 0, state, price, fallback"""
_CLOSE = """INSERT OR REPLACE INTO day_closed SELECT ?, host, ?, sum(observed_ms) FROM day_closed
WHERE host = ? AND day >= ? AND day <= ? GROUP BY host"""


@dataclass(frozen=True, slots=True)
class MonthSpan:
    """A month that is over: ISO dates of its first and last day, and the first moment after it."""

    name: str
    first: str
    last: str
    end_us: int


def known_months(reader: LedgerReader, host: HostId) -> set[str]:
    """The months of a host that are in the cache, like ``2026-03``."""
    with translated("read"), reader.snapshot() as connection:
        rows = connection.execute(
            "SELECT day FROM day_closed WHERE host = ? AND day >= ?", (host, _MARK)
        ).fetchall()
    return {name.removeprefix(_MARK) for (name,) in rows}


def close_months(writer: LedgerWriter, host: HostId, months: Sequence[MonthSpan]) -> None:
    """Put months whose days are all in the cache beside them; a month without any is left out."""
    with translated("written"), writer.transaction() as connection:
        for month in months:
            name, span = _MARK + month.name, (host, month.first, month.last)
            connection.execute("DELETE FROM day WHERE day = ? AND host = ?", (name, host))
            connection.execute(_ADD, (name, *span))
            connection.execute(_CLOSE, (name, month.end_us, *span))


def closed_months(
    reader: LedgerReader, key: str, months: Sequence[str], host: HostId
) -> tuple[dict[str, int], tuple[DayCell, ...]]:
    """Of ``months`` those in the cache for the tariff named ``key``: milliseconds observed in each, and their
    sums by device, state and price. A cell's model is told by whether it has one, not by its name."""
    with translated("read"), reader.snapshot() as connection:
        if not reader.cached_for(key):
            return {}, ()
        wanted = [_MARK + month for month in months]
        places = ",".join("?" * len(wanted))
        observed = connection.execute(
            f"SELECT day, observed_ms FROM day_closed WHERE host = ? AND day IN ({places})", (host, *wanted)
        ).fetchall()
        rows = connection.execute(
            "SELECT device, model > 0, state, price, fallback, sum(energy_mj), sum(observed_ms), "
            f"max(quality), sum(tokens_in), sum(tokens_out) FROM day WHERE host = ? AND day IN ({places}) "
            "GROUP BY 1, 2, 3, 4, 5",
            (host, *wanted),
        ).fetchall()
        devices = dict(connection.execute("SELECT id, key FROM device WHERE host = ?", (host,)).fetchall())
    with sound_values(None):
        cells = tuple(
            DayCell(
                "",
                devices[device],
                "" if has_model else None,
                STATES[state],
                Decimal(price) if price else None,
                bool(fallback),
                index(mj),
                index(ms),
                QUALITIES[quality],
                index(tokens_in),
                index(tokens_out),
            )
            for device, has_model, state, price, fallback, mj, ms, quality, tokens_in, tokens_out in rows
        )
        return {name.removeprefix(_MARK): index(ms) for name, ms in observed}, cells
