"""All pages by keyboard: everything is reached with Tab, has a spoken name, and shows its focus."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QSlider,
    QWidget,
)

from fakes import made_up_day
from wattlight.domain.state import Notice
from wattlight.ui.dashboard import PAGES

from .grab import Drawn, settle

pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]

OPERABLE = (QAbstractButton, QComboBox, QLineEdit, QSlider, QAbstractItemView)
ROUND = 120


@pytest.fixture
def drawn(qapp: QApplication) -> Iterator[Drawn]:
    """Both windows."""
    made = Drawn(qapp, "light")
    yield made
    made.close()


def walk(window: QWidget) -> list[QWidget]:
    """Press Tab until the first widget comes again."""
    window.activateWindow()
    window.setFocus()
    settle()
    seen: list[QWidget] = []
    for _ in range(ROUND):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        settle()
        now = window.focusWidget()
        assert now is not None
        if now in seen:
            return seen
        if now is not window:
            seen.append(now)
            look(window, now)
    raise AssertionError(f"Tab does not come round: {seen}")


def look(window: QWidget, widget: QWidget) -> None:
    """What has the focus has a name, is on the screen, and can be told from what has not."""
    assert spoken(widget).strip(), type(widget).__name__
    assert widget.visibleRegion().boundingRect().height() > 0, f"{spoken(widget)} is scrolled away"
    area = place(window, widget).adjusted(-3, -3, 3, 3)
    focused = window.grab(area).toImage()
    widget.clearFocus()
    settle()
    assert focused != window.grab(area).toImage(), f"{spoken(widget)} does not show the focus"
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    settle()


def place(window: QWidget, widget: QWidget) -> QRect:
    """Where a widget stands in the window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def spoken(widget: QWidget) -> str:
    """The name a screen reader says."""
    face = QAccessible.queryAccessibleInterface(widget)
    assert face is not None
    return face.text(QAccessible.Text.Name)


def operable(window: QWidget) -> set[QWidget]:
    """What can be operated now and is no part of another control."""
    found = set()
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, OPERABLE) or not widget.isVisible() or not widget.isEnabled():
            continue
        inner = widget.parent()
        if isinstance(inner, OPERABLE) or "qt_" in widget.objectName():
            continue
        group = widget.group() if isinstance(widget, QAbstractButton) else None
        if group is not None and group.exclusive() and not widget.isChecked():
            continue  # one of them takes the focus, the arrows go on
        if type(widget).__name__ in {"QHeaderView", "QToolButton", "QTableCornerButton"}:
            continue
        found.add(widget)
    return found


def check(window: QWidget) -> None:
    """Everything is reached, named, seen, and shows the focus."""
    reached = walk(window)
    missed = operable(window) - set(reached)
    assert not missed, [(type(w).__name__, spoken(w)) for w in missed]


@pytest.mark.parametrize("page", [*PAGES, "privacy"])
@pytest.mark.parametrize("scene", ["evening", "busy", "no_model", "no_sensor"])
def test_a_page_by_keyboard(drawn: Drawn, scene: str, page: str) -> None:
    check(drawn.show_page(made_up_day.SCENES[scene](), page))


@pytest.mark.parametrize("scene", ["evening", "busy", "no_model", "no_server", "no_sensor"])
def test_the_small_window_by_keyboard(drawn: Drawn, scene: str) -> None:
    check(drawn.show_small(made_up_day.SCENES[scene]()))


def test_tab_goes_from_the_navigation_through_the_page_and_arrows_through_the_navigation(
    drawn: Drawn,
) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    names = [spoken(w) for w in walk(window)]
    assert names[0] == "Now", names
    assert names.index("Keep loaded") < names.index("Unload qwen3:8b") < names.index("Switch…")
    first = next(w for w in walk(window) if spoken(w) == "Now")
    for page in (*PAGES[1:], *PAGES[-2::-1]):
        down = PAGES.index(page) > PAGES.index(window.page)
        QTest.keyClick(window.focusWidget() or first, Qt.Key.Key_Down if down else Qt.Key.Key_Up)
        settle()
        assert window.page == page


def test_pages_have_keys_and_esc_closes(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    for number, page in enumerate(PAGES, start=1):
        QTest.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        settle()
        assert window.page == page
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_a_chart_is_a_table_too(drawn: Drawn) -> None:
    scene = made_up_day.evening()
    window = drawn.show_page(scene, "cost")
    button = next(w for w in walk(window) if spoken(w) == "As a table")
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    settle()
    texts = [w.text() for w in window.findChildren(QWidget) if hasattr(w, "text") and w.isVisible()]
    for text in ("Day", "Working", "Loaded, idle", "Nov 19", "€0.39", "€0.031"):
        assert text in texts, text
    assert spoken(button) == "As a chart"


@pytest.mark.parametrize("page", ["now", "settings"])
def test_a_message_that_comes_later_is_reached_where_it_stands(drawn: Drawn, page: str) -> None:
    scene = made_up_day.evening()
    drawn.show_page(scene, page)
    notices = (Notice("disk", "The drive is full.", scene.now, "warning"),)
    window = drawn.show_page(replace(scene, state=replace(scene.state, notices=notices)), page)
    names = [spoken(w) for w in walk(window)]
    assert names[1] == "Dismiss this message", names
    QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Backtab)
    assert len(names) == len(set(map(id, walk(window))))
