"""Dynamic prices: slots of time with a price, in order."""

import bisect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from decimal import Decimal

from wattlight.i18n import tr

from ..values import clean_text
from .exports import (
    ENDS,
    STARTS,
    Clock,
    Row,
    cells_of,
    is_wholesale,
    missing_column,
    plain_header,
    price_cell,
    price_column,
    scale_of,
    series_problem,
    table_of,
    unit_of,
    zone_of,
)
from .price import HOUR_US, TariffProblem

MARKET_SLOTS = 8
"""From so many slots of an hour at most on, a single longer distance is a hole, not a long slot."""


@dataclass(frozen=True, slots=True)
class SeriesChoice:
    """What to take of a file with several prices: a column, rows by the value of other columns, a unit."""

    column: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Slots with a price per kWh, in order of time; what lies between them has none.

    ``column`` and ``unit`` say where the prices came from; ``wholesale``: they are a market's, without taxes.
    """

    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    prices: tuple[Decimal, ...]
    column: str = ""
    unit: str = ""
    wholesale: bool = False

    def at(self, at_us: int) -> Decimal | None:
        """The price at a moment, None where no slot covers it."""
        i = bisect.bisect_right(self.starts_us, at_us) - 1
        return None if i < 0 or at_us >= self.ends_us[i] else self.prices[i]

    def edges(self, start_us: int, end_us: int) -> Iterator[int]:
        """Starts and ends of slots strictly between the two moments."""
        i = max(0, bisect.bisect_right(self.starts_us, start_us) - 1)
        while i < len(self.starts_us) and self.starts_us[i] < end_us:
            for edge in (self.starts_us[i], self.ends_us[i]):
                if start_us < edge < end_us:
                    yield edge
            i += 1

    def holes(self, begin_us: int | None = None, end_us: int | None = None) -> Iterator[tuple[int, int]]:
        """Spans without a price between the two moments (None: its own beginning and end)."""
        begin_us = self.starts_us[0] if begin_us is None else begin_us
        end_us = self.ends_us[-1] if end_us is None else end_us
        for left, right in zip((begin_us, *self.ends_us), (*self.starts_us, end_us), strict=True):
            if max(left, begin_us) < min(right, end_us):
                yield max(left, begin_us), min(right, end_us)


def parse_series(
    text: str,
    name: str = "The price series",
    choice: SeriesChoice | None = None,
    currency: str | None = None,
    zone: tzinfo = UTC,
) -> PriceSeries:
    """Read prices from CSV or JSON: our own columns, or an export of a seller or market.

    A slot lasts until its end column or the next slot, whichever comes first. Without an end the last one
    lasts as long as the one before it, and among slots of an hour at most a single longer distance is a hole.

    Args:
        currency: of the tariff; a file that names another one is refused.
        zone: of times without one, where neither the time nor its column says it.

    Raises:
        TariffProblem: with the number of the line that cannot be used.
    """
    choice = choice or SeriesChoice()
    table = table_of(text)
    names = {plain_header(header): header for header in reversed(table.headers)}
    start = next((names[n] for n in STARTS if n in names), None)
    if start is None:
        raise missing_column(name, "start_utc")
    end = next((names[n] for n in ENDS if n in names), None)
    column = price_column(name, table.headers, choice.column, currency)
    rows = [(line, row) for line, row in table.rows(name) if _chosen(row, choice.rows)]
    if choice.rows and not rows:
        raise series_problem(
            tr("{name} has no row with {what}.", name=name, what=_pairs(choice.rows)),
            tr('Correct "rows" in the tariff.'),
        )
    unit = choice.unit or unit_of(column, rows)
    scale = scale_of(name, column, unit, currency, rows)
    clock = Clock(zone_of(start, zone))
    slots: dict[int, tuple[Decimal | None, int | None, Row]] = {}
    for line, row in rows:
        price = price_cell(row.get(column), line, table.comma)
        begin, until = cells_of(row, start, end)
        start_us = clock.start(begin, line, slots)
        if clock.skipped:
            continue  # an hour that clocks leave out, listed all the same
        known = slots.get(start_us)
        if known is not None and (known[0] != price or start == "start_utc"):
            raise _given_twice(line, row, known[2], {start, end, column})
        end_us = None if until is None else clock.end(until, start_us, line)
        slots[start_us] = price, end_us, row
    starts, ends, prices = _with_ends(name, sorted((at, *slot[:2]) for at, slot in slots.items()))
    return PriceSeries(
        starts,
        ends,
        tuple(p.scaleb(-scale) for p in prices),
        column,
        f"{currency or ''}{unit}" if unit.startswith("/") else unit,
        is_wholesale(column),
    )


def _chosen(row: Row, rows: Mapping[str, str]) -> bool:
    cells = {key.lower(): value for key, value in row.items() if key} if rows else {}
    return all(str(cells.get(key.lower(), "")).strip() == value for key, value in rows.items())


def _pairs(rows: Mapping[str, str]) -> str:
    return ", ".join(clean_text(f"{key} {value}", 60) for key, value in rows.items())


def _given_twice(line: str, row: Row, before: Row, told: set[str | None]) -> TariffProblem:
    """Two prices for one slot; where another column tells the rows apart, its name is the way out."""
    apart = next((k for k in row if k and k not in told and row[k] != before.get(k) and "vat" not in k), None)
    if apart is None or not str(row[apart] or "").strip():
        return series_problem(tr("{line}: this slot is given twice.", line=line), tr("Remove one of them."))
    value = clean_text(str(before.get(apart)), 40)
    return series_problem(
        tr("{line}: this slot is given twice.", line=line),
        tr(
            'Choose one in the tariff: "series": {{"file": "…", "rows": {{"{column}": "{value}"}}}}.',
            column=clean_text(apart, 40),
            value=value,
        ),
    )


def _with_ends(
    name: str, slots: list[tuple[int, Decimal | None, int | None]]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Decimal, ...]]:
    """Starts, ends and prices of the slots that have a price."""
    starts = [slot[0] for slot in slots]
    distances = [b - a for a, b in itertools.pairwise(starts)]
    short = sum(d <= HOUR_US for d in distances)
    market = short >= MARKET_SLOTS and short >= 0.9 * len(distances)
    found: list[tuple[int, int, Decimal]] = []
    usual_us: int | None = None
    for i, (start_us, price, end_us) in enumerate(slots):
        if price is None:
            continue
        length_us = distances[i] if i < len(distances) else usual_us
        if end_us is not None:
            length_us = end_us - start_us if length_us is None or i == len(distances) else min(
                length_us, end_us - start_us
            )  # fmt: skip
        elif market and usual_us is not None and i < len(distances) and _alone(distances, i):
            length_us = usual_us
        if length_us is None:
            continue
        usual_us = length_us
        found.append((start_us, start_us + length_us, price))
    if not found:
        raise series_problem(
            tr("{name} has fewer than two slots.", name=name), tr("Add the prices of at least one day.")
        )
    return tuple(f[0] for f in found), tuple(f[1] for f in found), tuple(f[2] for f in found)


def _alone(distances: list[int], i: int) -> bool:
    """A distance of more than an hour among slots of an hour at most."""
    beside = [*distances[max(0, i - 1) : i], *distances[i + 1 : i + 2]]
    return distances[i] > HOUR_US and all(d <= HOUR_US for d in beside)
