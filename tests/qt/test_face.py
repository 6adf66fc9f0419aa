"""The face as a whole, in this process: windows are made late and dropped, nothing is left behind."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QMenu, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import Notice
from wattlight.i18n import OFFERED
from wattlight.paths import Places, places_for_user
from wattlight.services.application import ChangeSettings
from wattlight.settings import Settings
from wattlight.ui import DesktopUi
from wattlight.ui import face as face_module
from wattlight.ui.early import EarlyIcon, show_icon
from wattlight.ui.single import SingleInstance
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import IconState, tray_view

pytestmark = pytest.mark.qt


class Asked:
    """An application that remembers what it was asked for."""

    def __init__(self) -> None:
        self.commands: list[Command | ChangeSettings] = []

    def do(self, command: Command | ChangeSettings) -> None:
        self.commands.append(command)

    @property
    def verbs(self) -> list[Verb]:
        return [c.verb for c in self.commands if isinstance(c, Command)]

    @property
    def saved(self) -> list[Settings]:
        return [c.after for c in self.commands if isinstance(c, ChangeSettings)]


class Standing:
    """A face over a scene."""

    def __init__(self, app: QApplication, places: Places, scene: Scene) -> None:
        self.asked = Asked()
        menu = QMenu()
        tray, born = show_icon(menu)
        instance = SingleInstance(places)
        assert instance.take()
        early = EarlyIcon(app, tray, menu, born, instance)
        self.face = DesktopUi(
            self.asked,
            scene.state,
            replace(scene.settings, told_tray_closing=True, first_run_done=True),
            ["--hidden"],
            early,
            scene.extras,
            lambda: scene.now,
        )

    def close(self) -> None:
        """As at the end of a run."""
        self.face._leave()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def standing(qapp: QApplication, tmp_path: Path) -> Iterator[Standing]:
    """The face over an ordinary evening."""
    made = Standing(qapp, places_for_user({"WATTLIGHT_HOME": str(tmp_path)}), made_up_day.evening())
    yield made
    made.close()


def running_timers(app: QApplication) -> list[QTimer]:
    """Timers that would wake the processor."""
    tops = [w for w in app.topLevelWidgets() if w.isVisible()]
    return [t for top in tops for t in top.findChildren(QTimer) if t.isActive()]


def test_hidden_makes_no_window_and_runs_no_timer(standing: Standing) -> None:
    assert standing.face.windows.small is None
    assert standing.face.windows.dashboard is None
    assert not standing.face._tick.isActive()


def test_windows_are_dropped_some_time_after_they_are_closed(standing: Standing, qtbot: QtBot) -> None:
    windows = standing.face.windows
    windows._drop.setInterval(30)
    standing.face.do(Command(Verb.OPEN_COST))
    assert windows.dashboard is not None
    assert windows.dashboard.page == "cost"
    assert Verb.WATCH in standing.asked.verbs
    windows.dashboard.close()
    assert standing.asked.verbs[-1] is Verb.LOOK_AWAY
    qtbot.waitUntil(lambda: windows.dashboard is None)
    standing.face.do(Command(Verb.OPEN_NOW))
    assert windows.dashboard is not None


def test_a_reopened_window_is_not_dropped(standing: Standing, qtbot: QtBot) -> None:
    windows = standing.face.windows
    windows._drop.setInterval(30)
    standing.face.do(Command(Verb.OPEN_COST))
    first = windows.dashboard
    assert first is not None
    first.close()
    standing.face.do(Command(Verb.OPEN_COST))
    qtbot.wait(80)
    assert windows.dashboard is first


def test_seconds_tick_only_while_something_is_done_and_seen(standing: Standing, qtbot: QtBot) -> None:
    busy = made_up_day.busy()
    standing.face.do(Command(Verb.OPEN_WINDOW))
    assert not standing.face._tick.isActive()
    standing.face.publish(busy.state)
    qtbot.waitUntil(standing.face._tick.isActive)
    small = standing.face.windows.small
    assert small is not None
    small.hide()
    assert not standing.face._tick.isActive()


PASSED_ON = (
    Verb.SWITCH,
    Verb.LOAD,
    Verb.UNLOAD,
    Verb.KEEP,
    Verb.RELEASE,
    Verb.REMOVE,
    Verb.PULL,
    Verb.REPAIR,
    Verb.CANCEL_PULL,
    Verb.CANCEL_TASK,
    Verb.REFRESH,
    Verb.START_SERVER,
    Verb.DECLINE_PRICE,
    Verb.DISMISS,
    Verb.QUIT,
)


@pytest.mark.parametrize("verb", PASSED_ON, ids=str)
def test_a_command_reaches_the_application(standing: Standing, verb: Verb) -> None:
    standing.face.do(Command(verb, "x:1b"))
    assert standing.asked.commands == [Command(verb, "x:1b")]


def test_a_pause_is_not_undone_by_settings_from_before_it(standing: Standing) -> None:
    before = standing.face._settings
    standing.face.do(Command(Verb.PAUSE))
    assert standing.asked.saved[-1].meter.paused
    standing.face.publish(settings=before, changes=0)
    standing.face._bridge._flush()
    assert standing.face._settings.meter.paused
    standing.face.publish(settings=replace(before, keep_alive="1h"), changes=1)
    standing.face._bridge._flush()
    assert (standing.face._settings.keep_alive, standing.face._settings.meter.paused) == ("1h", False)


def test_a_view_never_goes_back(standing: Standing) -> None:
    state = standing.face._state
    standing.face.publish(replace(state, number=8, paused=True))
    standing.face.publish(replace(state, number=7, paused=False))
    standing.face._bridge._flush()
    assert (standing.face._state.number, standing.face._state.paused) == (8, True)


def test_another_language_makes_the_windows_anew(standing: Standing) -> None:
    standing.face.do(Command(Verb.OPEN_COST))
    first = standing.face.windows.dashboard
    standing.face.publish(settings=replace(standing.face._settings, language="de"), changes=9)
    standing.face._bridge._flush()
    second = standing.face.windows.dashboard
    assert second is not None and second is not first
    assert second.page == "cost"
    assert "Kosten" in {label.text() for label in second.findChildren(QLabel)}
    assert QLocale().name().startswith("de")
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Abbrechen", "Qt's own words too"


def test_the_language_is_a_choice_of_the_settings(standing: Standing) -> None:
    standing.face.do(Command(Verb.OPEN_SETTINGS))
    assert standing.face.windows.dashboard is not None
    boxes = standing.face.windows.dashboard.findChildren(QComboBox)
    box = next(b for b in boxes if b.accessibleName() == "Language")
    assert [box.itemData(n) for n in range(box.count())] == ["", *(offered.code for offered in OFFERED)]
    assert box.itemText(2) == "Deutsch"
    assert all("machine-translated" in box.itemText(n) for n in range(3, box.count()))
    box.setCurrentIndex(2)
    assert standing.asked.saved[-1].language == "de"
    page = standing.face.windows.dashboard
    assert "Einstellungen" in {label.text() for label in page.findChildren(QLabel)}


def test_a_place_saved_while_the_language_changes_is_kept(standing: Standing) -> None:
    standing.face.do(Command(Verb.OPEN_NOW))
    standing.face.publish(settings=replace(standing.face._settings, language="de"), changes=9)
    standing.face._bridge._flush()
    assert standing.asked.saved[-1].window_geometry is not None
    standing.face.do(Command(Verb.PAUSE))
    assert standing.asked.saved[-1].language == "de"
    assert standing.asked.saved[-1].window_geometry == standing.asked.saved[-2].window_geometry


def test_another_registry_is_asked_about_before_anything_is_fetched(standing: Standing) -> None:
    standing.face.do(Command(Verb.PULL, "registry.example/me/model"))
    assert Verb.PULL not in standing.asked.verbs
    standing.face.do(Command(Verb.PULL, "registry.example/me/model", asked=True))
    assert standing.asked.commands[-1] == Command(Verb.PULL, "registry.example/me/model")


def test_no_verb_is_unknown_to_the_face(standing: Standing) -> None:
    for verb in Verb:
        standing.face.do(Command(verb, "x:1b"))


def test_a_forced_theme_is_taken_from_new_settings(standing: Standing, qtbot: QtBot) -> None:
    scene = made_up_day.evening()
    for wish in ("dark", "light", "dark"):
        standing.face.publish(scene.state, settings=replace(scene.settings, theme=wish))
        qtbot.waitUntil(lambda w=wish: standing.face._theme.tokens.name == w)


def test_no_thread_and_no_window_is_left(qapp: QApplication, tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    before = [w for w in qapp.topLevelWidgets() if w.isVisible()]  # of other tests
    for round_ in range(3):
        places = places_for_user({"WATTLIGHT_HOME": str(tmp_path / str(round_))})
        made = Standing(qapp, places, made_up_day.evening())
        for verb in (Verb.OPEN_WINDOW, Verb.OPEN_NOW, Verb.OPEN_MODELS, Verb.OPEN_COST, Verb.OPEN_SETTINGS):
            made.face.do(Command(verb))
        made.close()
    assert set(threading.enumerate()) == threads
    assert [w for w in qapp.topLevelWidgets() if w.isVisible() and w not in before] == []
    assert running_timers(qapp) == []


def test_urgent_notices_are_told_by_the_desktop_while_no_window_is_open(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(standing.face.keeper, "tell", told.append)
    state = standing.face._state
    now = [made_up_day.NOW]
    standing.face._clock = lambda: now[0]
    budget = Notice("budget 2026-11", "The budget is used up.", now[0], urgent=True)
    disk = Notice("disk_full", "The disk is full.", now[0], urgent=True)
    quiet = Notice("kept", "It stays loaded.", now[0])

    def show(number: int, *notices: Notice) -> None:
        standing.face.publish(replace(state, number=number, notices=notices))
        standing.face._bridge._flush()

    show(10, budget, quiet)
    show(11, budget, quiet)
    assert told == ["The budget is used up."]
    show(12, budget, disk)
    assert len(told) == 1, "not two in a row"
    now[0] += timedelta(seconds=31)
    show(13, budget, disk)
    assert told[1:] == ["The disk is full."]
    standing.face.do(Command(Verb.OPEN_WINDOW))
    now[0] += timedelta(seconds=31)
    show(14, replace(disk, text="The disk is still full."))
    assert len(told) == 2


@pytest.mark.parametrize(
    ("kind", "switch"),
    [("budget 2026-11", "budget"), ("slow", "slow"), ("cut", "cut"), ("part relay", "trouble")],
)
def test_each_kind_of_message_can_be_switched_off(
    standing: Standing, monkeypatch: pytest.MonkeyPatch, kind: str, switch: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(standing.face.keeper, "tell", told.append)
    state = standing.face._state
    notice = Notice(kind, "Something happened.", made_up_day.NOW, urgent=True)
    settings = standing.face._settings
    for number, on in ((20, False), (21, True)):
        off = replace(settings.notifications, **{switch: on})
        wanted = replace(settings, notifications=off)
        standing.face.publish(replace(state, number=number, notices=(notice,)), settings=wanted, changes=9)
        standing.face._bridge._flush()
        assert bool(told) is on


def test_a_middle_click_unloads_and_loads_the_same_again(standing: Standing) -> None:
    face = standing.face
    click = face.keeper.activated.emit
    click(QSystemTrayIcon.ActivationReason.MiddleClick)
    assert standing.asked.commands[-1] == Command(Verb.UNLOAD)
    host = face._state.local
    empty = replace(host, server=replace(host.server, running=()))
    face.publish(replace(face._state, number=30, hosts=(empty,)))
    face._bridge._flush()
    click(QSystemTrayIcon.ActivationReason.MiddleClick)
    assert standing.asked.commands[-1] == Command(Verb.SWITCH, "qwen3:8b")


def test_a_middle_click_with_nothing_to_toggle_shows_the_window(standing: Standing) -> None:
    face = standing.face
    server = replace(face._state.local.server, running=(), installed=())
    host = replace(face._state.local, server=server)
    face.publish(replace(face._state, number=31, hosts=(host,)))
    face._bridge._flush()
    face.keeper.activated.emit(QSystemTrayIcon.ActivationReason.MiddleClick)
    assert face.windows.small is not None and face.windows.small.isVisible()


def test_the_small_window_comes_back_as_large_as_it_was_left(standing: Standing) -> None:
    windows = standing.face.windows
    standing.face.do(Command(Verb.OPEN_WINDOW))
    assert windows.small is not None
    windows.small.resize(420, 510)
    windows.small.close()
    saved = standing.asked.saved[-1].small_geometry
    assert saved is not None and saved.startswith("420x510")
    windows._drop_hidden()
    assert windows.small is None
    standing.face.do(Command(Verb.OPEN_WINDOW))
    again: Any = windows.small
    assert (again.width(), again.height()) == (420, 510)
    count = len(standing.asked.saved)
    again.close()
    assert len(standing.asked.saved) == count, "what has not changed is not saved again"


def test_the_icon_is_drawn_again_only_for_another_height_of_the_flame(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    monkeypatch.setattr(face_module, "tray_icon", lambda *a: drawn.append(a[3]) or QIcon())
    for height in (0.25, 0.25, 0.5, 0.5):
        monkeypatch.setattr(
            standing.face._views,
            "view",
            lambda scene, h=height: replace(tray_view(scene), icon=IconState.WORKING, flame=h),
        )
        standing.face._draw()
    assert drawn == [0.25, 0.5]
    monkeypatch.setattr(type(standing.face._theme), "still", True)
    standing.face._draw()
    assert drawn == [0.25, 0.5, 1.0], "where the desktop asks for no movement the flame is whole"
