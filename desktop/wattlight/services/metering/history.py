"""What the charts of longer spans show, read from the ledger; never on the window's thread."""

import bisect
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.cost import (
    HOUR_US,
    WEEKS,
    Drawn,
    History,
    HistorySpan,
    WeekHour,
    history_slots,
    slot_edges,
    week_hours,
)
from wattlight.domain.energy import MINUTE_US, QUARTER_US
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import to_us
from wattlight.store import LedgerReader

from .days import tariff_key


def power_history(
    reader: LedgerReader, span: HistorySpan, tariff: Tariff | None, zone: ZoneInfo, now: datetime
) -> History:
    """A span that ends ``now``; ``zone`` is of days while there is no tariff."""
    zone = zone if tariff is None else tariff.zone
    now_us = to_us(now)
    edges = slot_edges(span, now_us, zone)
    first = reader.span()
    if first is None:
        return History(span, zone)
    if span is HistorySpan.YEAR:
        return History(span, zone, history_slots(edges, *_days(reader, tariff, zone, edges)))
    step_us = 5 * MINUTE_US if span is HistorySpan.DAY else QUARTER_US
    drawn, seen = reader.drawn(edges[0], edges[-1], step_us)
    gaps = reader.gaps(edges[0], edges[-1])
    return History(span, zone, history_slots(edges, drawn, seen, gaps, (first[0], now_us)))


def _days(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, edges: tuple[int, ...]
) -> tuple[list[Drawn], dict[int, int]]:
    """Whole days: those that are over from the ledger's cache of them, the others from its rows."""
    starts = {local_day(edge, zone).isoformat(): edge for edge in edges[:-1]}
    known, cells = reader.closed_days_drawn(tariff_key(tariff, zone), min(starts), max(starts))
    drawn = [Drawn(starts[day], state, quality, mj) for day, state, quality, mj in cells]
    seen = {starts[day]: ms for day, ms in known.items()}
    missing = [edge for day, edge in starts.items() if day not in known]
    if missing:
        rows, presence = reader.drawn(missing[0], edges[edges.index(missing[-1]) + 1], QUARTER_US)
        wanted = set(missing)
        drawn += [piece for piece in rows if _before(edges, piece.start_us) in wanted]
        seen |= {at_us: ms for at_us, ms in presence.items() if _before(edges, at_us) in wanted}
    return drawn, seen


def _before(edges: tuple[int, ...], at_us: int) -> int:
    return edges[bisect.bisect_right(edges, at_us) - 1]


def hours_of_the_week(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, now: datetime
) -> tuple[WeekHour, ...]:
    """Mean power in each hour of the week over the last weeks; empty without records."""
    zone = zone if tariff is None else tariff.zone
    first, now_us = reader.span(), to_us(now)
    if first is None:
        return ()
    today = local_day(now_us, zone)
    start_us = max(day_start_us(_back(today), zone), first[0] // QUARTER_US * QUARTER_US)
    edges = tuple(range(start_us, now_us + QUARTER_US, QUARTER_US))
    if len(edges) < HOUR_US // QUARTER_US:
        return ()
    drawn, seen = reader.drawn(edges[0], edges[-1], QUARTER_US)
    gaps = reader.gaps(edges[0], edges[-1])
    return week_hours(history_slots(edges, drawn, seen, gaps, (first[0], now_us)), zone)


def _back(today: date) -> date:
    return today - timedelta(weeks=WEEKS)
