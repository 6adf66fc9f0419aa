"""Whether a lower power limit of a card would save something while it costs next to no speed.

Decoding waits for memory, not for arithmetic: a 24 GB card capped at 80 % of its 350 W lost under 1 % of its
speed, and far more below 60 % (published measurements of one card; treated as a rule of thumb here). Reading
long prompts is arithmetic and does get slower.
"""

from dataclasses import dataclass
from decimal import Decimal

from wattlight.domain.tariff import cost_micro

CAP_SHARE = 0.8
"""Suggested limit as a share of the card's own."""
STEP_W = 5
LEAST_SAVING_W = 10.0
LEAST_HOURS = 1.0
LOW, HIGH = 0.5, 1.0
"""How much of the power above the cap is really saved: slower prompts take longer at the cap."""
SLOWDOWN = 0.02
"""Loss of decoding speed to expect at most at this cap."""
LOWEST_LIMIT_W = 75.0
"""Cards that may draw no more than this live within their slot's power and have nothing to cap."""
MJ_PER_WH = 3_600_000


@dataclass(frozen=True, slots=True)
class CapInputs:
    """What is known of a card.

    Attributes:
        default_limit_w: the limit the card came with.
        limit_w: the limit in force.
        active_w: what it typically draws while it answers.
        active_hours_per_month: how long it does so.
        adjustable: the driver lets the limit be set (discrete cards, not laptops' or Apple's).
    """

    default_limit_w: float | None
    limit_w: float | None
    active_w: float | None
    active_hours_per_month: float
    adjustable: bool = True


@dataclass(frozen=True, slots=True)
class CapAdvice:
    """A limit to try. Savings are a range a month; ``slowdown_fraction`` is an upper guess for decoding."""

    cap_w: int
    saves_low_mj: int
    saves_high_mj: int
    saves_low_micro: int | None
    saves_high_micro: int | None
    slowdown_fraction: float = SLOWDOWN


def power_cap_advice(card: CapInputs, price_per_kwh: Decimal | None = None) -> CapAdvice | None:
    """The advice, or None: unknown figures, already capped, or nothing worth it."""
    default, limit, active = card.default_limit_w, card.limit_w, card.active_w
    if default is None or limit is None or active is None or not card.adjustable:
        return None
    if default <= LOWEST_LIMIT_W or card.active_hours_per_month < LEAST_HOURS:
        return None
    cap = round(default * CAP_SHARE / STEP_W) * STEP_W
    above = min(active, limit) - cap
    if limit <= cap or above < LEAST_SAVING_W:
        return None
    full_mj = above * card.active_hours_per_month * MJ_PER_WH
    low, high = round(full_mj * LOW), round(full_mj * HIGH)
    return CapAdvice(
        cap_w=cap,
        saves_low_mj=low,
        saves_high_mj=high,
        saves_low_micro=None if price_per_kwh is None else cost_micro({price_per_kwh: low}),
        saves_high_micro=None if price_per_kwh is None else cost_micro({price_per_kwh: high}),
    )
