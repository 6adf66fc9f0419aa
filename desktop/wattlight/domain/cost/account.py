"""Adds buckets up. Energy stays whole mJ; money is rounded once for each line of the answer."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from wattlight.domain.energy import MINUTE_US, State, worst_quality
from wattlight.domain.tariff import PriceLookup, Tariff, cost_micro, day_key, hour_key
from wattlight.domain.values import Quality

from .buckets import Bucket

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
