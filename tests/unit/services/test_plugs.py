"""Trying a plug from the page of settings, and what becomes of its password."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.plug_devices import FakePlug, recorded, serving

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState, HostState, ServerState, Trial
from wattlight.domain.values import LOCAL_HOST
from wattlight.i18n import activate
from wattlight.services.current import CurrentSettings
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.services.plugs import PlugSetup
from wattlight.settings import PlugSettings, Settings


class Desk:
    """The setup with its surroundings."""

    def __init__(self, folder: Path, plug: PlugSettings) -> None:
        self.factory = ServiceFactory({"WATTLIGHT_HOME": str(folder)})
        self.settings = CurrentSettings(replace(Settings(), plug=plug), {})
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", ServerState("x")),)))
        self.setup = PlugSetup(self.factory, self.settings, self.hub)

    @property
    def trial(self) -> Trial:
        return self.hub.state.plug


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    activate("en")
    monkeypatch.setitem(sys.modules, "keyring", None)  # type: ignore[arg-type]


def test_a_trial_says_what_was_read(tmp_path: Path) -> None:
    answers = {"/api/states/sensor.w": (200, recorded("homeassistant_power.json"))}
    with serving(FakePlug(answers, token="tok")) as host:
        plug = PlugSettings("homeassistant", f"http://{host}", watts="sensor.w")
        desk = Desk(tmp_path, plug)
        desk.setup.try_it(Command(Verb.TRY_PLUG))
        assert desk.trial.bad
        assert "wants a password or token" in desk.trial.said
        desk.setup.keep(Command(Verb.KEEP_PLUG_SECRET, text="tok"))
        assert desk.trial.no_keyring
        desk.setup.keep(Command(Verb.KEEP_PLUG_SECRET, text="tok", number=1))
        assert desk.trial == Trial("Kept.")
        desk.setup.try_it(Command(Verb.TRY_PLUG))
        assert not desk.trial.bad
        assert "94.8 W" in desk.trial.said or "95 W" in desk.trial.said
        assert "no counter" in desk.trial.said
        desk.setup.keep(Command(Verb.KEEP_PLUG_SECRET, text=""))
        assert desk.factory.keyring().get("plug") is None


def test_without_a_plug_nothing_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path, PlugSettings())
    desk.setup.try_it(Command(Verb.TRY_PLUG))
    assert desk.trial == Trial()


def test_a_command_does_not_show_what_was_typed() -> None:
    assert "hunter2" not in repr(Command(Verb.KEEP_PLUG_SECRET, text="hunter2"))
