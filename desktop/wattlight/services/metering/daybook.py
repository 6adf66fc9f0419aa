"""Sums of many days: closed days from the ledger's cache, the rest from its rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.cost import Bucket, ClosedDay, DayCell, cells_of
from wattlight.domain.energy import State, worst_quality
from wattlight.domain.tariff import PriceLookup, Tariff, cost_micro, day_start_us, local_day
from wattlight.domain.values import LOCAL_HOST, HostId, Quality
from wattlight.store import LedgerReader, LedgerWriter


@dataclass(frozen=True, slots=True)
class Amount:
    """Energy in mJ and money in micro-units (None without a tariff)."""

    energy_mj: int
    cost_micro: int | None


@dataclass(frozen=True, slots=True)
class DaySum:
    """One day: models working, models loaded and idle, everything else that was measured."""

    day: date
    working: Amount
    parked: Amount
    computer: Amount
    observed_s: int


@dataclass(frozen=True, slots=True)
class ModelSum:
    """One model over a span of days."""

    model: str
    working: Amount
    parked: Amount
    tokens_in: int
    tokens_out: int
    quality: Quality | None

    @property
    def energy_mj(self) -> int:
        """Working and idle."""
        return self.working.energy_mj + self.parked.energy_mj


def tariff_key(tariff: Tariff | None, zone: ZoneInfo) -> str:
    """Names what days and prices depend on, for the cache."""
    return f"{zone.key}/{'' if tariff is None else tariff.fingerprint}"


class DayBook:
    """Answers about whole days.

    Args:
        zone: the zone of days while there is no tariff.
    """

    def __init__(
        self,
        reader: LedgerReader,
        tariff: Tariff | None,
        zone: ZoneInfo | None = None,
        host: HostId = LOCAL_HOST,
    ) -> None:
        self._reader = reader
        self._tariff = tariff
        self._zone = tariff.zone if tariff is not None else zone or ZoneInfo("UTC")
        self._host = host

    def days(self, first: date, last: date) -> tuple[ClosedDay, ...]:
        """Every day from ``first`` to ``last`` (both included) that has rows, in order."""
        key = tariff_key(self._tariff, self._zone)
        known = self._reader.closed_days(key, first.isoformat(), last.isoformat(), self._host)
        found = {day.day: day for day in known}
        missing = [d for d in _span(first, last) if d.isoformat() not in found]
        for left, right in _runs(missing):
            for day in self._computed(left, right):
                found[day.day] = day
        return tuple(found[key] for key in sorted(found) if found[key].cells or found[key].observed_ms)

    def day_sums(self, first: date, last: date) -> tuple[DaySum, ...]:
        """The stacked bars of the cost page."""
        return tuple(self._day_sum(day) for day in self.days(first, last))

    def model_sums(self, first: date, last: date) -> tuple[ModelSum, ...]:
        """Models by energy, largest first."""
        cells: dict[str, list[DayCell]] = {}
        for day in self.days(first, last):
            for cell in day.cells:
                if cell.model is not None:
                    cells.setdefault(cell.model, []).append(cell)
        sums = [
            ModelSum(
                model,
                self.amount(c for c in mine if c.state is State.ACTIVE),
                self.amount(c for c in mine if c.state is State.PARKED),
                sum(c.tokens_in for c in mine),
                sum(c.tokens_out for c in mine),
                worst_quality(c.quality for c in mine),
            )
            for model, mine in cells.items()
        ]
        return tuple(sorted(sums, key=lambda s: (-s.energy_mj, s.model)))

    def amount(self, cells: Iterable[DayCell]) -> Amount:
        """Energy and money of cells, rounded once."""
        mine = list(cells)
        energy = sum(cell.energy_mj for cell in mine)
        if self._tariff is None:
            return Amount(energy, None)
        priced = [(c.price_per_kwh, c.energy_mj) for c in mine if c.price_per_kwh is not None]
        return Amount(energy, cost_micro(priced))

    def _day_sum(self, day: ClosedDay) -> DaySum:
        states = (State.ACTIVE, State.PARKED)
        return DaySum(
            date.fromisoformat(day.day),
            self.amount(c for c in day.cells if c.state is State.ACTIVE),
            self.amount(c for c in day.cells if c.state is State.PARKED),
            self.amount(c for c in day.cells if c.state not in states),
            day.observed_ms // 1000,
        )

    def _computed(self, first: date, last: date) -> list[ClosedDay]:
        start_us = day_start_us(first, self._zone)
        end_us = day_start_us(last + timedelta(days=1), self._zone)
        lookup = None if self._tariff is None else PriceLookup(self._tariff, start_us, end_us)
        buckets: dict[date, list[Bucket]] = {}
        for bucket in self._reader.buckets(start_us, end_us, self._host):
            buckets.setdefault(local_day(bucket.start_us, self._zone), []).append(bucket)
        closed = []
        for day in _span(first, last):
            left, right = day_start_us(day, self._zone), day_start_us(day + timedelta(days=1), self._zone)
            observed = self._reader.observed_ms(left, right, self._host)
            mine = buckets.get(day, [])
            if mine or observed:
                closed.append(ClosedDay(day.isoformat(), right, observed, cells_of(mine, lookup)))
        return closed


def close_days(writer: LedgerWriter, tariff: Tariff | None, now_us: int, zone: ZoneInfo | None = None) -> int:
    """Put every day that is over and not yet there into the cache; how many. The recorder's daily work."""
    reader = LedgerReader(writer.connection, owns=False)
    span = reader.span()
    if span is None:
        return 0
    book = DayBook(reader, tariff, zone)
    place = tariff.zone if tariff is not None else zone or ZoneInfo("UTC")
    first, last = local_day(span[0], place), local_day(now_us, place) - timedelta(days=1)
    key = tariff_key(tariff, place)
    known = {day.day for day in reader.closed_days(key, first.isoformat(), last.isoformat())}
    fresh = [day for day in book.days(first, last) if day.day not in known] if first <= last else []
    writer.close_days(key, fresh)
    return len(fresh)


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs
