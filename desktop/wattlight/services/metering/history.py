"""What the charts of longer spans show, read from the ledger; never on the window's thread."""

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

from .days import sums_of_days


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
    """Whole days, those that are over from the ledger's cache of them."""
    first, last = local_day(edges[0], zone), local_day(edges[-2], zone)
    days = sums_of_days(reader, tariff, zone, first, last)
    starts = {local_day(edge, zone).isoformat(): edge for edge in edges[:-1]}
    drawn = [
        Drawn(starts[cell.day], cell.state, cell.quality, cell.energy_mj)
        for cell in days.sums.cells()
        if cell.day in starts
    ]
    return drawn, {starts[day]: ms for day, ms in days.observed_ms.items() if day in starts}


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
