"""The charts of the pages: spans, pointing with mouse and keys, as a table, saved as a picture."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPushButton, QWidget

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.ui.picture import SavePicture
from wattlight.ui.power_chart import PowerChart
from wattlight.ui.week_chart import WeekHoursChart

from .grab import Drawn, settle

pytestmark = pytest.mark.qt


@pytest.fixture
def drawn(qapp: QApplication) -> Iterator[Drawn]:
    made = Drawn(qapp, "light")
    yield made
    made.close()


def click(page: QWidget, text: str) -> None:
    made = [b for b in page.findChildren(QPushButton) if b.text() == text and b.isVisible()]
    QTest.mouseClick(made[0], Qt.MouseButton.LeftButton)
    settle()


def move_mouse(widget: QWidget, to: QPoint) -> None:
    """As an event: on Windows a pointer that programs move tells windows nothing at once."""
    where, none = QPointF(to), Qt.MouseButton.NoButton
    whole = QPointF(widget.mapToGlobal(to))
    moved = QMouseEvent(QEvent.Type.MouseMove, where, whole, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, moved)


def chart_on(page: QWidget) -> PowerChart:
    return next(chart for chart in page.findChildren(PowerChart) if not chart.bare)


def texts(page: QWidget) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_a_span_is_asked_for_and_shown(drawn: Drawn) -> None:
    page = drawn.show_page(made_up_day.evening(), "now")
    click(page, "24 hours")
    assert Command(Verb.SHOW_HISTORY, text="day") in drawn.commands
    assert "Power, last 24 hours" in texts(page)
    chart = chart_on(page)
    assert chart.view is not None
    assert {gap.label for gap in chart.view.gaps} == {"asleep"}
    click(page, "7 days")
    assert chart.view.empty_text == "Reading the records…"
    page.render_scene(made_up_day.evening())
    assert chart.view.title == "Power, last 7 days"
    click(page, "10 minutes")
    assert "Power, last 10 minutes" in texts(page)


def test_the_mouse_points_at_a_moment(drawn: Drawn) -> None:
    page = drawn.show_page(made_up_day.evening(), "now")
    click(page, "24 hours")
    chart = chart_on(page)
    move_mouse(chart, QPoint(chart.width() - 90, chart.height() // 2))
    settle()
    assert "computer itself" in chart.pointed
    assert chart.accessibleDescription() == chart.pointed
    before = chart.grab().toImage()
    move_mouse(chart, QPoint(20, chart.height() // 2))
    settle()
    assert chart.grab().toImage() != before


def test_the_keys_move_along_and_escape_ends_it(drawn: Drawn) -> None:
    page = drawn.show_page(made_up_day.evening(), "now")
    chart = chart_on(page)
    assert chart.view is not None
    count = len(chart.view.marks)
    chart.setFocus()
    for key, index in (
        (Qt.Key.Key_Left, count - 1),
        (Qt.Key.Key_Left, count - 2),
        (Qt.Key.Key_Right, count - 1),
        (Qt.Key.Key_Right, count - 1),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_PageDown, count // 12),
        (Qt.Key.Key_End, count - 1),
    ):
        QTest.keyClick(chart, key)
        assert chart.pointed == chart.view.said(index)
        assert chart.accessibleDescription() == chart.pointed
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.pointed == ""
    assert page.isVisible()  # the window is closed by the next one only


def test_the_same_as_a_table(drawn: Drawn) -> None:
    page = drawn.show_page(made_up_day.evening(), "now")
    click(page, "24 hours")
    click(page, "As a table")
    assert not chart_on(page).isVisible()
    assert {"Mean power", "models working", "Recorded"} <= set(texts(page))
    page.resize(page.minimumSize())
    settle()
    inner = page._pages["now"]
    assert inner.widget().minimumSizeHint().width() <= inner.viewport().width()
    click(page, "As a chart")
    assert chart_on(page).isVisible()


def test_the_hours_of_the_week_are_read_when_they_are_looked_at(drawn: Drawn) -> None:
    page = drawn.show_page(made_up_day.evening(), "cost")
    assert drawn.commands.count(Command(Verb.SHOW_HISTORY, text="hours")) == 1
    chart = page.findChild(WeekHoursChart)
    assert isinstance(chart, WeekHoursChart)
    chart.setFocus()
    QTest.keyClick(chart, Qt.Key.Key_Down)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    assert chart.accessibleDescription().startswith("Tue")
    QTest.keyClick(chart, Qt.Key.Key_Up)
    QTest.keyClick(chart, Qt.Key.Key_Up)
    assert chart.accessibleDescription().startswith("Mon")  # there is no day above
    page.render_scene(made_up_day.evening())
    assert drawn.commands.count(Command(Verb.SHOW_HISTORY, text="hours")) == 1


@pytest.mark.parametrize("page_name", ["now", "cost"])
def test_a_picture_is_saved(drawn: Drawn, tmp_path: Path, page_name: str) -> None:
    page = drawn.show_page(made_up_day.evening(), page_name)
    saver = next(s for s in page.findChildren(SavePicture) if s.isVisibleTo(page))
    click(saver, "Save picture…")
    dialog = saver.dialog
    assert isinstance(dialog, QFileDialog)
    for name in ("one.png", "two.svg"):
        dialog.fileSelected.emit(str(tmp_path / name))
    image = QImage(str(tmp_path / "one.png"))
    assert (image.width(), image.height()) == (1920, 840)
    flame = drawn.theme.tokens.flame
    colours = {image.pixelColor(x, y).name() for x in range(0, 1920, 4) for y in range(0, 840, 2)}
    assert drawn.theme.tokens.card in colours
    assert flame in colours
    drawing = (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<?xml")
    assert "Wattlight, Nov 23, 2026" in drawing
    dialog.reject()
    settle()


def test_a_picture_that_cannot_be_saved_says_why(drawn: Drawn, tmp_path: Path) -> None:
    page = drawn.show_page(made_up_day.evening(), "now")
    saver = next(s for s in page.findChildren(SavePicture) if s.isVisibleTo(page))
    click(saver, "Save picture…")
    assert saver.dialog is not None
    (tmp_path / "file").write_text("no folder")
    saver.dialog.fileSelected.emit(str(tmp_path / "file" / "one.png"))
    saver.dialog.reject()
    settle()
    said = " ".join(texts(saver)).replace("\u200b", "")
    assert said.startswith("The picture could not be saved: ")
