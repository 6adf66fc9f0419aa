"""A budget of money per day and per month, with one alarm each."""

from dataclasses import dataclass
from datetime import date


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
