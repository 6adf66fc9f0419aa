"""The card Wall plug in Settings: what is typed is saved, a password never is, and a click tries it."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import Trial
from wattlight.settings import PlugSettings
from wattlight.ui.plug_card import PlugCard

from .grab import ShownCard, settle

pytestmark = pytest.mark.qt


class Shown(ShownCard):
    def __init__(self) -> None:
        super().__init__(PlugCard)

    def choose(self, name: str, value: str) -> None:
        box = next(b for b in self.card.findChildren(QComboBox) if b.accessibleName() == name)
        box.setCurrentIndex(box.findData(value))
        settle()


def test_a_kind_is_chosen_and_asks_for_what_it_needs(qtbot: object) -> None:
    shown = Shown()
    assert not shown.field("Address").isVisible()
    shown.choose("Kind of plug", "homeassistant")
    assert shown.field("Address").isVisible()
    assert shown.field("Watts").isVisible()
    assert not shown.field("Unit of the watts").isVisible()
    assert not shown.field("User").isVisible()
    shown.field("Address").setText(" ha.local ")
    shown.field("Address").editingFinished.emit()
    shown.choose("What hangs on it", "screen")
    assert shown.saved[-1].plug == PlugSettings("homeassistant", "ha.local", "screen")
    shown.choose("Kind of plug", "json")
    assert shown.field("Unit of the watts").isVisible()
    shown.choose("Kind of plug", "")
    assert shown.saved[-1].plug == PlugSettings()


def test_the_password_is_kept_elsewhere(qtbot: object) -> None:
    shown = Shown()
    shown.choose("Kind of plug", "fritz")
    secret = shown.field("Password or token")
    assert secret.echoMode() is QLineEdit.EchoMode.Password
    secret.setText("hunter2")
    next(b for b in shown.card.findChildren(QPushButton) if b.text() == "Keep").click()
    assert shown.asked == [Command(Verb.KEEP_PLUG_SECRET, text="hunter2")]
    assert secret.text() == ""
    assert "hunter2" not in repr(shown.saved)
    consent = shown.card.findChildren(QCheckBox)[0]
    assert not consent.isVisible()
    trial = Trial("No keyring.", bad=True, no_keyring=True)
    shown.card.render_scene(replace(shown.scene, state=replace(shown.scene.state, plug=trial)))
    assert consent.isVisible()
    consent.setChecked(True)
    secret.setText("hunter2")
    next(b for b in shown.card.findChildren(QPushButton) if b.text() == "Keep").click()
    assert shown.asked[-1].number == 1


def test_a_click_tries_it(qtbot: object) -> None:
    shown = Shown()
    shown.choose("Kind of plug", "shelly")
    next(b for b in shown.card.findChildren(QPushButton) if b.text() == "Test" and b.isVisible()).click()
    assert shown.asked[-1].verb is Verb.TRY_PLUG
