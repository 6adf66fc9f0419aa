"""Energy times price, exact, rounded once."""

import calendar
import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from .tariff import Tariff

MJ_PER_KWH = 3_600_000_000
MICRO = 1_000_000


def cost_micro(energy_by_price: Mapping[Decimal, int] | Iterable[tuple[Decimal, int]]) -> int:
    """Money in micro-units of the currency for ``price per kWh -> mJ``, rounded half to even once."""
    items = energy_by_price.items() if isinstance(energy_by_price, Mapping) else energy_by_price
    sums: dict[int, int] = {}
    for price, energy_mj in items:
        up, down = _micro_per_mj(price)
        sums[down] = sums.get(down, 0) + energy_mj * up
    common = math.lcm(*sums)
    return _divide_half_even(sum(value * (common // down) for down, value in sums.items()), common)


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
