"""The meter of another computer in Settings: what is shown of it, and what is asked with what was typed."""

from dataclasses import replace

import pytest

from unit.viewmodels.test_hosts_view import BENCH, TOWER, bench, scene, tower
from wattlight.domain.command import METER_PARTS, Verb
from wattlight.domain.state import Trial
from wattlight.settings import ServerAddress
from wattlight.viewmodels.far_meter import MeterForm, far_meter_view, meter_command
from wattlight.viewmodels.scene import Scene

TOKEN = "Zq7xmetertoken53Yw"
HOME = ServerAddress(
    TOWER,
    "<b>Tower</b>",
    "http://tower:11434",
    meter="http://home.lan:8123",
    meter_kind="homeassistant",
    meter_watts="sensor.w",
    meter_energy="sensor.e",
    meter_key=True,
)


def made() -> Scene:
    day = scene(tower(), bench())
    servers = (*day.settings.servers, HOME, ServerAddress(BENCH, "Bench", "http://bench:8080"))
    return replace(day, settings=replace(day.settings, servers=servers))


def test_the_card_shows_the_meter_that_is_set_and_what_it_says() -> None:
    view = far_meter_view(made())
    assert [choice.value for choice in view.hosts] == [TOWER, BENCH] and view.chosen == TOWER
    assert (view.kind, view.address, view.watts, view.energy) == (
        "homeassistant",
        "http://home.lan:8123",
        "sensor.w",
        "sensor.e",
    )
    assert view.entities and "kept" in view.token_hint and "212" in view.stand
    assert view.leave[0].command.verb is Verb.DROP_METER and view.leave[0].command.question
    other = far_meter_view(made(), TOWER, "prometheus")
    assert (other.address, other.entities, other.token_hint) == ("", False, "")
    bare = far_meter_view(made(), BENCH)
    assert (bare.kind, bare.address, bare.leave, bare.stand) == ("wattlight", "", (), "")
    day = scene()
    assert far_meter_view(day).hosts == ()
    refused = replace(day.state, trying_meter=Trial("There is no keyring.", bad=True, no_keyring=True))
    view = far_meter_view(replace(day, state=refused))
    assert (view.said, view.said_is_bad, view.in_file) == ("There is no keyring.", True, True)


@pytest.mark.parametrize("keep", [True, False])
def test_what_was_typed_is_asked_with_and_the_token_is_in_no_text(keep: bool) -> None:
    form = MeterForm(TOWER, "homeassistant", " http://home.lan:8123 ", "sensor.w", "", TOKEN, True)
    command, error = meter_command(form, keep)
    assert command is not None and error == ""
    assert command.verb is (Verb.USE_METER if keep else Verb.TRY_METER)
    assert command.text.split(METER_PARTS) == ["homeassistant", "http://home.lan:8123", "sensor.w", "", TOKEN]
    assert (command.host, command.number) == (TOWER, 1)
    assert TOKEN not in repr(command)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (MeterForm(TOWER, "wattlight", "  "), "ssh://me@gpu-box"),
        (MeterForm(TOWER, "prometheus", ""), "9400"),
        (MeterForm(TOWER, "homeassistant", "http://home.lan:8123"), "sensor.box_power"),
    ],
)
def test_what_is_missing_is_a_sentence(form: MeterForm, said: str) -> None:
    command, error = meter_command(form, True)
    assert command is None and said in error
