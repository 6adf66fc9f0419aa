"""Settings offer the update of our own copy of Ollama; each button reaches what carries it out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QProgressBar, QPushButton
from pytestqt.qtbot import QtBot

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstallState, ServerWays, SetupFacts
from wattlight.paths import places_for_user
from wattlight.ui import DesktopUi
from wattlight.ui.early import EarlyIcon, show_icon
from wattlight.ui.page_settings import ServerCopyRows
from wattlight.ui.single import SingleInstance

from .grab import settle

pytestmark = pytest.mark.qt
NEWER = ServerWays(
    managed="0.34.0", version="0.35.0", newer=True, download_bytes=1_400_000_000, disk_bytes=4_900_000_000
)
BOTH = replace(NEWER, previous="0.33.0")


OWN = {Verb.INSTALL_SERVER, Verb.CANCEL_INSTALL, Verb.GO_BACK}


class Asked:
    """Remembers what its own server was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def do(self, command: Any) -> None:
        if isinstance(command, Command) and command.verb in OWN:
            self.calls.append(command.verb.value)


class Standing:
    """The face with its page Settings open."""

    def __init__(self, app: QApplication, home: Path, qtbot: QtBot) -> None:
        places = places_for_user({"WATTLIGHT_HOME": str(home)})
        scene = made_up_day.evening()
        self.scene = scene
        menu = QMenu()
        tray, born = show_icon(menu)
        instance = SingleInstance(places)
        assert instance.take()
        self.asked, self.qtbot = Asked(), qtbot
        self.face = DesktopUi(
            self.asked,
            scene.state,
            replace(scene.settings, told_tray_closing=True),
            ["--hidden"],
            EarlyIcon(app, tray, menu, born, instance),
            scene.extras,
            lambda: scene.now,
        )
        self.face.do(Command(Verb.OPEN_SETTINGS))
        dashboard = self.face.windows.dashboard
        assert dashboard is not None
        self.dashboard = dashboard
        (self.rows,) = dashboard.findChildren(ServerCopyRows)

    def show(self, ways: ServerWays | None, **facts: Any) -> None:
        made = SetupFacts(ways=ways, server_is_ours=True, **facts)
        self.face.publish(replace(self.scene.state, setup=made))
        self.qtbot.waitUntil(lambda: self.face._state.setup == made)
        settle()

    def press(self, text: str) -> None:
        here = [b for b in self.rows.findChildren(QPushButton) if b.isVisible()]
        found = [b for b in self.dashboard.findChildren(QPushButton) if b.isVisible()]
        # what is under way stands above every page too: the card's own button comes first
        button = next(b for b in (*here, *found) if b.text().replace("\u00a0", " ") == text)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def texts(self) -> list[str]:
        shown = [w for w in self.rows.findChildren(QLabel) if w.isVisible()]
        return [w.text().replace("\u00a0", " ").replace("\u200b", "") for w in shown]


@pytest.fixture
def standing(qapp: QApplication, tmp_path: Path, qtbot: QtBot) -> Iterator[Standing]:
    made = Standing(qapp, tmp_path, qtbot)
    yield made
    made.face._leave()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_there_is_no_such_section_without_a_copy_of_ours(standing: Standing) -> None:
    assert not standing.rows.isVisible()
    standing.show(replace(NEWER, managed=None))
    assert not standing.rows.isVisible()
    standing.show(NEWER)
    assert standing.rows.isVisible()
    standing.show(None)
    assert not standing.rows.isVisible()


def test_the_update_begins_at_once_and_can_be_cancelled(standing: Standing) -> None:
    standing.show(NEWER)
    assert standing.texts() == ["Ollama 0.34.0, Wattlight's own copy"]
    assert standing.asked.calls == []
    standing.press("Update to 0.35.0, 1.4 GB")
    assert standing.asked.calls == ["install_server"]
    standing.show(NEWER, setup=InstallState("0.35.0", "fetching", 350_000_000, 1_400_000_000))
    (bar,) = [b for b in standing.rows.findChildren(QProgressBar) if b.isVisible()]
    assert bar.value() == 250
    assert "Downloading · 0.4 GB of 1.4 GB" in standing.texts()
    standing.press("Cancel")
    assert standing.asked.calls == ["install_server", "cancel_install"]


def test_going_back_asks_first_in_the_window(standing: Standing) -> None:
    standing.show(BOTH)
    standing.press("Go back to 0.33.0")
    assert standing.asked.calls == []
    assert standing.dashboard.question.isVisible()
    standing.press("Cancel")
    assert standing.asked.calls == []
    standing.press("Go back to 0.33.0")
    standing.press("Go back")
    assert standing.asked.calls == ["go_back"]


def test_what_is_still_to_come_and_what_went_wrong_are_said(standing: Standing) -> None:
    standing.show(replace(NEWER, managed="0.35.0", newer=False, restart_due=True))
    assert standing.texts()[1].startswith("Takes effect when no model is loaded.")
    standing.show(NEWER, setup=InstallState("0.35.0", "failed", error="The disk is full."))
    assert standing.texts() == ["Ollama 0.34.0, Wattlight's own copy", "The disk is full."]
