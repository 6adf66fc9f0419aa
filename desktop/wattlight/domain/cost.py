"""Buckets of energy and a tariff to sums of energy and money, by model, device, day or hour."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import median
from zoneinfo import ZoneInfo

from .energy import MINUTE_US, State, worst_quality
from .tariff import PriceLookup, Tariff, cost_micro, day_key, hour_key
from .values import Quality


@dataclass(frozen=True, slots=True)
class Bucket:
    """Energy of one device in [start, start + length), for one model or none, in one state."""

    start_us: int
    length_us: int
    device: str
    model: str | None
    """Name of the model, None for none."""
    state: State
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


_UTC = ZoneInfo("UTC")


class By(StrEnum):
    """What the lines of an answer are."""

    MODEL = "model"
    DEVICE = "device"
    DAY = "day"
    HOUR = "hour"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line: its key, energy, and money in micro-units (None without a price)."""

    key: str
    energy_mj: int
    cost_micro: int | None


@dataclass(frozen=True, slots=True)
class CostReport:
    """Sums over a span. ``cost_micro`` is the sum of the lines; ``unpriced_mj`` has no price at all and
    ``fallback_mj`` stands in slots missing from a price series."""

    energy_mj: int
    cost_micro: int | None
    currency: str | None
    observed_s: float
    span_s: float
    quality: Quality | None
    breakdown: tuple[CostLine, ...]
    unpriced_mj: int = 0
    fallback_mj: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    devices: tuple[str, ...] = ()


class Account:
    """Takes buckets one by one and gives the report.

    Args:
        by: what a line is. Days and hours are the tariff's zone's, UTC without a tariff or ``zone``.
        tariff: None: no money.
        start_us, end_us: the span the buckets come from.
    """

    def __init__(
        self, by: By, tariff: Tariff | None, start_us: int, end_us: int, zone: ZoneInfo | None = None
    ) -> None:
        self._by = by
        self._tariff = tariff
        self._zone = tariff.zone if tariff is not None else zone or _UTC
        self._span_us = max(0, end_us - start_us)
        # a minute more: what was counted at the very last moment lies in the minute that begins there
        last_us = max(end_us, start_us) + MINUTE_US
        self._lookup = None if tariff is None else PriceLookup(tariff, start_us, last_us)
        self._energy: defaultdict[str, int] = defaultdict(int)
        self._priced: defaultdict[str, defaultdict[Decimal, int]] = defaultdict(lambda: defaultdict(int))
        self._unpriced_mj = self._fallback_mj = 0
        self._tokens = [0, 0]
        self._qualities: set[Quality] = set()
        self._devices: dict[str, None] = {}
        self._last_key = (-1, "")
        self._first_us: dict[str, int] = {}

    def add(self, bucket: Bucket) -> None:
        """Take one bucket."""
        key = self._key(bucket)
        self._energy[key] += bucket.energy_mj
        self._first_us[key] = min(bucket.start_us, self._first_us.get(key, bucket.start_us))
        self._qualities.add(bucket.quality)
        self._devices.setdefault(bucket.device)
        self._tokens[0] += bucket.tokens_in
        self._tokens[1] += bucket.tokens_out
        if self._lookup is None:
            self._unpriced_mj += bucket.energy_mj
            return
        end_us = bucket.start_us + bucket.length_us
        for piece, energy in self._lookup.split(bucket.energy_mj, bucket.start_us, end_us):
            if piece.price_per_kwh is None:
                self._unpriced_mj += energy
                continue
            self._priced[key][piece.price_per_kwh] += energy
            if piece.fallback:
                self._fallback_mj += energy

    def add_all(self, buckets: Iterable[Bucket]) -> "Account":
        """Take many."""
        for bucket in buckets:
            self.add(bucket)
        return self

    def report(self, observed_ms: int) -> CostReport:
        """The sums so far. ``observed_ms``: time that at least one device was observed."""
        lines = [
            CostLine(key, energy, cost_micro(self._priced[key]) if key in self._priced else None)
            for key, energy in self._energy.items()
        ]
        if self._by in {By.DAY, By.HOUR}:
            lines.sort(key=lambda line: self._first_us[line.key])
        else:
            lines.sort(key=lambda line: (-line.energy_mj, line.key))
        costs = [line.cost_micro for line in lines if line.cost_micro is not None]
        known = self._tariff is not None and (bool(costs) or not lines)
        return CostReport(
            energy_mj=sum(line.energy_mj for line in lines),
            cost_micro=sum(costs) if known else None,
            currency=None if self._tariff is None else self._tariff.currency,
            observed_s=observed_ms / 1000,
            span_s=self._span_us / 1_000_000,
            quality=worst_quality(self._qualities),
            breakdown=tuple(lines),
            unpriced_mj=self._unpriced_mj,
            fallback_mj=self._fallback_mj,
            tokens_in=self._tokens[0],
            tokens_out=self._tokens[1],
            devices=tuple(self._devices),
        )

    def _key(self, bucket: Bucket) -> str:
        match self._by:
            case By.DEVICE:
                return bucket.device
            case By.STATE:
                return bucket.state.value
            case By.DAY | By.HOUR:
                return self._time_key(bucket.start_us)
            case By.MODEL:
                if bucket.model is not None:
                    return bucket.model
                return bucket.state.value if bucket.state in {State.MIXED, State.UNATTRIBUTED} else "base"

    def _time_key(self, start_us: int) -> str:
        if self._last_key[0] != start_us:
            key = day_key if self._by is By.DAY else hour_key
            self._last_key = (start_us, key(start_us, self._zone))
        return self._last_key[1]


@dataclass(frozen=True, slots=True)
class DayCell:
    """Energy of a day for one device, model (name or None), state and price."""

    device: str
    model: str | None
    state: State
    price_per_kwh: Decimal | None
    fallback: bool
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A local day; ``end_us`` is the first moment after it, ``observed_ms`` by any device."""

    day: str
    end_us: int
    observed_ms: int
    cells: tuple[DayCell, ...]


@dataclass(frozen=True, slots=True)
class DayPrices:
    """A local day by state and price: (state, price per kWh or None, mJ)."""

    day: str
    observed_ms: int
    amounts: tuple[tuple[State, Decimal | None, int], ...]


_Key = tuple[str, str | None, State, Decimal | None, bool]


def cells_of(buckets: Iterable[Bucket], lookup: PriceLookup | None) -> tuple[DayCell, ...]:
    """The buckets of one day, added up by device, model, state and price."""
    sums: dict[_Key, DayCell] = {}
    for bucket in buckets:
        first = True
        for price, fallback, energy_mj in _priced(bucket, lookup):
            key = (bucket.device, bucket.model, bucket.state, price, fallback)
            known = sums.get(key)
            # time and tokens go to the first piece: they are not divided by price
            sums[key] = DayCell(
                bucket.device,
                bucket.model,
                bucket.state,
                price,
                fallback,
                energy_mj + (known.energy_mj if known else 0),
                (bucket.observed_ms if first else 0) + (known.observed_ms if known else 0),
                worst_quality((bucket.quality, known.quality if known else None)) or bucket.quality,
                (bucket.tokens_in if first else 0) + (known.tokens_in if known else 0),
                (bucket.tokens_out if first else 0) + (known.tokens_out if known else 0),
            )
            first = False
    return tuple(sums.values())


def _priced(bucket: Bucket, lookup: PriceLookup | None) -> Iterable[tuple[Decimal | None, bool, int]]:
    if lookup is None:
        yield None, False, bucket.energy_mj
        return
    end_us = bucket.start_us + bucket.length_us
    for piece, energy_mj in lookup.split(bucket.energy_mj, bucket.start_us, end_us):
        yield piece.price_per_kwh, piece.fallback, energy_mj


@dataclass(frozen=True, slots=True)
class KeepAliveSaving:
    """Over the minutes given: energy of idle loaded models, the part beyond the shorter keep-alive, and
    how long models stayed idle at a stretch."""

    parked_mj: int
    saved_mj: int
    longest_idle_s: int
    days: float
    """Length of the span the minutes cover, to scale to a month."""


def keep_alive_saving(buckets: Iterable[Bucket], keep_alive_s: int) -> KeepAliveSaving:
    """Look at each stretch of minutes in which a model was resident and idle.

    With a keep-alive of ``keep_alive_s`` the model would have been unloaded after that time of each
    stretch; what it drew later is the saving. Loading it again costs a little, which is not counted, so the
    figure is an upper bound. Only minutes count (quarter hours are too coarse to see stretches).
    """
    idle: dict[str, dict[int, int]] = {}
    busy: set[tuple[str, int]] = set()
    first = last = None
    for bucket in buckets:
        if bucket.length_us != MINUTE_US:
            continue
        minute = bucket.start_us // MINUTE_US
        first = minute if first is None else min(first, minute)
        last = minute if last is None else max(last, minute)
        if bucket.model is None:
            continue
        if bucket.state is State.ACTIVE and bucket.energy_mj > 0:
            busy.add((bucket.model, minute))
        elif bucket.state is State.PARKED:
            minutes = idle.setdefault(bucket.model, {})
            minutes[minute] = minutes.get(minute, 0) + bucket.energy_mj
    parked = saved = longest = 0
    keep_minutes = max(1, keep_alive_s // 60)
    for model, minutes in idle.items():
        parked += sum(minutes.values())
        run = 0
        previous: int | None = None
        for minute in sorted(minutes):
            if (model, minute) in busy:
                run, previous = 0, None
                continue
            run = run + 1 if previous is not None and minute - previous <= 1 else 1
            previous = minute
            longest = max(longest, run)
            if run > keep_minutes:
                saved += minutes[minute]
    days = 0.0 if first is None or last is None else (last - first + 1) / 1440
    return KeepAliveSaving(parked, saved, longest * 60, days)


DAYS_NEEDED = 3
DAYS_USED = 14
LOW, HIGH = 0.2, 0.8
_KIND_NEEDED = 3


@dataclass(frozen=True, slots=True)
class DayAmount:
    """What one observed day came to (money in micro-units, or energy in mJ)."""

    day: date
    amount: int


@dataclass(frozen=True, slots=True)
class Projection:
    """Expected amount of the whole month; ``low`` and ``high`` are where it will lie in most months."""

    low: int
    mid: int
    high: int


def project_month(days: Sequence[DayAmount], today: date) -> Projection | None:
    """Booked so far, plus a typical day for each that is left; None before three whole days were observed.

    A typical day is the median of the latest 14 observed days before today, weekdays and weekends apart
    where there are three of the kind; the range uses their 20 % and 80 % quantiles.

    Args:
        days: observed days of this and earlier months, today included.
    """
    past = sorted((d for d in days if d.day < today), key=lambda d: d.day)[-DAYS_USED:]
    if len(past) < DAYS_NEEDED:
        return None
    booked = sum(d.amount for d in days if _same_month(d.day, today) and d.day < today)
    so_far = sum(d.amount for d in days if d.day == today)
    low = mid = high = booked
    day = today
    while _same_month(day, today):
        kind = [d.amount for d in past if _weekend(d.day) == _weekend(day)]
        amounts = kind if len(kind) >= _KIND_NEEDED else [d.amount for d in past]
        least = so_far if day == today else None
        typical = (_quantile(amounts, LOW), round(median(amounts)), _quantile(amounts, HIGH))
        one, two, three = (amount if least is None else max(least, amount) for amount in typical)
        low, mid, high = low + one, mid + two, high + three
        day += timedelta(days=1)
    return Projection(low, mid, high)


def _quantile(amounts: Sequence[int], part: float) -> int:
    ordered = sorted(amounts)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _weekend(day: date) -> bool:
    return day.weekday() >= 5


def _same_month(one: date, two: date) -> bool:
    return (one.year, one.month) == (two.year, two.month)
