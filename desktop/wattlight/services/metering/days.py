"""Sums of many days: closed days from the ledger's cache, the rest from its rows."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.cost import Amount, By, ClosedDay, DayCell, Sums
from wattlight.domain.energy import State
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.store import (
    LedgerReader,
    LedgerWriter,
    MonthSpan,
    close_months,
    closed_months,
    known_months,
)

MOST_AT_ONCE = timedelta(days=14)
"""Days whose models and prices are in memory together."""


@dataclass(frozen=True, slots=True)
class DaySum:
    """One day: models working, models loaded and idle, everything else that was measured."""

    day: date
    working: Amount
    parked: Amount
    computer: Amount
    observed_s: int = 0

    @property
    def models_micro(self) -> int:
        """Money for the models, working or idle; 0 without a price."""
        return (self.working.cost_micro or 0) + (self.parked.cost_micro or 0)


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days; ``observed_ms`` has every day (ISO) with rows or presence."""

    sums: Sums
    observed_ms: dict[str, int]

    def each(self) -> tuple[DaySum, ...]:
        kinds = {State.ACTIVE: "working", State.PARKED: "parked"}
        amounts = self.sums.amounts(lambda key: (key.time, kinds.get(key.state, "computer")))
        none = Amount(cost_micro=None if self.sums.tariff is None else 0)
        return tuple(
            DaySum(
                date.fromisoformat(day),
                amounts.get((day, "working"), none),
                amounts.get((day, "parked"), none),
                amounts.get((day, "computer"), none),
                self.observed_ms[day] // 1000,
            )
            for day in sorted(self.observed_ms)
        )


def tariff_key(tariff: Tariff | None, zone: ZoneInfo) -> str:
    """Names what days and prices depend on, for the cache."""
    return f"{zone.key}/{'' if tariff is None else tariff.fingerprint}"


def sums_of_days(
    reader: LedgerReader,
    tariff: Tariff | None,
    zone: ZoneInfo,
    first: date,
    last: date,
    host: HostId = LOCAL_HOST,
    by_model: bool = False,
) -> Days:
    """The days from ``first`` to ``last`` (both included); ``zone`` is theirs while there is no tariff.

    Each day without the names of models; or (``by_model``) all days together by model.
    """
    zone = zone if tariff is None else tariff.zone
    sums = Sums(tariff, *_bounds(first, last, zone), zone, None if by_model else By.DAY)
    sums.know(reader.devices(host))
    observed = _add_days(sums, reader, tariff, zone, first, last, host, by_model)
    sums.observed_ms = sum(observed.values())
    return Days(sums, observed)


def _add_days(
    sums: Sums,
    reader: LedgerReader,
    tariff: Tariff | None,
    zone: ZoneInfo,
    first: date,
    last: date,
    host: HostId,
    by_model: bool,
) -> dict[str, int]:
    """Add days to ``sums``, those that are over from the cache; milliseconds observed in each."""
    span = first.isoformat(), last.isoformat()
    observed, cells = reader.closed_days(tariff_key(tariff, zone), *span, host, by_model)
    sums.add_cells(cells)
    for run in _runs([day for day in _span(first, last) if day.isoformat() not in observed]):
        for day in _computed(reader, tariff, zone, *run, host):
            observed[day.day] = day.observed_ms
            sums.add_cells(day.cells)
    return observed


def close_days(writer: LedgerWriter, tariff: Tariff | None, now_us: int, zone: ZoneInfo) -> int:
    """Put every day that is over and not yet there into the cache; how many. The recorder's daily work."""
    reader = LedgerReader(writer.connection, owns=False)
    zone = zone if tariff is None else tariff.zone
    key = tariff_key(tariff, zone)
    count = 0
    for host in reader.hosts():
        span = reader.span(host)
        if span is None:
            continue
        first, last = local_day(span[0], zone), local_day(now_us, zone) - timedelta(days=1)
        known, _ = reader.closed_days(key, first.isoformat(), last.isoformat(), host)
        missing = [day for day in _span(first, last) if day.isoformat() not in known]
        for run in _runs(missing):
            fresh = _computed(reader, tariff, zone, *run, host)
            writer.close_days(key, fresh, host)
            count += len(fresh)
        there = known_months(reader, host)
        months = [month for month in _months(first, last, zone) if month.name not in there]
        if months:
            close_months(writer, host, months)
    return count


def sums_of_span(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, first: date, last: date, host: HostId
) -> Sums:
    """Like :func:`sums_of_days` with neither days nor models apart: whole months that are over come from the
    cache of months. Of a model it is only told that there was one."""
    zone = zone if tariff is None else tariff.zone
    whole = _months(first, last, zone)
    known, cells = closed_months(reader, tariff_key(tariff, zone), [month.name for month in whole], host)
    cached = {day for month in whole if month.name in known for day in _days_of(month)}
    sums = Sums(tariff, *_bounds(first, last, zone), zone, None)
    sums.know(reader.devices(host))
    sums.add_cells(cells)
    sums.observed_ms = sum(known.values())
    left = [day for day in _span(first, last) if day not in cached]
    for start, end in _runs(left, timedelta(days=366)):
        sums.observed_ms += sum(_add_days(sums, reader, tariff, zone, start, end, host, True).values())
    return sums


def _months(first: date, last: date, zone: ZoneInfo) -> list[MonthSpan]:
    """The months that lie between two days as a whole."""
    found: list[MonthSpan] = []
    day = first if first.day == 1 else (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    while True:
        following = (day + timedelta(days=32)).replace(day=1)
        end = following - timedelta(days=1)
        if end > last:
            return found
        name = day.isoformat()[:7]
        found.append(MonthSpan(name, day.isoformat(), end.isoformat(), day_start_us(following, zone)))
        day = following


def _days_of(month: MonthSpan) -> list[date]:
    return _span(date.fromisoformat(month.first), date.fromisoformat(month.last))


def _computed(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, first: date, last: date, host: HostId
) -> list[ClosedDay]:
    """The days that have rows or presence, added up from the rows themselves."""
    bounds = _bounds(first, last, zone)
    sums = Sums(tariff, *bounds, zone, By.DAY, prices=True).add_all(reader.buckets(*bounds, host))
    cells: dict[str, list[DayCell]] = {}
    for cell in sums.cells():
        cells.setdefault(cell.day, []).append(cell)
    closed = []
    for day in _span(first, last):
        left, right = _bounds(day, day, zone)
        observed, mine = reader.observed_ms(left, right, host), cells.get(day.isoformat(), [])
        if mine or observed:
            closed.append(ClosedDay(day.isoformat(), right, observed, tuple(mine)))
    return closed


def _bounds(first: date, last: date, zone: ZoneInfo) -> tuple[int, int]:
    return day_start_us(first, zone), day_start_us(last + timedelta(days=1), zone)


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _runs(days: Sequence[date], longest: timedelta = MOST_AT_ONCE) -> list[tuple[date, date]]:
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and day - runs[-1][1] == timedelta(days=1) and day - runs[-1][0] < longest:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def kept_since(now: datetime, months: int) -> datetime:
    """The moment so many months ago, on the last day of that month where the day does not exist in it."""
    count = max(12, now.year * 12 + now.month - 1 - months)  # no year before 1
    year, month = divmod(count, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return now.replace(year=year, month=month + 1, day=day)
