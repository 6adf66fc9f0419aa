"""Energy times price, exact, rounded once."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

MJ_PER_KWH = 3_600_000_000
MICRO = 1_000_000


def cost_micro(energy_by_price: Mapping[Decimal, int] | Iterable[tuple[Decimal, int]]) -> int:
    """Money in micro-units of the currency for ``price per kWh -> mJ``, rounded half to even once."""
    items = energy_by_price.items() if isinstance(energy_by_price, Mapping) else energy_by_price
    total = sum((Fraction(price) * energy for price, energy in items), Fraction(0))
    return round(total * MICRO / MJ_PER_KWH)
