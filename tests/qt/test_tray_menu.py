"""The menu follows its view: nothing happens for an equal one, nothing while it is open."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.ui.tray_menu import TrayMenu, menu_text
from wattlight.viewmodels.tray import MenuEntry, tray_view

pytestmark = pytest.mark.qt


@pytest.fixture
def menu(qapp: QApplication) -> Iterator[QMenu]:
    """An empty menu."""
    made = QMenu()
    yield made
    made.deleteLater()


def test_an_equal_view_touches_nothing(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    entries = tray_view(made_up_day.evening()).menu
    follower.show(entries, False)
    actions = menu.actions()
    changes: list[int] = []
    for action in actions:
        action.changed.connect(lambda: changes.append(1))
    follower.show(tray_view(made_up_day.evening()).menu, False)
    assert menu.actions() == actions
    assert changes == []


def test_new_words_change_lines_in_place(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    follower.show((MenuEntry("52 W", Command(Verb.OPEN_COST)), MenuEntry(), MenuEntry("Quit")), False)
    first = menu.actions()
    follower.show((MenuEntry("53 W", Command(Verb.OPEN_COST)), MenuEntry(), MenuEntry("Quit")), False)
    assert menu.actions() == first
    assert first[0].text() == "53 W"


def test_an_open_menu_is_left_alone_until_it_is_closed(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    follower.show((MenuEntry("one"),), False)
    menu.aboutToShow.emit()
    follower.show((MenuEntry("one"), MenuEntry("two")), False)
    assert [a.text() for a in menu.actions()] == ["one"]
    menu.aboutToHide.emit()
    assert [a.text() for a in menu.actions()] == ["one", "two"]


def test_clicks_carry_the_command_of_the_moment(menu: QMenu) -> None:
    asked: list[Command] = []
    follower = TrayMenu(menu, asked.append)
    follower.show((MenuEntry("a", Command(Verb.SWITCH, "a")),), False)
    follower.show((MenuEntry("b", Command(Verb.SWITCH, "b")),), False)
    menu.actions()[0].trigger()
    assert asked == [Command(Verb.SWITCH, "b")]


def test_a_mark_turns_only_with_the_state(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    follower.show((MenuEntry("Keep loaded", Command(Verb.KEEP, "x"), checked=False),), False)
    action: QAction = menu.actions()[0]
    action.trigger()
    assert not action.isChecked()
    follower.show((MenuEntry("Keep loaded", Command(Verb.RELEASE, "x"), checked=True),), False)
    assert action.isChecked()


def test_submenus_follow_too(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    for names in (("a", "b"), ("c", "d"), ("e",)):
        follower.show((MenuEntry("More", children=tuple(MenuEntry(n) for n in names)),), False)
        child = menu.actions()[0].menu()
        assert isinstance(child, QMenu)
        assert [a.text() for a in child.actions()] == list(names)


def test_text_for_both_kinds_of_menus() -> None:
    assert menu_text("a_b & c&d", True) == "a__b && c&d"
    assert menu_text("a_b & c&d", False) == "a_b && c&&d"
    assert menu_text("two\nlines\x1b", False) == "two lines "


def test_a_host_that_never_tells_of_closing_still_shows_the_truth(menu: QMenu, qapp: QApplication) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    follower.show((MenuEntry("18 W", Command(Verb.OPEN_COST)),), True)
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    follower.show((MenuEntry("45 W", Command(Verb.OPEN_COST)), MenuEntry("Unload")), True)
    qapp.processEvents()
    assert [a.text() for a in menu.actions()] == ["45 W", "Unload"]


def test_opening_again_without_a_click_shows_the_truth_too(menu: QMenu) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    follower.show((MenuEntry("18 W"),), True)
    menu.aboutToShow.emit()
    follower.show((MenuEntry("45 W"),), True)
    assert [a.text() for a in menu.actions()] == ["18 W"]
    menu.aboutToShow.emit()
    assert [a.text() for a in menu.actions()] == ["45 W"]


def test_menus_that_were_replaced_do_not_stay(menu: QMenu, qapp: QApplication) -> None:
    follower = TrayMenu(menu, lambda _command: None)
    for number in range(60):
        names = [f"model {i}" for i in range(number % 5 + 1)]
        more = MenuEntry("More", children=tuple(MenuEntry(n, children=(MenuEntry(n),)) for n in names))
        follower.show((more, *(MenuEntry(n) for n in names)), False)
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert len(menu.findChildren(QMenu)) <= 6
    child = menu.actions()[0].menu()
    assert isinstance(child, QMenu)
    assert [a.text() for a in child.actions()] == [f"model {i}" for i in range(5)]


def test_work_under_way_ticks_in_an_open_menu_and_nothing_else_does(menu: QMenu) -> None:
    def entries(seconds: int, watts: int) -> tuple[MenuEntry, ...]:
        cancel = Command(Verb.CANCEL_TASK, "b")
        return (
            MenuEntry(f"{watts} W", Command(Verb.OPEN_COST)),
            MenuEntry(f"Loading b, {seconds} s", cancel),
        )

    opened: list[int] = []
    follower = TrayMenu(menu, lambda _command: None, lambda: opened.append(1))
    follower.show(entries(1, 18), False)
    menu.aboutToShow.emit()
    follower.show(entries(2, 45), False)
    assert [a.text() for a in menu.actions()] == ["18 W", "Loading b, 2 s"]
    follower.show(
        (MenuEntry("45 W", Command(Verb.OPEN_COST)), MenuEntry("b", Command(Verb.SWITCH, "b"))), False
    )
    assert [a.text() for a in menu.actions()] == ["18 W", "Loading b, 2 s"]
    assert opened == [1]
    menu.aboutToHide.emit()
    assert [a.text() for a in menu.actions()] == ["45 W", "b"]
