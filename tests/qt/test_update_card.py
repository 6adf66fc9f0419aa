"""The card of newer versions, and the lines that the search of the settings names."""

from datetime import date

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QPushButton

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import OwnUpdate
from wattlight.ui.page_settings import SettingsPage
from wattlight.ui.update_card import UpdateCard

from .grab import ShownCard, settle

pytestmark = pytest.mark.qt

ADDRESS = "https://releases.example/versions.json"


def test_there_is_no_card_without_an_address(qapp: QApplication) -> None:
    page = ShownCard(SettingsPage)
    (card,) = page.card.findChildren(UpdateCard)
    assert not card.isVisible()
    field = page.field("Search settings")
    for words in ("newer", "", "wattlight", ""):
        field.setText(words)
        settle()
        assert not card.isVisible(), "nor does the search bring it"


def test_it_is_switched_on_beside_its_address_and_tells_what_is_new(qapp: QApplication) -> None:
    shown = ShownCard(UpdateCard)
    shown.say(update=OwnUpdate(ADDRESS))
    assert any(ADDRESS in text.replace("\u200b", "") for text in shown.texts)
    (box,) = shown.card.findChildren(QCheckBox)
    assert not box.isChecked()
    box.click()
    settle()
    assert shown.saved[-1].look_for_updates and "Not looked yet." in shown.texts
    shown.say(update=OwnUpdate(ADDRESS, "1.3.0", date(2027, 1, 10), ("Fans",), looked_at=made_up_day.NOW))
    assert {"Wattlight 1.3.0 of Jan 10, 2027 is available.", "• Fans"} <= set(shown.texts)
    look = next(b for b in shown.card.findChildren(QPushButton) if b.text() == "Look now")
    look.click()
    assert shown.asked == [Command(Verb.LOOK_FOR_UPDATE)]
    box.click()
    settle()
    assert not shown.saved[-1].look_for_updates and "• Fans" not in shown.texts


def found(page: ShownCard) -> list[str]:
    links = page.card.findChildren(QPushButton)
    return [link.accessibleName() for link in links if link.property("role") == "link" and link.isVisible()]


@pytest.mark.parametrize(
    ("words", "first", "line"),
    [
        ("kept loaded", "", ""),
        ("keep loaded", "Keep loaded for – Models", "Keep loaded after the last answer"),
        ("battery", "Unload on battery – Models", "Unload on battery"),
        ("MQTT", "MQTT broker – Figures for other programs", "MQTT broker"),
        ("dark", "Appearance – Wattlight", "Appearance"),
    ],
)
def test_the_search_names_the_lines_and_goes_there(
    qapp: QApplication, words: str, first: str, line: str
) -> None:
    page = ShownCard(SettingsPage)
    field = page.field("Search settings")
    assert found(page) == []
    field.setText(words)
    settle()
    assert found(page)[:1] == ([first] if first else [])
    page.card.activateWindow()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Return)
    settle()
    now = page.card.focusWidget()
    assert now is not None
    assert now.accessibleName() == line if line else isinstance(now, QLineEdit)
    field.clear()
    settle()
    assert found(page) == []
