"""Every page with every scene, in light and dark: drawn, reachable by keyboard, named for screen readers."""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QImage, QPixmapCache
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTableView,
    QWidget,
)

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.services.answers import Extras, FitNote
from wattlight.ui.dashboard import PAGES
from wattlight.ui.tray_menu import TrayMenu
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import tray_view

from .grab import Drawn, settle

pytestmark = pytest.mark.qt


@pytest.fixture(params=["light", "dark"])
def drawn(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Drawn]:
    """Both windows in one theme."""
    made = Drawn(qapp, request.param)
    yield made
    made.close()
    made.theme.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def colours(image: QImage) -> set[int]:
    """Colours of a coarse grid of points."""
    return {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}


def visible_widgets(window: QWidget, kind: type) -> list:
    """What is seen of a kind."""
    return [w for w in window.findChildren(kind) if w.isVisible()]


@pytest.mark.parametrize("scene", sorted(made_up_day.SCENES))
def test_every_page_is_drawn(drawn: Drawn, scene: str) -> None:
    made = made_up_day.SCENES[scene]()
    ground = drawn.theme.tokens.window
    for page in PAGES:
        window = drawn.show_page(made, page)
        image = window.grab().toImage()
        assert image.width() == 1080
        assert image.pixelColor(4, 4) == QColor(ground)
        assert len(colours(image)) >= 6
        assert window.page == page
        inner = window.findChild(QWidget, "page")
        assert inner is not None
    small = drawn.show_small(made)
    assert small.width() == 360
    assert small.grab().toImage().pixelColor(4, 4) == QColor(drawn.theme.tokens.card)


def test_no_page_is_wider_than_the_window(drawn: Drawn) -> None:
    for scene in ("evening", "hostile", "busy"):
        for page in PAGES:
            window = drawn.show_page(made_up_day.SCENES[scene](), page)
            current = window.findChild(QWidget, "root") or window
            shown = [w for w in current.findChildren(QWidget, "page") if w.isVisible()]
            assert shown
            for inner in shown:
                assert inner.width() <= window.width() - 152, (scene, page)
    small = drawn.show_small(made_up_day.hostile())
    (inner,) = [w for w in small.findChildren(QWidget, "page") if w.isVisible()]
    assert inner.width() <= 360


def test_the_smallest_window_cuts_nothing_off(drawn: Drawn) -> None:
    for scene in ("evening", "hostile", "no_model"):
        for page in PAGES:
            drawn.dashboard.resize(drawn.dashboard.minimumSize())
            window = drawn.show_page(made_up_day.SCENES[scene](), page)
            shown = [w for w in window.findChildren(QWidget, "page") if w.isVisible()]
            assert all(inner.width() <= window.width() - 152 for inner in shown), (scene, page)


def test_every_label_shows_plain_text(drawn: Drawn) -> None:
    """Fault 15: a name with markup is never taken for markup, in any label of any page."""
    made = made_up_day.hostile()
    windows = [drawn.show_small(made), *(drawn.show_page(made, page) for page in PAGES)]
    labels = [label for window in windows for label in window.findChildren(QLabel)]
    written = [label for label in labels if label.pixmap().isNull()]
    assert len(written) > 40
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in written)
    assert any("<img" in label.text() for label in written)


def test_fault_15_tooltips_are_escaped(drawn: Drawn) -> None:
    """Fault 15: what comes from outside is escaped where Qt would read markup."""
    made = made_up_day.hostile()
    window = drawn.show_page(made, "now")
    tips = [w.toolTip() for w in window.findChildren(QWidget) if w.toolTip()]
    assert tips
    assert not any("<img" in tip or "<b>" in tip for tip in tips)


def test_everything_that_takes_the_keyboard_has_a_name(drawn: Drawn) -> None:
    made = made_up_day.busy()
    for window in (drawn.show_small(made), *(drawn.show_page(made, page) for page in PAGES)):
        for kind in (QAbstractButton, QLineEdit, QComboBox, QTableView):
            for widget in visible_widgets(window, kind):
                if widget.focusPolicy() is Qt.FocusPolicy.NoFocus or widget.objectName().startswith("qt_"):
                    continue
                named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
                assert named, widget


def test_tab_reaches_the_buttons_and_no_ring_is_shown_before(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    window.activateWindow()
    settle()
    assert not isinstance(QApplication.focusWidget(), QAbstractButton)
    reached: list[str] = []
    for _ in range(12):
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            reached.append(focus.accessibleName() or focus.text())
    for wanted in ("Now", "Keep loaded", "Switch…"):
        assert wanted in reached
    assert any(name.startswith("Unload") for name in reached)


def test_the_focus_is_seen(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    window.activateWindow()
    before = window.grab().toImage()
    QTest.keyClick(window, Qt.Key.Key_Tab)
    settle()
    assert window.grab().toImage() != before


def test_escape_takes_a_question_back_and_then_closes(drawn: Drawn) -> None:
    window = drawn.show_small(made_up_day.evening())
    window.ask(Command(Verb.SWITCH, "llama3.3:70b", "Switch anyway?", "Switch"))
    settle()
    assert window.question.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.question.isVisible()
    assert window.isVisible()
    assert drawn.commands == []
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert drawn.seen[-1] is False


def test_a_confirmed_question_is_carried_out_once(drawn: Drawn) -> None:
    window = drawn.show_small(made_up_day.evening())
    window.ask(Command(Verb.REMOVE, "x:1b", "Remove x:1b?", "Remove x:1b"))
    settle()
    (yes,) = [b for b in visible_widgets(window.question, QAbstractButton) if b.text() == "Remove x:1b"]
    yes.click()
    assert drawn.commands == [Command(Verb.REMOVE, "x:1b")]
    assert not window.question.isVisible()


def test_one_click_switches(drawn: Drawn) -> None:
    window = drawn.show_small(made_up_day.evening())
    (row,) = [b for b in visible_widgets(window, QAbstractButton) if "gpt-oss:20b" in b.accessibleName()]
    assert row.accessibleName() == "Switch to gpt-oss:20b, fits"
    row.click()
    assert drawn.commands == [Command(Verb.SWITCH, "gpt-oss:20b")]


def test_thousands_of_models_open_at_once(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.crowd(500), "models")
    table = window.findChild(QTableView)
    assert table is not None
    scene = made_up_day.crowd(5000)
    fits = tuple(FitNote(m.name, "full_gpu", tokens_low=9.0, tokens_high=12.0) for m in scene.local_models)

    def seconds(scene: Scene) -> float:
        began = time.process_time()
        window.render_scene(scene)
        settle()
        return time.process_time() - began

    first = seconds(scene)
    known = seconds(replace(scene, extras=replace(scene.extras, fits=fits)))
    later = min(seconds(replace(made_up_day.crowd(5000), extras=Extras(fits=fits))) for _ in range(3))
    print(f"\nms: first {first * 1e3:.0f}, fits known {known * 1e3:.0f}, later {later * 1e3:.0f}")
    assert table.model().rowCount() == 5001
    assert first < 0.6 and known < 0.6 and later < 0.15


def test_choosing_a_model_shows_its_details_and_keeps_them(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "models", "gemma4:26b")
    assert any(b.text() == "Install 18.0 GB" for b in visible_widgets(window, QAbstractButton))
    window.render_scene(made_up_day.evening())
    assert any(b.text() == "Install 18.0 GB" for b in visible_widgets(window, QAbstractButton))
    table = window.findChild(QTableView)
    assert table is not None
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Up)
    settle()
    assert any(b.text() == "Install 17.4 GB" for b in visible_widgets(window, QAbstractButton))


def test_the_price_is_saved_or_explained(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.no_model(), "settings")
    window.ask_price()
    fields = {f.accessibleName(): f for f in visible_widgets(window, QLineEdit)}
    boxes = {b.accessibleName(): b for b in visible_widgets(window, QComboBox)}
    boxes["Country"].setCurrentIndex(boxes["Country"].findData("DE"))
    assert (fields["Price per kWh"].text(), fields["Currency"].text()) == ("0.3869", "EUR")
    fields["Price per kWh"].setText("much")
    QTest.keyClick(fields["Price per kWh"], Qt.Key.Key_Return)
    assert drawn.saved == []
    assert any(
        label.text() == "Type the price as a number, like 0.39." for label in visible_widgets(window, QLabel)
    )
    fields["Price per kWh"].setText("0,41")
    QTest.keyClick(fields["Price per kWh"], Qt.Key.Key_Return)
    assert drawn.saved[-1].price.per_kwh == "0.41"
    (unknown,) = [b for b in visible_widgets(window, QAbstractButton) if b.text() == "I don't know"]
    unknown.click()
    assert drawn.commands[-1] == Command(Verb.DECLINE_PRICE)


def test_pages_are_built_when_they_are_first_looked_at(drawn: Drawn) -> None:
    drawn.show_page(made_up_day.evening(), "now")
    assert len(drawn.dashboard.findChildren(QTableView)) == 0
    drawn.show_page(made_up_day.evening(), "models")
    assert len(drawn.dashboard.findChildren(QTableView)) == 1


def test_the_theme_changes_under_an_open_window(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    before = window.grab().toImage()
    drawn.theme.wish("light" if drawn.theme.tokens.dark else "dark")
    settle()
    after = window.grab().toImage()
    assert after.pixelColor(4, 4) == QColor(drawn.theme.tokens.window)
    assert after.pixelColor(4, 4) != before.pixelColor(4, 4)


def settled_objects() -> tuple[int, int]:
    """Widgets of the program, and resident MiB where the system tells."""
    settle()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QPixmapCache.clear()  # Qt's own, of bounded size
    gc.collect()
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else 0
    return len(QApplication.allWidgets()), pages * 4096 >> 20


@pytest.mark.parametrize("changes", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_changes_leave_nothing_behind(qapp: QApplication, changes: int) -> None:
    """What was shown and is shown no longer is gone: pages, rows, menus, bars."""
    QPixmapCache.setCacheLimit(2048)  # as the program does
    drawn = Drawn(qapp, "dark")
    scenes = [made_up_day.SCENES[name]() for name in sorted(made_up_day.SCENES)]
    menu = QMenu()
    follower = TrayMenu(menu, lambda _command: None)

    def run(count: int) -> None:
        for number in range(count):
            scene = scenes[number % len(scenes)]
            drawn.show_page(scene, PAGES[number % len(PAGES)])
            drawn.show_small(scene)
            follower.show(tray_view(scene).menu, False)
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    run(2 * len(scenes) * len(PAGES))
    widgets, mib = settled_objects()
    run(changes - changes % (len(scenes) * len(PAGES)) or len(scenes) * len(PAGES))
    now_widgets, now_mib = settled_objects()
    menu.deleteLater()
    drawn.close()
    print(f"\n{changes} changes: {now_widgets - widgets:+} widgets, {now_mib - mib:+} MiB")
    assert now_widgets <= widgets
    assert now_mib - mib < 8
