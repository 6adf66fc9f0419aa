"""Sums of many days: closed days from the ledger's cache, the rest from its rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from wattlight.domain.cost import Bucket, ClosedDay, DayCell, DayPrices, cells_of
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
        self._key = tariff_key(tariff, self._zone)

    def day_sums(self, first: date, last: date) -> tuple[DaySum, ...]:
        """Every day from ``first`` to ``last`` (both included) that has rows, in order."""
        known = self._reader.closed_days(self._key, first.isoformat(), last.isoformat(), self._host)
        found = {day.day: day for day in known}
        missing = [d for d in _span(first, last) if d.isoformat() not in found]
        for left, right in _runs(missing):
            for day in self.computed(left, right):
                amounts = tuple((c.state, c.price_per_kwh, c.energy_mj) for c in day.cells)
                found[day.day] = DayPrices(day.day, day.observed_ms, amounts)
        return tuple(self._day_sum(found[key]) for key in sorted(found))

    def cells(self, first: date, last: date) -> tuple[DayCell, ...]:
        """All of the days together, by device, model, state and price (a key may come twice)."""
        closed, _, cells = self._reader.closed_cells(
            self._key, first.isoformat(), last.isoformat(), self._host
        )
        missing = [d for d in _span(first, last) if d.isoformat() not in closed]
        more = [cell for run in _runs(missing) for day in self.computed(*run) for cell in day.cells]
        return (*cells, *more)

    def model_sums(self, first: date, last: date) -> tuple[ModelSum, ...]:
        """Models by energy, largest first."""
        cells: dict[str, list[DayCell]] = {}
        for cell in self.cells(first, last):
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
        return self._amount([(cell.price_per_kwh, cell.energy_mj) for cell in cells])

    def _amount(self, priced: list[tuple[Decimal | None, int]]) -> Amount:
        energy = sum(energy_mj for _, energy_mj in priced)
        if self._tariff is None:
            return Amount(energy, None)
        return Amount(energy, cost_micro((price, mj) for price, mj in priced if price is not None))

    def _day_sum(self, day: DayPrices) -> DaySum:
        kinds: dict[State, list[tuple[Decimal | None, int]]] = {State.ACTIVE: [], State.PARKED: []}
        rest: list[tuple[Decimal | None, int]] = []
        for state, price, energy_mj in day.amounts:
            kinds.get(state, rest).append((price, energy_mj))
        return DaySum(
            date.fromisoformat(day.day),
            self._amount(kinds[State.ACTIVE]),
            self._amount(kinds[State.PARKED]),
            self._amount(rest),
            day.observed_ms // 1000,
        )

    def computed(self, first: date, last: date) -> list[ClosedDay]:
        """The days that have rows, added up from the rows themselves."""
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
    known = reader.closed_cells(key, first.isoformat(), last.isoformat())[0]
    missing = [day for day in _span(first, last) if day.isoformat() not in known] if first <= last else []
    fresh = [day for run in _runs(missing) for day in book.computed(*run)]
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
