"""One alarm when the models' cost of a day or month reaches the budget; not again after a restart."""

import contextlib
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from wattlight.domain.answers import Budget, BudgetStand, budget_stand
from wattlight.domain.cost import CostReport
from wattlight.i18n import money, tr
from wattlight.paths import read_small, write_whole

from .current import CurrentSettings
from .hub import StateHub

KEPT = 8
"""So many spans are remembered: today, this month, and a few before."""


class BudgetWatch:
    """:meth:`look` after each sample, from any thread.

    ``told_file`` remembers the spans whose alarm was given.
    """

    def __init__(
        self, settings: CurrentSettings, told_file: Path, hub: StateHub, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._file = told_file
        self._hub = hub
        self._now = now
        self._told: tuple[str, ...] | None = None
        self._lock = threading.Lock()

    def look(self, today: date, day: CostReport | None, month: CostReport | None) -> None:
        wanted = self._settings.value.meter
        budget = Budget(wanted.daily_budget_micro, wanted.monthly_budget_micro)
        if budget == Budget():
            return
        with self._lock:
            told = frozenset(self._read())
            stands = budget_stand(budget, today, _micro(day), _micro(month), told)
            due = [stand for stand in stands if stand.alarm]
            for stand in due:
                self._remember(stand.key)
        currency = next((c.currency for c in (day, month) if c is not None and c.currency), None)
        for stand in due:
            self._hub.notify(f"budget {stand.key}", _sentence(stand, currency), self._now(), urgent=True)

    def _read(self) -> tuple[str, ...]:
        if self._told is None:
            try:
                self._told = tuple(read_small(self._file, 400).decode().split())[-KEPT:]
            except (OSError, UnicodeDecodeError):
                self._told = ()
        return self._told

    def _remember(self, key: str) -> None:
        self._told = (*self._read(), key)[-KEPT:]
        # the worst of a file that cannot be written is a second alarm after the next start
        with contextlib.suppress(OSError):
            write_whole(self._file, "\n".join(self._told).encode())


def _micro(cost: CostReport | None) -> int | None:
    return None if cost is None or cost.quality is None or cost.models_unknown else cost.models.cost_micro


def _sentence(stand: BudgetStand, currency: str | None) -> str:
    spent, limit = money(stand.spent_micro, currency), money(stand.limit_micro, currency)
    if len(stand.key) == len("2026-11"):
        return tr(
            "Your models have used {spent} this month; the budget is {limit}.", spent=spent, limit=limit
        )
    return tr("Your models have used {spent} today; the budget is {limit}.", spent=spent, limit=limit)
