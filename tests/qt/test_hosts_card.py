"""Other computers in the window: added and let go in Settings, their lines on the page Now."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton

from fakes import made_up_day
from unit.viewmodels.test_hosts_view import TOWER, bench, cellar, tower
from wattlight.domain.command import METER_PARTS, Command, Verb
from wattlight.domain.state import Trial
from wattlight.settings import ServerAddress
from wattlight.ui.far_meter_card import FarMeterCard
from wattlight.ui.hosts_card import HostLines, HostsCard
from wattlight.ui.theme import Theme
from wattlight.viewmodels.hosts import host_views
from wattlight.viewmodels.scene import Scene

from .grab import ShownCard, settle

pytestmark = pytest.mark.qt
KEY = "Zq7xhostkey53Yw"


def with_hosts(*addresses: ServerAddress) -> Scene:
    day = made_up_day.evening()
    state = replace(day.state, hosts=(*day.state.hosts, tower(), bench(), cellar()))
    return replace(
        day, state=state, settings=replace(day.settings, servers=(*day.settings.servers, *addresses))
    )


class Shown(ShownCard):
    def __init__(self, card: type[HostsCard] | type[FarMeterCard] = HostsCard) -> None:
        super().__init__(lambda ask, _save: card(ask), with_hosts())

    def click(self, text: str) -> None:
        button = next(b for b in self.card.findChildren(QPushButton) if b.text() == text and b.isVisible())
        button.click()
        settle()

    def show(self, scene: Scene) -> None:
        self.scene = scene
        self.card.render_scene(scene)
        settle()


def test_a_computer_is_added_by_its_address(qtbot: object) -> None:
    shown = Shown()
    shown.click("Add")
    assert "Type its address" in "\n".join(shown.texts)
    shown.field("Address").setText("gpu-box:11434")
    shown.field("Name").setText("Box")
    shown.click("Add")
    assert shown.asked == [Command(Verb.ADD_HOST, "Box", text="gpu-box:11434")]
    assert shown.field("Address").text() == ""


def test_plain_http_to_the_outside_takes_a_tick(qtbot: object) -> None:
    shown = Shown()
    tick = shown.card.findChildren(QCheckBox)[0]
    assert not tick.isVisible()
    shown.field("Address").setText("http://llm.example.org")
    shown.click("Add")
    assert shown.asked == []
    assert "not encrypted" in "\n".join(shown.texts)
    assert tick.isVisible()
    tick.click()
    shown.click("Add")
    assert shown.asked[0].number == 1


def test_it_is_let_go_after_a_question_and_its_key_goes_to_the_keyring(qtbot: object) -> None:
    shown = Shown()
    shown.show(with_hosts(ServerAddress(TOWER, "Tower", "https://tower", key=True)))
    assert "https://tower · with a key" in "\n".join(shown.texts)
    shown.click("Remove…")
    assert shown.asked[0].host == TOWER
    assert shown.asked[0].question
    shown.field("Key of its server").setText(KEY)
    assert shown.field("Key of its server").echoMode() is QLineEdit.EchoMode.Password
    shown.click("Keep")
    kept = shown.asked[-1]
    assert (kept.verb, kept.host, kept.text, kept.number) == (Verb.KEEP_HOST_KEY, TOWER, KEY, None)
    assert KEY not in repr(kept)
    assert shown.field("Key of its server").text() == ""
    refused = replace(shown.scene.state, adding=Trial("There is no keyring.", bad=True, no_keyring=True))
    shown.show(replace(shown.scene, state=refused))
    box = shown.card.findChildren(QCheckBox)[1]
    assert box.isVisible()
    box.click()
    shown.field("Key of its server").setText(KEY)
    shown.click("Keep")
    assert shown.asked[-1].number == 1


def test_the_lines_of_the_page_now(qtbot: object, qapp: object) -> None:
    asked: list[Command] = []
    lines = HostLines(Theme(qapp, "light"), asked.append)  # type: ignore[arg-type]  # the fixture of pytest-qt
    lines.render_view(())
    assert not lines.isVisible()
    lines.render_view(host_views(with_hosts()))
    lines.show()
    settle()
    texts = [label.text() for label in lines.findChildren(QLabel) if label.isVisible()]
    assert {"Tower", "Bench", "Cellar"} <= set(texts)
    unload = next(b for b in lines.findChildren(QPushButton) if b.text() == "Unload" and b.isVisible())
    unload.click()
    assert asked == [Command(Verb.UNLOAD, host=TOWER)]
    lines.render_view(())
    assert not lines.isVisible()


def test_a_meter_is_tried_used_and_let_go(qtbot: object) -> None:
    shown = Shown(FarMeterCard)
    shown.show(with_hosts(ServerAddress(TOWER, "Tower", "https://tower")))
    assert shown.card.isVisible()
    shown.click("Test")
    assert shown.asked == [] and "Type the address of the meter" in "\n".join(shown.texts)
    assert not shown.field("Entity of the watts").isVisible()
    kind = next(b for b in shown.card.findChildren(QComboBox) if b.accessibleName() == "Kind of meter")
    kind.setCurrentIndex(2)
    settle()
    assert shown.field("Entity of the watts").isVisible()
    shown.field("Address of the meter").setText("http://home.lan:8123")
    shown.field("Entity of the watts").setText("sensor.w")
    shown.field("Token").setText(KEY)
    shown.click("Test")
    assert shown.field("Token").text() == KEY, "a try keeps what was typed"
    shown.say(trying_meter=Trial("95 W now (Home Assistant)"))
    assert "95\xa0W now (Home Assistant)" in shown.texts
    assert shown.field("Address of the meter").text() == "http://home.lan:8123"
    shown.click("Use")
    assert [c.verb for c in shown.asked] == [Verb.TRY_METER, Verb.USE_METER]
    assert shown.asked[1].text.split(METER_PARTS) == [
        "homeassistant",
        "http://home.lan:8123",
        "sensor.w",
        "",
        KEY,
    ]
    assert shown.field("Token").text() == "" and KEY not in repr(shown.asked[1])
    shown.show(
        with_hosts(ServerAddress(TOWER, "Tower", "https://tower", meter="ssh://me@tower", meter_key=True))
    )
    assert kind.currentData() == "wattlight", "the card goes by the meter that is set now"
    assert shown.field("Address of the meter").text() == "ssh://me@tower"
    shown.click("Ask no more…")
    assert (shown.asked[-1].verb, shown.asked[-1].host) == (Verb.DROP_METER, TOWER)
    shown.show(with_hosts())
    assert not shown.card.isVisible(), "there is no other computer"
