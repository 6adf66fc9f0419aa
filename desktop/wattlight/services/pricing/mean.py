"""One price for sums that have no hour."""

from datetime import datetime, timedelta
from decimal import Decimal

from wattlight.domain.tariff import Tariff

WEEK = timedelta(days=7)


def mean_price(tariff: Tariff, now: datetime) -> Decimal | None:
    """The mean price per kWh over the week before ``now``: it holds each weekly band as often as it applies.

    None where the tariff has no price for that week.
    """
    pieces = [p for p in tariff.pieces(now - WEEK, now) if p.price_per_kwh is not None]
    seconds = sum(p.end_us - p.start_us for p in pieces)
    if not seconds:
        return None
    total = sum(((p.price_per_kwh or Decimal(0)) * (p.end_us - p.start_us) for p in pieces), Decimal(0))
    return round(total / seconds, 9)
