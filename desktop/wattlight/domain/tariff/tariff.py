"""The tariff: prices of moments, spans cut at every change of price, keys of days and hours."""

import bisect
import calendar
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from ..values import from_us, to_us
from .price import HOUR_US, clock_changes, day_start_us, local_day, wall_us
from .series import PriceSeries

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440
DAY_US = 24 * HOUR_US
MOST_DAYS = 1000
"""Days, and kinds of days, that are kept worked out."""
_Shape = tuple[tuple[int, ...], tuple[Decimal | None, ...]]
"""Edges of a day's pieces, microseconds after midnight, and the price between each two."""


@dataclass(frozen=True, slots=True)
class Band:
    """Local wall-clock hours of some weekdays.

    ``days`` are 0 (Monday) to 6. ``start`` and ``end`` are minutes of the day, ``end`` exclusive; an end
    at or before the start lies on the following day, and the band belongs to the day on which it starts.
    """

    days: frozenset[int]
    start: int
    end: int
    price_per_kwh: Decimal

    @property
    def crosses_midnight(self) -> bool:
        """It ends on the following day."""
        return self.end <= self.start

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether wall-clock ``minute`` of a day that is a ``weekday`` lies in the band."""
        if not self.crosses_midnight:
            return weekday in self.days and self.start <= minute < self.end
        return (weekday in self.days and minute >= self.start) or (
            (weekday - 1) % 7 in self.days and minute < self.end
        )

    def minutes_of(self, weekday: int) -> Iterator[tuple[int, int]]:
        """The minutes of a day that is a ``weekday`` that the band covers: first, and first after it."""
        if weekday in self.days:
            yield self.start, DAY_MINUTES if self.crosses_midnight else self.end
        if self.crosses_midnight and (weekday - 1) % 7 in self.days:
            yield 0, self.end

    def minutes_of_week(self) -> int:
        """The minutes of a week the band covers, a bit for each (bit 0 is Monday 00:00), to find overlaps."""
        length = self.end - self.start + (DAY_MINUTES if self.crosses_midnight else 0)
        week, minutes = 7 * DAY_MINUTES, 0
        for day in self.days:
            minutes |= ((1 << length) - 1) << (day * DAY_MINUTES + self.start)
        return (minutes | minutes >> week) & ((1 << week) - 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Prices valid on local dates from ``first_day`` to the day before ``end_day`` (None: open).

    Attributes:
        price_per_kwh: base price, VAT included; None only with a series that has no fallback.
        bands: the first that covers a moment wins; else the base price.
        series: dynamic prices; a price is ``series_factor`` x slot + ``series_add``.
        standing_per_month: standing charge, shown apart, never part of a model's cost.
    """

    first_day: date | None
    end_day: date | None
    price_per_kwh: Decimal | None
    bands: tuple[Band, ...] = ()
    series: PriceSeries | None = None
    series_factor: Decimal = Decimal(1)
    series_add: Decimal = Decimal(0)
    standing_per_month: Decimal | None = None

    def holds(self, day: date) -> bool:
        """Whether ``day`` lies in the period."""
        return (self.first_day is None or self.first_day <= day) and (
            self.end_day is None or day < self.end_day
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A span with one price. ``price_per_kwh`` None: the tariff has no price for it.

    ``fallback`` marks a slot missing from a price series for which the period's base price stands in.
    """

    start_us: int
    end_us: int
    price_per_kwh: Decimal | None
    fallback: bool = False

    @property
    def start(self) -> datetime:
        """First moment, aware UTC."""
        return from_us(self.start_us)

    @property
    def end(self) -> datetime:
        """First moment after it, aware UTC."""
        return from_us(self.end_us)


@dataclass(frozen=True)
class Tariff:
    """Periods in order of time, in one currency and one zone. Made by ``parse_tariff``.

    ``notes`` are sentences about odd but usable things (bands that overlap). ``fingerprint`` changes with
    anything that could change a cost.
    """

    currency: str
    zone: ZoneInfo
    periods: tuple[Period, ...]
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    _days: dict[date, tuple[Piece, ...]] = field(default_factory=dict, repr=False, compare=False)
    _shapes: dict[tuple[date | None, int], "_Shape"] = field(default_factory=dict, repr=False, compare=False)

    def period_of(self, day: date) -> Period | None:
        """The contract of a local date, None where there is none."""
        at = bisect.bisect_right(self.periods, day, key=lambda period: period.first_day or date.min)
        return self.periods[at - 1] if at and self.periods[at - 1].holds(day) else None

    def price_at(self, at: datetime) -> Decimal | None:
        """Price of one kWh at a moment; None where the tariff has none."""
        return self._price(to_us(at))[0]

    def pieces(self, start_utc: datetime, end_utc: datetime) -> tuple[Piece, ...]:
        """[start, end) cut at every change of price, in order; the pieces cover it without holes."""
        return tuple(self.pieces_us(to_us(start_utc), to_us(end_utc)))

    def pieces_us(self, start_us: int, end_us: int) -> Iterator[Piece]:
        day = local_day(start_us, self.zone) - timedelta(days=1)
        pending: Piece | None = None
        while pending is None or pending.end_us < end_us:
            if pending is None and day_start_us(day, self.zone) >= end_us:
                return
            for piece in self.touching(day, start_us, end_us):
                left, right = max(piece.start_us, start_us), min(piece.end_us, end_us)
                if (
                    pending is not None
                    and pending.price_per_kwh == piece.price_per_kwh
                    and pending.fallback == piece.fallback
                ):
                    pending = Piece(pending.start_us, right, piece.price_per_kwh, piece.fallback)
                    continue
                if pending is not None:
                    yield pending
                pending = Piece(left, right, piece.price_per_kwh, piece.fallback)
            day += timedelta(days=1)
        yield pending

    def touching(self, day: date, start_us: int, end_us: int) -> Iterator[Piece]:
        """The pieces of the local ``day`` (23, 24, 25 hours or whatever it has) that touch [start, end)."""
        begin, end = self.day_bounds_us(day)
        if start_us >= end_us or begin >= end_us or end <= start_us:
            return
        period = self.period_of(day)
        if end - begin != DAY_US or (period is not None and period.series is not None):
            pieces = self._odd_day(day, begin, end)
            yield from (piece for piece in pieces if piece.start_us < end_us and piece.end_us > start_us)
            return
        offsets, prices = self._shape(period, day.weekday())
        at = max(0, bisect.bisect_right(offsets, start_us - begin) - 1)
        while at < len(prices) and begin + offsets[at] < end_us:
            yield Piece(begin + offsets[at], begin + offsets[at + 1], prices[at])
            at += 1

    def _odd_day(self, day: date, start: int, end: int) -> tuple[Piece, ...]:
        """The pieces of a day on which clocks change, or that has prices of its own."""
        known = self._days.get(day)
        if known is not None:
            return known
        edges = sorted({start, end, *(e for e in self._edges(day, start, end) if start < e < end)})
        pieces = tuple(Piece(a, b, *self._price(a)) for a, b in itertools.pairwise(edges))
        _keep_few(self._days)[day] = pieces
        return pieces

    def _shape(self, period: Period | None, weekday: int) -> "_Shape":
        """What all plain days of a period that are a ``weekday`` have in common."""
        key = (None if period is None else period.first_day, -1 if period is None else weekday)
        known = self._shapes.get(key)
        if known is not None:
            return known
        minutes: list[Decimal | None] = [None if period is None else period.price_per_kwh] * DAY_MINUTES
        for band in reversed(() if period is None else period.bands):  # the first that covers a moment wins
            for left, right in band.minutes_of(weekday):
                minutes[left:right] = [band.price_per_kwh] * (right - left)
        edges = [0, *(m for m in range(1, DAY_MINUTES) if minutes[m] != minutes[m - 1]), DAY_MINUTES]
        shape = tuple(m * DAY_US // DAY_MINUTES for m in edges), tuple(minutes[m] for m in edges[:-1])
        _keep_few(self._shapes)[key] = shape
        return shape

    def day_bounds_us(self, day: date) -> tuple[int, int]:
        """First moment of the local ``day`` and of the next."""
        return day_start_us(day, self.zone), day_start_us(day + timedelta(days=1), self.zone)

    def standing_charge(self, day: date) -> Decimal | None:
        """Standing charge per month on that date, None if none is stated."""
        period = self.period_of(day)
        return None if period is None else period.standing_per_month

    def holes(self) -> Iterator[tuple[int, int, bool]]:
        """Spans without a price of their own between its first and last moment, in order: first moment, end,
        and whether the period's base price or bands stand in for all of it."""
        for i, period in enumerate(self.periods):
            begin = None if period.first_day is None else day_start_us(period.first_day, self.zone)
            end = None if period.end_day is None else day_start_us(period.end_day, self.zone)
            if period.series is not None:
                for left, right in period.series.holes(begin, end):
                    week = self.pieces_us(left, min(right, left + 8 * DAY_US))  # bands say the same each week
                    yield left, right, all(piece.price_per_kwh is not None for piece in week)
            following = self.periods[i + 1].first_day if i + 1 < len(self.periods) else None
            if end is not None and following is not None and end < day_start_us(following, self.zone):
                yield end, day_start_us(following, self.zone), False

    def _edges(self, day: date, start: int, end: int) -> Iterator[int]:
        yield from clock_changes(day, self.zone)
        period = self.period_of(day)
        if period is None:
            return
        if period.series is not None:
            yield from period.series.edges(start, end)
        for minute in {m % DAY_MINUTES for band in period.bands for m in (band.start, band.end)}:
            yield wall_us(day, minute, self.zone, fold=0)
            yield wall_us(day, minute, self.zone, fold=1)

    def _price(self, at_us: int) -> tuple[Decimal | None, bool]:
        wall = from_us(at_us).astimezone(self.zone)
        period = self.period_of(wall.date())
        if period is None:
            return None, False
        if period.series is not None:
            slot = period.series.at(at_us)
            if slot is not None:
                return slot * period.series_factor + period.series_add, False
        weekday, minute = wall.weekday(), wall.hour * 60 + wall.minute
        for band in period.bands:
            if band.covers(weekday, minute):
                return band.price_per_kwh, period.series is not None
        return period.price_per_kwh, period.series is not None


_K = TypeVar("_K")
_V = TypeVar("_V")


def _keep_few(known: dict[_K, _V]) -> dict[_K, _V]:
    if len(known) >= MOST_DAYS:
        known.clear()
    return known


class PriceLookup:
    """Finds the price of moments of a span, rising ones the quickest. However long the span, only the days
    that are asked for are looked at."""

    def __init__(self, tariff: Tariff, start_us: int, end_us: int) -> None:
        self._tariff = tariff
        self._start_us, self._end_us = start_us, end_us
        self._latest: Piece | None = None

    def split(self, energy_mj: int, start_us: int, end_us: int) -> tuple[tuple[Piece, int], ...]:
        """Energy spread evenly over [start, end) by price; whole mJ that sum to it.

        Quick where one price holds for all of it, which is nearly always so.
        """
        latest = self._latest
        if latest is not None and latest.start_us <= start_us and end_us <= latest.end_us:
            return ((latest, energy_mj),)
        start_us, end_us = max(start_us, self._start_us), min(end_us, self._end_us)
        pieces = tuple(self._within(start_us, end_us))
        if not pieces:
            return ()
        if self._start_us <= pieces[-1].start_us and pieces[-1].end_us <= self._end_us:
            self._latest = pieces[-1]
        parts, upto_us, booked_mj = [], 0, 0
        lengths = [min(p.end_us, end_us) - max(p.start_us, start_us) for p in pieces]
        whole_us = sum(lengths)
        for piece, length_us in zip(pieces, lengths, strict=True):
            upto_us += length_us
            edge_mj = energy_mj * upto_us // whole_us
            parts.append((piece, edge_mj - booked_mj))
            booked_mj = edge_mj
        return tuple(parts)

    def _within(self, start_us: int, end_us: int) -> Iterator[Piece]:
        day, zone = local_day(start_us, self._tariff.zone) - timedelta(days=1), self._tariff.zone
        while start_us < end_us and day_start_us(day, zone) < end_us:
            yield from self._tariff.touching(day, start_us, end_us)
            day += timedelta(days=1)


MJ_PER_KWH = 3_600_000_000
MICRO = 1_000_000


class Worth:
    """An exact sum of money that grows; rounded only when it is read."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[int, int] = {}

    def add(self, price_per_kwh: Decimal, energy_mj: int) -> None:
        up, down = _micro_per_mj(price_per_kwh)
        self._sums[down] = self._sums.get(down, 0) + energy_mj * up

    def include(self, other: "Worth") -> None:
        for down, value in other._sums.items():
            self._sums[down] = self._sums.get(down, 0) + value

    def micro(self) -> int:
        """Micro-units of the currency, rounded half to even."""
        common = math.lcm(*self._sums)
        whole = sum(value * (common // down) for down, value in self._sums.items())
        return _divide_half_even(whole, common)


def cost_micro(energy_by_price: Mapping[Decimal, int] | Iterable[tuple[Decimal, int]]) -> int:
    """Money in micro-units of the currency for ``price per kWh -> mJ``, rounded half to even once."""
    worth = Worth()
    items = energy_by_price.items() if isinstance(energy_by_price, Mapping) else energy_by_price
    for price, energy_mj in items:
        worth.add(price, energy_mj)
    return worth.micro()


@lru_cache(maxsize=4096)
def _micro_per_mj(price_per_kwh: Decimal) -> tuple[int, int]:
    exact = Fraction(price_per_kwh) * MICRO / MJ_PER_KWH
    return exact.numerator, exact.denominator


def _divide_half_even(value: int, by: int) -> int:
    whole, rest = divmod(value, by)
    return whole + (1 if 2 * rest > by or (2 * rest == by and whole % 2) else 0)


def standing_micro(tariff: Tariff, first: date, last: date) -> int | None:
    """Standing charge of the local days from ``first`` to ``last`` (both included), each its share of its
    month; None where the tariff states none."""
    total, stated = Fraction(0), False
    day = first
    while day <= last:
        charge = tariff.standing_charge(day)
        if charge is not None:
            stated = True
            total += Fraction(charge) / calendar.monthrange(day.year, day.month)[1]
        day += timedelta(days=1)
    return round(total * MICRO) if stated else None
