"""A stretch of dates with one contract."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .band import Band
from .series import PriceSeries


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
