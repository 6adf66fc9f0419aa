"""The card Figures for other programs: off until turned on; wrong words are said; no password is saved."""

import pytest
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import Trial
from wattlight.settings import PublishSettings
from wattlight.ui.publish_card import PublishCard

from .grab import ShownCard

pytestmark = pytest.mark.qt


class Shown(ShownCard):
    def __init__(self) -> None:
        super().__init__(PublishCard)


def test_the_page_for_prometheus_is_turned_on_with_its_port(qtbot: object) -> None:
    shown = Shown()
    box = shown.card.findChildren(QCheckBox)[0]
    assert not box.isChecked() and not shown.field("Port").isEnabled()
    box.click()
    assert shown.saved[-1].publish == PublishSettings(prometheus_port=9188)
    shown.type("Port", "80")
    assert shown.saved[-1].publish.prometheus_port == 9188
    assert any("1024" in text for text in shown.texts)
    shown.type("Port", "９１９０")
    assert shown.saved[-1].publish.prometheus_port == 9188
    shown.type("Port", "9190")
    assert shown.saved[-1].publish.prometheus_port == 9190
    shown.say(prometheus=Trial("Port 9190 cannot be used (Address already in use).", bad=True))
    assert any("cannot be used" in text for text in shown.texts)
    box.click()
    assert shown.saved[-1].publish == PublishSettings()


def test_a_broker_with_a_user_asks_for_a_password_that_is_kept_elsewhere(qtbot: object) -> None:
    shown = Shown()
    assert not shown.field("User").isVisible() and not shown.field("Password").isVisible()
    shown.type("MQTT broker", "http://no.broker")
    assert shown.saved == [] and any("no address" in text for text in shown.texts)
    shown.type("MQTT broker", " ha.local ")
    assert shown.saved[-1].publish == PublishSettings(broker="ha.local")
    assert shown.field("User").isVisible() and not shown.field("Password").isVisible()
    shown.type("User", "me")
    secret = shown.field("Password")
    assert secret.isVisible() and secret.echoMode() is QLineEdit.EchoMode.Password
    secret.setText("hunter2")
    next(b for b in shown.card.findChildren(QPushButton) if b.text() == "Keep").click()
    assert shown.asked == [Command(Verb.KEEP_BROKER_SECRET, text="hunter2")]
    assert secret.text() == "" and "hunter2" not in repr(shown.saved)
    consent = shown.card.findChildren(QCheckBox)[1]
    assert not consent.isVisible()
    shown.say(home_assistant=Trial("There is no keyring.", bad=True, no_keyring=True))
    assert consent.isVisible()
    shown.type("MQTT broker", "")
    assert shown.saved[-1].publish == PublishSettings()


def test_hostile_words_of_a_broker_stay_text(qtbot: object) -> None:
    shown = Shown()
    shown.say(home_assistant=Trial("<b>bold</b>\u202e & " + "x" * 5000, bad=True))
    (said,) = [text for text in shown.texts if "bold" in text]
    assert "\u202e" not in said and len(said) < 500
