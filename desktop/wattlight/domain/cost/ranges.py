"""The last resort in money: between what an unmeasured computer cost. In no sum with measured energy."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..energy import QUARTER_US, EstimateRow
from ..tariff import PriceLookup, Tariff, Worth


@dataclass(frozen=True, slots=True)
class CostRange:
    """Both ends of the range: mJ, and micro-units of ``currency`` (None without a price)."""

    low_mj: int
    high_mj: int
    low_micro: int | None
    high_micro: int | None
    currency: str | None
    seen_s: float


class RangeSums:
    """Adds up the quarter hours of [start, end)."""

    def __init__(self, tariff: Tariff | None, start_us: int, end_us: int) -> None:
        self.start_us, self.end_us = start_us, end_us
        self._tariff = tariff
        last_us = max(end_us, start_us) + QUARTER_US
        self._lookup = None if tariff is None else PriceLookup(tariff, start_us, last_us)
        self._low_mj = self._high_mj = self._seen_ms = 0
        self._low, self._high, self._priced = Worth(), Worth(), True

    def add_all(self, rows: Iterable[EstimateRow]) -> "RangeSums":
        """Rows that begin outside of the span are left out."""
        for row in rows:
            start_us = row.quarter * QUARTER_US
            if not self.start_us <= start_us < self.end_us:
                continue
            self._low_mj += row.low_mj
            self._high_mj += row.high_mj
            self._seen_ms += row.seen_ms
            for worth, energy_mj in ((self._low, row.low_mj), (self._high, row.high_mj)):
                self._price(worth, energy_mj, start_us)
        return self

    def _price(self, worth: Worth, energy_mj: int, start_us: int) -> None:
        if self._lookup is None:
            return
        for piece, part_mj in self._lookup.split(energy_mj, start_us, start_us + QUARTER_US):
            if piece.price_per_kwh is None:
                self._priced = False
            else:
                worth.add(piece.price_per_kwh, part_mj)

    def range(self) -> CostRange | None:
        """None where nothing was estimated in the span."""
        if not self._seen_ms:
            return None
        priced = self._tariff is not None and self._priced
        low, high = sorted((self._low.micro(), self._high.micro()))  # a price may be negative
        return CostRange(
            self._low_mj,
            self._high_mj,
            low if priced else None,
            high if priced else None,
            self._tariff.currency if self._tariff is not None and priced else None,
            self._seen_ms / 1000,
        )
