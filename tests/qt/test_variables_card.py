"""The card of the server's own settings: shows, plans, writes only what was shown, takes hostile values."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.server_variables import KNOWN
from wattlight.services.server_settings import SettingsPlace, StartedBy, plan
from wattlight.services.server_variables import VariableRow, VariablesNow
from wattlight.ui.variables_card import VariablesCard

from .grab import settle

pytestmark = pytest.mark.qt

PLACE = SettingsPlace(StartedBy.USER_SERVICE, Path("/nowhere/wattlight.conf"))


def now(**ours: str) -> VariablesNow:
    names = (*KNOWN, *(name for name in ours if name not in KNOWN))
    return VariablesNow(PLACE, tuple(VariableRow(name, ours.get(name)) for name in names))


class Shown:
    def __init__(self, qtbot: QtBot) -> None:
        self.asked: list[Command] = []
        self.card = VariablesCard(self.asked.append)
        qtbot.addWidget(self.card)
        self.render(None)
        self.card.show()

    def render(self, variables: VariablesNow | None) -> None:
        scene = made_up_day.evening()
        self.card.render_scene(replace(scene, extras=replace(scene.extras, variables=variables)))

    def button(self, text: str) -> QPushButton:
        return next(b for b in self.card.findChildren(QPushButton) if b.text() == text)

    def choose(self, name: str) -> None:
        box = next(b for b in self.card.findChildren(QComboBox) if b.accessibleName() == "Variable")
        box.setCurrentIndex(box.findData(name))

    def texts(self) -> str:
        return "\n".join(label.text() for label in self.card.findChildren(QLabel) if label.isVisible())


def test_what_is_typed_is_planned_and_what_is_wrong_is_said(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    assert shown.asked == [Command(Verb.READ_VARIABLES)], "read when it is seen"
    shown.render(now(OLLAMA_LOAD_TIMEOUT="9m"))
    shown.choose("OLLAMA_MAX_QUEUE")
    field = next(f for f in shown.card.findChildren(QLineEdit) if f.accessibleName() == "Value")
    field.setText("lots")
    shown.button("Set…").click()
    assert len(shown.asked) == 1
    assert "cannot be" in shown.texts()
    field.setText("64")
    shown.button("Set…").click()
    assert shown.asked[-1] == Command(Verb.PLAN_VARIABLE, "OLLAMA_MAX_QUEUE", text="64")
    assert not shown.button("Take away…").isVisible()
    shown.choose("OLLAMA_LOAD_TIMEOUT")
    shown.button("Take away…").click()
    assert shown.asked[-1] == Command(Verb.PLAN_VARIABLE, "OLLAMA_LOAD_TIMEOUT", number=1)


def test_words_are_chosen_and_a_plan_is_written_by_a_click(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    shown.render(now())
    shown.choose("OLLAMA_KV_CACHE_TYPE")
    words = next(b for b in shown.card.findChildren(QComboBox) if b.accessibleName() == "Value")
    assert words.isVisible()
    words.setCurrentIndex(words.findData("q4_0"))
    shown.button("Set…").click()
    assert shown.asked[-1].text == "q4_0"
    shown.render(replace(now(), planned=plan(PLACE, {"OLLAMA_KV_CACHE_TYPE": "q4_0"})))
    assert "OLLAMA_KV_CACHE_TYPE=q4_0" in shown.texts().replace("\u200b", "")
    shown.button("Write").click()
    assert shown.asked[-1].verb is Verb.WRITE_VARIABLES


def test_all_are_listed_on_request(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    shown.render(now(OLLAMA_DEBUG="1"))
    assert "OLLAMA_VULKAN" not in shown.texts()
    shown.card._all.click()
    settle()
    assert "OLLAMA_VULKAN" in shown.texts()
    assert "Wattlight never changes it" in shown.texts()


def test_hostile_values_stay_plain_and_push_nothing_wide(qtbot: QtBot) -> None:
    shown = Shown(qtbot)
    bad = "/mnt/<img src='file:///etc/passwd'>&amp;" + "x" * 3000
    shown.render(replace(now(OLLAMA_MODELS=bad, LLAMA_ARG_ODD="\u202eabc\n\x07"), said=bad, bad=True))
    labels = shown.card.findChildren(QLabel)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    assert not any("\u202e" in label.text() or "\x07" in label.text() for label in labels)
    assert shown.card.minimumSizeHint().width() < 760
