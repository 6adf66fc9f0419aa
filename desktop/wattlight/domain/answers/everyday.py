"""One comparison with something from everyday life."""

from dataclasses import dataclass

MJ_PER_WH = 3_600_000

EVERYDAY_WH: dict[str, float] = {
    "lamp_minutes": 8 / 60,
    "phone_charges": 15.0,
    "litres_boiled": 105.0,
    "car_km": 180.0,
}
"""Watt-hours of one of each.

A LED lamp of 8 W (the successor of 60 W bulbs) for a minute; a phone's battery of about 12.7 Wh through a
charger of 85 %; a litre of water from 15 to 100 C (4186 J/(kg K) x 85 K = 99 Wh) in a kettle of 94 %; an
electric car's kilometre at 18 kWh per 100 km.
"""

_UP_TO_WH: tuple[tuple[float, str], ...] = (
    (8.0, "lamp_minutes"),
    (50.0, "phone_charges"),
    (5000.0, "litres_boiled"),
    (float("inf"), "car_km"),
)


@dataclass(frozen=True, slots=True)
class Everyday:
    """``amount`` of ``kind`` (a key of :data:`EVERYDAY_WH`), rounded to what such a comparison is worth."""

    kind: str
    amount: float


def everyday(energy_mj: int | None) -> Everyday | None:
    """What fits the size: boiling 4 litres of water for 0.42 kWh. None where there is nothing to speak of."""
    if energy_mj is None or energy_mj <= 0:
        return None
    wh = energy_mj / MJ_PER_WH
    kind = next(kind for limit, kind in _UP_TO_WH if wh < limit)
    amount = wh / EVERYDAY_WH[kind]
    if amount < 0.5:
        return None
    return Everyday(kind, float(round(amount)) if amount >= 2.5 else round(amount * 2) / 2)
