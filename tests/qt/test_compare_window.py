"""The window that compares two models: what is typed goes along, and the result stands side by side."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QPlainTextEdit, QPushButton

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel, TaskState
from wattlight.services.benchmark import ComparedModel, SideBySide, Subject
from wattlight.ui.compare import CompareWindow
from wattlight.ui.theme import Theme
from wattlight.viewmodels.scene import Scene

from .grab import settle

pytestmark = pytest.mark.qt
MODELS = (
    InstalledModel("qwen3:8b", "d1", 5, family="qwen3"),
    InstalledModel("qwen3:8b-20261001", "d0", 5, family="qwen3"),
    InstalledModel("aya:8b", "d5", 5, family="command"),
)


def result() -> SideBySide:
    def side(model: str, digest: str, *answers: str) -> ComparedModel:
        subject = Subject(model, digest, "RTX", 8192)
        return ComparedModel(subject, 640, 61.2, 0.31, 2.04, 0.11, None, 6 << 30, 6 << 30, answers)

    first = side("qwen3:8b", "d1", "<b>Because</b> light is scattered.", "Rain taps on the roof.")
    second = side("qwen3:8b-20261001", "d0", "", "Rain taps on the roof.")
    return SideBySide(("Why is the sky blue?", "A line about rain."), first, second)


class Shown:
    def __init__(self, app: QApplication) -> None:
        self.asked: list[Command] = []
        self.theme = Theme(app, "light")
        self.window = CompareWindow(self.theme, self.asked.append, lambda _: None)
        scene = made_up_day.evening()
        server = replace(scene.host.server, installed=MODELS)
        host = replace(scene.host, server=server)
        self.scene = replace(scene, state=replace(scene.state, hosts=(host,), tasks=()))
        self.window.show_model("qwen3:8b", self.scene)
        self.window.show()
        settle()

    def draw(self, scene: Scene) -> None:
        self.window.render_scene(scene)
        settle()

    def button(self, text: str) -> QPushButton:
        return next(b for b in self.window.findChildren(QPushButton) if b.text() == text and b.isVisible())

    @property
    def texts(self) -> list[str]:
        return [label.text() for label in self.window.findChildren(QLabel) if label.isVisible()]

    @property
    def prompts(self) -> QPlainTextEdit:
        return self.window.findChildren(QPlainTextEdit)[0]


@pytest.fixture
def shown(qapp: QApplication) -> Iterator[Shown]:
    made = Shown(qapp)
    yield made
    made.window.hide()
    made.window.deleteLater()
    made.theme.close()
    settle()


def test_prompts_go_along_and_are_kept_only_where_ticked(shown: Shown) -> None:
    box = shown.window.findChild(QComboBox)
    assert [box.itemText(index) for index in range(box.count())] == ["qwen3:8b-20261001", "aya:8b"]
    shown.prompts.setPlainText("Why?")
    shown.button("Compare").click()
    assert [(c.verb, c.model, c.text, c.number) for c in shown.asked] == [
        (Verb.SET_PROMPTS, "", "Why?", 0),
        (Verb.COMPARE, "qwen3:8b", "qwen3:8b-20261001", None),
    ]
    shown.window.findChild(QCheckBox).setChecked(True)
    box.setCurrentIndex(1)
    shown.draw(shown.scene)
    shown.button("Compare").click()
    assert (shown.asked[-2].number, shown.asked[-1].text) == (1, "aya:8b")


def test_kept_prompts_are_shown_once_and_can_be_forgotten(shown: Shown) -> None:
    kept = replace(shown.scene, extras=replace(shown.scene.extras, prompts="Why?\n---\nHow?"))
    shown.draw(kept)
    assert shown.prompts.toPlainText() == "Why?\n---\nHow?"
    assert shown.window.findChild(QCheckBox).isChecked()
    shown.prompts.setPlainText("Mine")
    shown.draw(kept)
    assert shown.prompts.toPlainText() == "Mine"
    shown.button("Forget the prompts").click()
    assert shown.asked[-1] == Command(Verb.SET_PROMPTS)


def test_figures_and_answers_stand_beside_each_other(shown: Shown) -> None:
    shown.draw(replace(shown.scene, extras=replace(shown.scene.extras, compared=result())))
    assert "2.04 ±11%" in shown.texts
    assert "<b>Because</b> light is scattered." in shown.texts
    assert "(no text)" in shown.texts
    assert "1 of 2 answers are the same." in shown.texts
    shown.window.show_model("aya:8b", shown.scene)
    settle()
    assert "2.04 ±11%" not in shown.texts


def test_it_is_stopped_by_the_same_button(shown: Shown) -> None:
    task = TaskState("measure", "qwen3:8b", datetime(2026, 11, 24, tzinfo=UTC), fraction=0.4)
    shown.draw(replace(shown.scene, state=replace(shown.scene.state, tasks=(task,))))
    shown.button("Stop 40%").click()
    assert shown.asked == [Command(Verb.CANCEL_TASK, "qwen3:8b")]
