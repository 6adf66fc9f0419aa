"""The card Wall plug: what each kind needs, what the plug says now, what came of trying it."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.domain.command import Verb
from wattlight.domain.plug import PlugPart, PlugReading
from wattlight.domain.power import MachineSample
from wattlight.domain.state import Trial
from wattlight.i18n import activate
from wattlight.settings import PlugSettings
from wattlight.viewmodels.figures import sure_now
from wattlight.viewmodels.machine import machine_view
from wattlight.viewmodels.plug import plug_view
from wattlight.viewmodels.privacy_page import reason_text
from wattlight.viewmodels.scene import Scene


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(kind: str = "", hangs: str = "computer", trial: Trial | None = None) -> Scene:
    day = made_up_day.evening()
    plug = PlugSettings(kind, "10.0.0.7", hangs) if kind else PlugSettings()
    state = replace(day.state, plug=trial or Trial())
    return replace(day, state=state, settings=replace(day.settings, plug=plug))


def with_plug(day: Scene, reading: PlugReading | None, reason: str | None = None) -> Scene:
    part = PlugPart(day.settings.plug.hangs, "k")
    part.source = "Shelly at 10.0.0.7"
    host = day.host
    assert host.sample is not None
    plug = part.sample(reading, reason, 100.0)
    inside = (replace(d, contained_in=d.contained_in or "plug") for d in host.sample.devices)
    old = host.sample
    sample = MachineSample(old.host, old.at, old.monotonic_s, (plug, *inside), old.memory, old.on_battery)
    hosts = tuple(replace(h, sample=sample) if h is host else h for h in day.state.hosts)
    return replace(day, state=replace(day.state, hosts=hosts))


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("", set()),
        ("shelly", {"outlet", "user", "secret"}),
        ("tasmota", {"user", "secret"}),
        ("fritz", {"outlet", "user", "secret"}),
        ("homeassistant", {"secret", "watts", "energy"}),
        ("json", {"secret", "watts", "energy", "units"}),
        ("command", {"watts", "energy", "units"}),
    ],
)
def test_each_kind_asks_for_what_it_needs(kind: str, needs: set[str]) -> None:
    view = plug_view(scene(kind))
    assert view.needs == needs
    assert (view.kind, bool(view.stand)) == (kind, bool(kind))
    assert {choice.value for choice in view.kinds} >= {kind}
    assert view.try_it.command is not None
    assert view.try_it.command.verb is Verb.TRY_PLUG


def test_what_it_says_now_and_why_not() -> None:
    day = scene("shelly", "screen")
    assert plug_view(day).stand == "It has not been read yet."
    read = with_plug(day, PlugReading(99.0, 412.0, 1000, 0))
    assert plug_view(read).stand == "Now: 412 W, from Shelly at 10.0.0.7."
    silent = with_plug(day, None, "The plug at 10.0.0.7 does not answer.")
    assert plug_view(silent).stand == "The plug at 10.0.0.7 does not answer."


def test_what_hangs_on_it_stands_beside_the_figure() -> None:
    read = with_plug(scene("shelly", "screen"), PlugReading(99.0, 412.0, 1000, 0))
    assert sure_now(read.host.sample) == "Wall plug (computer and screen), about ±2%"
    card = machine_view(read).cards[0]
    assert card.name == "Wall plug (computer and screen)"
    assert card.pill is not None
    assert card.pill.text == "measured"
    assert "whole computer" not in card.facts
    assert "other devices" not in plug_view(scene("shelly", "screen")).about
    assert "as a model's" in plug_view(scene("shelly", "more")).about


def test_a_trial_is_told_and_consent_is_asked_for() -> None:
    good = plug_view(scene("shelly", trial=Trial("It gives 60 W.")))
    assert (good.said, good.said_is_bad, good.in_file) == ("It gives 60 W.", False, False)
    bad = plug_view(scene("fritz", trial=Trial("No keyring.", True, True)))
    assert (bad.said_is_bad, bad.in_file) == (True, True)


def test_the_host_has_its_reason() -> None:
    assert reason_text("plug") == "Wattlight reads the wall plug that you set"
