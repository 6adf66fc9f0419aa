"""One alarm per day and per month, not again after a restart, and none without a price or a sensor."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from wattlight.domain.cost import Amount, CostReport
from wattlight.domain.values import Quality
from wattlight.i18n import activate
from wattlight.services.budget_watch import BudgetWatch
from wattlight.services.current import CurrentSettings
from wattlight.services.hub import StateHub
from wattlight.settings import MeterSettings, Settings

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def cost(micro: int | None, quality: Quality | None = Quality.COUNTER) -> CostReport:
    return CostReport(2000, micro, 0.1, quality, currency="EUR", models=Amount(1000, micro))


class Alarms(list[tuple[str, str]], StateHub):
    """What was shown."""

    def notify(
        self, kind: str, text: str, at: datetime, level: str = "warning", urgent: bool = False
    ) -> None:
        assert urgent
        self.append((kind, text))


def watch(
    folder: Path, alarms: Alarms, daily: int | None = 500_000, monthly: int | None = None
) -> BudgetWatch:
    meter = MeterSettings(daily_budget_micro=daily, monthly_budget_micro=monthly)
    settings = CurrentSettings(Settings(meter=meter), {})
    return BudgetWatch(settings, folder / "state" / "told.txt", alarms, lambda: NOW)


def test_the_alarm_comes_once_when_the_budget_is_reached(tmp_path: Path) -> None:
    alarms = Alarms()
    looked = watch(tmp_path, alarms)
    looked.look(DAY, cost(499_999), cost(499_999))
    assert alarms == []
    looked.look(DAY, cost(500_000), cost(500_000))
    looked.look(DAY, cost(600_000), cost(600_000))
    assert alarms == [("budget 2026-11-24", "Your models have used €0.50 today; the budget is €0.50.")]
    looked.look(date(2026, 11, 25), cost(700_000), cost(700_000))
    assert [kind for kind, _ in alarms] == ["budget 2026-11-24", "budget 2026-11-25"]


def test_a_restart_does_not_repeat_it(tmp_path: Path) -> None:
    alarms = Alarms()
    watch(tmp_path, alarms).look(DAY, cost(900_000), None)
    watch(tmp_path, alarms).look(DAY, cost(900_000), None)
    assert len(alarms) == 1


def test_the_month_has_its_own(tmp_path: Path) -> None:
    alarms = Alarms()
    watch(tmp_path, alarms, None, 2_000_000).look(DAY, cost(1), cost(2_000_000))
    assert alarms[0][0] == "budget 2026-11"
    assert "this month" in alarms[0][1]


@pytest.mark.parametrize("day", [None, cost(None), cost(900_000, None)])
def test_what_is_not_known_raises_no_alarm(tmp_path: Path, day: CostReport | None) -> None:
    alarms = Alarms()
    watch(tmp_path, alarms).look(DAY, day, day)
    assert alarms == []


def test_a_file_that_cannot_be_used_does_not_stop_it(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"\xff\xfe")
    alarms = Alarms()
    looked = watch(tmp_path, alarms)
    looked.look(DAY, cost(500_000), None)
    looked.look(DAY, cost(500_000), None)
    assert len(alarms) == 1
