""" "Kept loaded 60 minutes each; 5 minutes would save X a month." """

from dataclasses import dataclass
from decimal import Decimal

from wattlight.domain.cost import KeepAliveSaving
from wattlight.domain.tariff import cost_micro

DAYS_PER_MONTH = Decimal("30.4375")
"""365.25 / 12."""
LEAST_DAYS = 3.0
"""A month is not foretold from less."""


@dataclass(frozen=True, slots=True)
class MonthlySaving:
    """At most so much a month; loading again costs a little that is not subtracted.

    Attributes:
        idle_s: how long a model stayed loaded and idle at the longest.
        parked_mj: energy a month of idle loaded models.
        saved_mj: of it, beyond the shorter time.
        saved_micro: money; None without a price.
        share: of the parked energy.
    """

    idle_s: int
    keep_alive_s: int
    parked_mj: int
    saved_mj: int
    saved_micro: int | None
    share: float


def monthly_saving(
    seen: KeepAliveSaving, keep_alive_s: int, price_per_kwh: Decimal | None
) -> MonthlySaving | None:
    """What was seen, scaled to a month; None before three days, or where nothing would be saved.

    ``price_per_kwh`` is the average price of the same days.
    """
    if seen.days < LEAST_DAYS or seen.saved_mj <= 0 or seen.parked_mj <= 0:
        return None
    scale = DAYS_PER_MONTH / Decimal(repr(seen.days))
    saved = round(seen.saved_mj * scale)
    return MonthlySaving(
        idle_s=seen.longest_idle_s,
        keep_alive_s=keep_alive_s,
        parked_mj=round(seen.parked_mj * scale),
        saved_mj=saved,
        saved_micro=None if price_per_kwh is None else cost_micro({price_per_kwh: saved}),
        share=seen.saved_mj / seen.parked_mj,
    )
