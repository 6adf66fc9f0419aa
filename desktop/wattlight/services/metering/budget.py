"""A budget for the day and one for the month, with one alarm each."""

from datetime import date

from wattlight.domain.state import CostToday
from wattlight.i18n import money, tr


class BudgetWatch:
    """Says once per day (per month) that the models' cost passed the budget. Not for several threads."""

    def __init__(self, daily_micro: int | None, monthly_micro: int | None) -> None:
        self.daily_micro = daily_micro
        self.monthly_micro = monthly_micro
        self._said: set[str] = set()

    def check(self, today: CostToday | None, month: CostToday | None, day: date) -> tuple[str, ...]:
        """New sentences; none for what was said before."""
        said = []
        if self._passed(today, self.daily_micro, day.isoformat()):
            said.append(tr("The models cost {sum} today, more than your budget.", sum=_sum(today)))
        if self._passed(month, self.monthly_micro, f"{day:%Y-%m}"):
            said.append(tr("The models cost {sum} this month, more than your budget.", sum=_sum(month)))
        return tuple(said)

    def _passed(self, cost: CostToday | None, budget: int | None, key: str) -> bool:
        if cost is None or budget is None or cost.models_micro is None or cost.models_micro <= budget:
            return False
        fresh = key not in self._said
        self._said.add(key)
        return fresh


def _sum(cost: CostToday | None) -> str:
    return "" if cost is None else money(cost.models_micro, cost.currency)
