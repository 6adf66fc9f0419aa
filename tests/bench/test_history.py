"""Longer spans from the ledger to the pixel: read, prepared, painted. CPU time of this process."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from wattlight.domain.cost import History, HistorySpan
from wattlight.i18n import activate
from wattlight.services.metering import hours_of_the_week, power_history
from wattlight.store import open_reader
from wattlight.ui.power_chart import PowerChart
from wattlight.ui.theme import Theme
from wattlight.viewmodels.history import history_chart

from .test_meter import NOW, TARIFF, UTC_ZONE, best, year

__all__ = ["year"]
pytestmark = [pytest.mark.bench, pytest.mark.qt, pytest.mark.timeout(600)]

MOST_MS = {HistorySpan.DAY: 30, HistorySpan.WEEK: 200, HistorySpan.MONTH: 350, HistorySpan.YEAR: 60}


def cpu_ms(work: Callable[[], object]) -> float:
    return best(work) * 1000


@pytest.mark.parametrize("span", list(HistorySpan))
def test_a_span(year: Path, qapp: QApplication, span: HistorySpan) -> None:
    activate("en")
    chart = PowerChart(Theme(qapp, "light"))
    chart.resize(840, 260)

    def read() -> History:
        with open_reader(year) as reader:
            return power_history(reader, span, TARIFF if span is HistorySpan.YEAR else None, UTC_ZONE, NOW)

    history = read()
    assert sum(1 for slot in history.slots if slot.covered_us) > 200
    view = history_chart(history, "t")
    picture = QPixmap(chart.size())

    def paint() -> None:
        chart.render_view(view)
        chart.render(picture)

    paint()
    times = cpu_ms(read), cpu_ms(lambda: history_chart(history, "t")), cpu_ms(paint)
    print(
        f"\n{span}: {len(history.slots)} slots, read {times[0]:.1f} ms, prepared {times[1]:.1f} ms, "
        f"painted {times[2]:.1f} ms CPU, {sum(times):.1f} ms together"
    )
    assert sum(times) <= MOST_MS[span]


def test_the_hours_of_a_week(year: Path) -> None:
    def read() -> int:
        with open_reader(year) as reader:
            return len(hours_of_the_week(reader, None, UTC_ZONE, NOW))

    took = cpu_ms(read)
    print(f"\nhours of a week: {took:.1f} ms CPU")
    assert read() == 168
    assert took <= 350


def test_a_day_costs_no_more_than_its_rows(year: Path) -> None:
    """As a ratio: the chart of a day beside reading the same rows one by one."""
    start = datetime(2026, 12, 30, 12, tzinfo=UTC).timestamp()

    def rows() -> int:
        with open_reader(year) as reader:
            return sum(1 for _ in reader.buckets(int(start * 1e6), int((start + 86_400) * 1e6)))

    def chart() -> object:
        with open_reader(year) as reader:
            return history_chart(power_history(reader, HistorySpan.DAY, None, UTC_ZONE, NOW), "t")

    ratio = cpu_ms(chart) / cpu_ms(rows)
    print(f"\nthe chart of a day takes {ratio:.2f} of reading its {rows()} rows one by one")
    assert ratio <= 1.0
