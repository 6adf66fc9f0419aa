"""Answers people ask of their meter: what a month would save, against what, like what, against last week."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from wattlight.i18n import tr

from .cost import Amount, Sums, of_models
from .energy import State
from .tariff import cost_micro


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in micro-units of the tariff's currency; None: no limit."""

    daily_micro: int | None = None
    monthly_micro: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetStand:
    """Where one budget stands. ``share`` is spent over limit; ``alarm`` is set the first time it is reached.

    ``key`` names the span ("2026-11-24", "2026-11"); remember it once the alarm was given.
    """

    key: str
    spent_micro: int
    limit_micro: int
    share: float
    alarm: bool


def budget_stand(
    budget: Budget,
    today: date,
    day_micro: int | None,
    month_micro: int | None,
    told: frozenset[str] = frozenset(),
) -> tuple[BudgetStand, ...]:
    """The stand of each limit that is set and whose sum is known. ``told``: keys whose alarm was given."""
    stands = []
    for limit, spent, key in (
        (budget.daily_micro, day_micro, today.isoformat()),
        (budget.monthly_micro, month_micro, today.isoformat()[:7]),
    ):
        if limit is None or limit <= 0 or spent is None:
            continue
        stands.append(BudgetStand(key, spent, limit, spent / limit, spent >= limit and key not in told))
    return tuple(stands)


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
    (53.0, "phone_charges"),
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


MILLION = 1_000_000
LEAST_TOKENS = 1000
"""A price of a million is not told from less."""
WHOLLY_COUNTED = 0.98
"""From this share of a model's work on, its tokens count as all counted."""


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What a million output tokens of one model took. None with a sentence why.

    The one definition: all energy (and money) of the time in which the model was loaded, working and idle,
    over all output tokens that were counted in it. Prompt tokens stand apart.

    Attributes:
        whole: per million tokens, of all the time it was loaded.
        working: per million tokens, of the time it worked alone.
        counted_share: share of its working energy drawn in quarter hours in which its tokens were counted;
            below :data:`WHOLLY_COUNTED` other clients had answers that nobody counted, and the figures are
            upper bounds.
    """

    whole: Amount | None = None
    working: Amount | None = None
    output_tokens: int = 0
    prompt_tokens: int = 0
    counted_share: float | None = None
    reason: str = ""

    @property
    def upper_bound(self) -> bool:
        return self.counted_share is not None and self.counted_share < WHOLLY_COUNTED


def token_costs(sums: Sums) -> dict[str, TokenCost]:
    """The cost of tokens of each model in ``sums``, whose rows came in order of time."""
    whole = sums.amounts(lambda key: key.model if of_models(key) else None)
    working = sums.amounts(lambda key: key.model if key.state is State.ACTIVE else None)
    return {
        model: _token_cost(amount, working.get(model, Amount()), sums.answered_mj(model))
        for model, amount in whole.items()
    }


def _token_cost(whole: Amount, working: Amount, counted_mj: int) -> TokenCost:
    tokens, prompts = whole.tokens_out, whole.tokens_in
    if not tokens:
        return TokenCost(reason=tr("Tokens are counted only with the pass-through on."))
    if tokens < LEAST_TOKENS:
        return TokenCost(None, None, tokens, prompts, reason=tr("Too few tokens were counted so far."))
    share = counted_mj / working.energy_mj if working.energy_mj else 1.0
    return TokenCost(_per_million(whole, tokens), _per_million(working, tokens), tokens, prompts, share)


def _per_million(amount: Amount, tokens: int) -> Amount:
    micro = amount.cost_micro
    return Amount(
        energy_mj=round(amount.energy_mj * MILLION / tokens),
        cost_micro=None if micro is None else round(micro * MILLION / tokens),
        error_fraction=amount.error_fraction,
        quality=amount.quality,
    )


CAP_SHARE = 0.8
"""Suggested limit as a share of the card's own."""
STEP_W = 5
LEAST_SAVING_W = 10.0
LEAST_HOURS = 1.0
LOW, HIGH = 0.5, 1.0
"""How much of the power above the cap is really saved: slower prompts take longer at the cap."""
SLOWER = 0.01, 0.07
"""Loss of decoding speed in published sweeps of cards at 78 to 86 % of their limit: RTX 3090 1 % at 280 of
350 W (jeanfbrito.github.io, rtx-3090-power-limit-sweet-spot) and at 300 of 350 W (llmgarage.ai, power limit
sweep of 2026-02), RTX 5060 Ti 1 % at 150 of 180 W (inventivehq.com, gpu-power-limit), others 5 % at 85 and
7 % at 78 %."""
SWEEPS = "RTX 3090, RTX 5060 Ti and others, 78-86 %"
SLOWER_READING = 0.06, 0.15
"""Loss of reading speed in the sweep of llmgarage.ai at 300 and 250 of 350 W."""
LOWEST_LIMIT_W = 75.0
"""Cards that may draw no more than this live within their slot's power and have nothing to cap."""


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
    """A limit to try. Savings are a range a month; ``slower`` is what published sweeps lost of decoding."""

    cap_w: int
    saves_low_mj: int
    saves_high_mj: int
    saves_low_micro: int | None
    saves_high_micro: int | None
    slower: tuple[float, float] = SLOWER
    slower_reading: tuple[float, float] = SLOWER_READING


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


LEAST_SEEN = 0.8
"""Both spans must have been observed for at least this share."""


@dataclass(frozen=True, slots=True)
class SameHours:
    """Two spans, aware UTC: today from midnight until now, and those hours of the same weekday before."""

    today_start: datetime
    today_end: datetime
    then_start: datetime
    then_end: datetime


def same_hours_of_last_week(now: datetime, zone: ZoneInfo) -> SameHours:
    """By the clocks on the wall: a day on which they changed is compared until the same time of day."""
    local = now.astimezone(zone)
    then_day = local.date() - timedelta(days=7)
    midnight = datetime.combine(local.date(), time(), zone)
    then_midnight = datetime.combine(then_day, time(), zone)
    then_now = datetime.combine(then_day, local.time(), zone).replace(fold=local.fold)
    return SameHours(
        midnight.astimezone(UTC), now.astimezone(UTC), then_midnight.astimezone(UTC), then_now.astimezone(UTC)
    )


def not_comparable(then_mj: int, now_seen: float, then_seen: float) -> str:
    """Why a sum cannot be set against that of a week ago, in a sentence; "" where it can.

    Nothing is scaled up: with holes in one of the spans (``*_seen`` are the observed shares, 0 to 1) there is
    no comparison.
    """
    if then_seen <= 0:
        return tr("Nothing was recorded a week ago.")
    if then_seen < LEAST_SEEN:
        return tr("The same hours a week ago were only partly recorded.")
    if now_seen < LEAST_SEEN:
        return tr("Today was only partly recorded.")
    return "" if then_mj > 0 else tr("Nothing was used in the same hours a week ago.")
