"""The hours of a day in which a kilowatt-hour costs least."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .price import HOUR_US
from .tariff import Tariff

HOURS = 3


@dataclass(frozen=True, slots=True)
class CheapHours:
    """Hours in a row, and the least and the most that one of them costs per kWh on average."""

    start_us: int
    end_us: int
    low: Decimal
    high: Decimal


def cheapest_band(tariff: Tariff, day: date) -> tuple[CheapHours, ...]:
    """All hours of the local ``day`` at its lowest price, and at least the three cheapest; empty as below."""
    prices = [price for price, _, _ in _priced(tariff, day)]
    return cheapest_hours(tariff, day, max(HOURS, prices.count(min(prices)))) if prices else ()


def cheapest_hours(tariff: Tariff, day: date, hours: int = HOURS) -> tuple[CheapHours, ...]:
    """The cheapest hours of the local ``day``, in order of time, those side by side as one.

    Empty where all hours cost the same, or where too few of them have a price: the cheapest of a part of a
    day is not the cheapest of the day, so at least half of it must be known. Of equal hours the earlier.
    """
    start, end = tariff.day_bounds_us(day)
    priced = _priced(tariff, day)
    known = len({price for price, _, _ in priced})
    if known < 2 or 2 * len(priced) * HOUR_US < end - start or len(priced) <= hours:
        return ()
    found: list[CheapHours] = []
    for price, left, right in sorted(sorted(priced)[:hours], key=lambda item: item[1]):
        if found and found[-1].end_us == left:
            last = found.pop()
            found.append(CheapHours(last.start_us, right, min(last.low, price), max(last.high, price)))
        else:
            found.append(CheapHours(left, right, price, price))
    return tuple(found)


def _priced(tariff: Tariff, day: date) -> list[tuple[Decimal, int, int]]:
    """The hours of the day that have a price: (mean, start, end)."""
    start, end = tariff.day_bounds_us(day)
    hours = ((left, min(left + HOUR_US, end)) for left in range(start, end, HOUR_US))
    means = ((_mean(tariff, left, right), left, right) for left, right in hours)
    return [(mean, left, right) for mean, left, right in means if mean is not None]


def _mean(tariff: Tariff, start_us: int, end_us: int) -> Decimal | None:
    """Mean price of a span; None where a part of it has none of its own."""
    total = Decimal(0)
    for piece in tariff.pieces_us(start_us, end_us):
        if piece.price_per_kwh is None or piece.fallback:
            return None
        price, share = piece.price_per_kwh, Decimal(piece.end_us - piece.start_us)
        total += price * share
    return round(total / (end_us - start_us), 6)
