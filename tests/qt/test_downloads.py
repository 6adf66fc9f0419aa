"""Downloads in the windows: the card of their wishes, and rows that can be paused, moved and cancelled."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import LayerState, PullState, Waiting
from wattlight.settings import PullSettings
from wattlight.ui.dashboard import Dashboard
from wattlight.ui.downloads_card import DownloadsCard
from wattlight.ui.messages import BusyLines
from wattlight.ui.theme import Theme
from wattlight.viewmodels.pulls import pull_views
from wattlight.viewmodels.scene import Scene

from .grab import ShownCard, settle

pytestmark = pytest.mark.qt
GB = 10**9
FILES = (LayerState("ab", 3 * GB, 14 * GB, 10e6), LayerState("cd", GB, 2 * GB, 2e6))
PULLS = (
    PullState("a:27b", "pulling ab", 4 * GB, 16 * GB, 12e6, layers=FILES),
    PullState("b:7b", "waiting", 0, 4 * GB, waiting=Waiting.TURN),
    PullState("c:1b", "waiting", GB, 2 * GB, waiting=Waiting.PAUSED),
)


def with_pulls(*pulls: PullState) -> Scene:
    scene = made_up_day.evening()
    return replace(scene, state=replace(scene.state, pulls=pulls))


class Shown(ShownCard):
    def __init__(self, qtbot: QtBot) -> None:
        scene = with_pulls()
        known = replace(scene, state=replace(scene.state, metered=False))
        super().__init__(lambda _ask, save: DownloadsCard(save), known)
        qtbot.addWidget(self.card)

    def choose(self, value: str) -> None:
        box = self.card.findChildren(QComboBox)[0]
        box.setCurrentIndex(box.findData(value))

    @property
    def pulls(self) -> PullSettings:
        return self.saved[-1].pulls


def test_each_wish_is_saved_as_it_is_made(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    shown = Shown(qtbot)
    shown.type("Most megabytes a second", "5")
    assert shown.pulls.limit_bytes_per_s == 5_000_000
    shown.card.findChildren(QCheckBox)[0].click()
    assert shown.pulls.not_metered
    shown.choose("night")
    assert shown.pulls.hours == "night"
    before = len(shown.saved)
    shown.choose("own")
    assert len(shown.saved) == before, "no hours yet"
    shown.type("Hours of downloads", "22-5")
    assert shown.pulls.hours == "22:00-05:00"
    shown.type("Nearer source of models", str(tmp_path))
    assert shown.pulls == PullSettings(5_000_000, "22:00-05:00", str(tmp_path), True)


def test_a_switch_that_would_do_nothing_is_not_there(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    box = shown.card.findChildren(QCheckBox)[0]
    assert box.isVisible()
    shown.scene = replace(shown.scene, state=replace(shown.scene.state, metered=None))
    shown.card.render_scene(shown.scene)
    settle()
    assert not box.isVisible()
    assert any(text.startswith("This computer does not tell") for text in shown.texts)


def test_what_cannot_be_is_said_and_not_saved(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    shown.type("Most megabytes a second", "as fast as it goes")
    assert shown.saved == []
    assert any(text.startswith("Type the limit as a number") for text in shown.texts)
    shown.type("Most megabytes a second", "5")
    assert not any(text.startswith("Type the limit") for text in shown.texts)


def pressed(widget: QWidget, text: str) -> None:
    next(b for b in widget.findChildren(QPushButton) if b.text() == text and b.isVisible()).click()


def test_rows_are_paused_moved_and_cancelled(qtbot: QtBot) -> None:
    asked: list[Command] = []
    lines = BusyLines(asked.append)
    qtbot.addWidget(lines)
    lines.render_view(pull_views(with_pulls(*PULLS)))
    lines.show()
    settle()
    for word in ("Pause", "Down", "Resume", "Up", "Cancel"):
        pressed(lines, word)
    assert [(command.verb, command.model, command.number) for command in asked] == [
        (Verb.PAUSE_PULL, "a:27b", None),
        (Verb.MOVE_PULL, "b:7b", 1),
        (Verb.RESUME_PULL, "c:1b", None),
        (Verb.MOVE_PULL, "c:1b", -1),
        (Verb.CANCEL_PULL, "a:27b", None),
    ]


def test_the_files_of_a_download_are_shown_when_asked_for(qtbot: QtBot) -> None:
    lines = BusyLines([].append)
    qtbot.addWidget(lines)
    lines.render_view(pull_views(with_pulls(*PULLS)))
    lines.show()
    settle()

    def seen() -> list[str]:
        texts = [label.text() for label in lines.findChildren(QLabel) if label.isVisible()]
        return [
            line.replace("\xa0", " ").replace("\u202f", " ") for text in texts for line in text.split("\n")
        ]

    assert not any(line.startswith("ab") for line in seen())
    pressed(lines, "Show its files")
    settle()
    assert "ab · 3.0 GB of 14.0 GB · 10.0 MB/s · about 18 min left" in seen()
    assert "cd · 1.0 GB of 2.0 GB · 2.0 MB/s · about 8 min left" in seen()
    further = replace(PULLS[0], layers=(replace(FILES[0], completed_bytes=4 * GB), FILES[1]))
    lines.render_view(pull_views(with_pulls(further)))
    settle()
    assert any(line.startswith("ab · 4.0 GB") for line in seen()), "it stays open"
    pressed(lines, "Hide its files")
    settle()
    assert not any(line.startswith("ab") for line in seen())


def test_the_models_page_shows_each_download_once_and_the_others_one(qtbot: QtBot) -> None:
    theme = Theme(made_app(), "light")
    dashboard = Dashboard(theme, lambda _: None, lambda _: None, lambda _: None)
    qtbot.addWidget(dashboard)
    dashboard.render_scene(with_pulls(*PULLS))
    dashboard.show()
    for page, rows in (("models", 3), ("cost", 2), ("now", 2)):
        dashboard.open_page(page)
        settle()
        shown = [
            label.text()
            for lines in dashboard.findChildren(BusyLines)
            for label in lines.findChildren(QLabel)
            if label.isVisible()
        ]
        assert len(shown) == rows, (page, shown)
        assert sum("a:27b" in text for text in shown) == 1
    theme.close()


def made_app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
