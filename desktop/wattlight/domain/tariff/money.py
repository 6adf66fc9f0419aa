"""Energy times price, exact, rounded once."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

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
