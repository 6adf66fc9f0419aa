"""Rules that unload by themselves: once for each reason, what the person loads after that stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.power import MachineSample
from wattlight.domain.state import AppState, RunningModel
from wattlight.domain.values import GpuProcess
from wattlight.services.current import CurrentSettings
from wattlight.services.hub import StateHub
from wattlight.services.model_rules import ModelRules
from wattlight.settings import ModelRuleSettings, Settings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MODEL = RunningModel("qwen3:8b", "d", 10, 10, 16384)


class Bench:
    def __init__(self, **rules: bool) -> None:
        settings = CurrentSettings(Settings(rules=ModelRuleSettings(**rules)), {})
        self.hub = StateHub(AppState(made_up_day.state().hosts))
        self.asked: list[Command] = []
        self.now = NOW
        self.rules = ModelRules(settings, self.hub, self.asked.append, lambda: self.now)
        self.load(MODEL)

    def load(self, *models: RunningModel) -> None:
        host = self.hub.state.local
        self.hub.update_host(host.id, lambda h: replace(h, server=replace(h.server, running=models)))

    def see(self, sample: MachineSample, seconds: int) -> list[Command]:
        """Samples every five seconds for so long; what was asked for meanwhile."""
        before = len(self.asked)
        for _ in range(0, seconds, 5):
            self.rules.look(sample)
            self.now += timedelta(seconds=5)
        return self.asked[before:]


def battery(on: bool | None) -> MachineSample:
    return replace(made_up_day.sample(), on_battery=on)


def game(busy: float | None, name: str = "game") -> MachineSample:
    sample = made_up_day.sample()
    devices = tuple(
        replace(d, processes=(GpuProcess(7, 1 << 30, name, busy),), processes_reason=None)
        if d.kind == "gpu"
        else d
        for d in sample.devices
    )
    return replace(sample, devices=devices)


def test_off_nothing_is_unloaded() -> None:
    bench = Bench()
    assert bench.see(battery(True), 120) == bench.see(game(99.0), 120) == []


def test_on_battery_it_goes_once_and_comes_back_with_its_context() -> None:
    bench = Bench(on_battery=True, load_again=True)
    assert bench.see(battery(True), 15) == []
    assert bench.see(battery(True), 30) == [Command(Verb.UNLOAD, "qwen3:8b")]
    assert "runs on battery" in bench.hub.state.notices[-1].text
    bench.load(replace(MODEL, name="gemma3:1b"))  # the person wants one all the same
    assert bench.see(battery(True), 120) == []
    bench.load()
    assert bench.see(battery(None), 300) == []
    assert bench.see(battery(False), 60) == []
    assert bench.see(battery(False), 30) == [Command(Verb.LOAD, "qwen3:8b", number=16384)]
    assert bench.see(battery(False), 30) == []


def test_a_plug_that_is_back_for_a_moment_changes_nothing() -> None:
    bench = Bench(on_battery=True, load_again=True)
    bench.see(battery(True), 30)
    bench.load()
    for _ in range(5):
        assert bench.see(battery(False), 30) == bench.see(battery(True), 30) == []


@pytest.mark.parametrize(
    ("sample", "goes"),
    [
        (game(35.0), True),
        (game(19.0), False),
        (game(None), False),
        (game(99.0, "ollama"), False),
        (game(99.0, "llama-server"), False),
    ],
)
def test_another_program_that_works_on_the_gpu(sample: MachineSample, goes: bool) -> None:
    bench = Bench(other_program=True)
    assert bool(bench.see(sample, 60)) is goes
    if goes:
        bench.load()
        assert bench.see(game(0.0), 120) == []  # loading again is a rule of its own


def test_what_runs_meanwhile_is_not_pushed_out_by_what_was_taken_away() -> None:
    bench = Bench(other_program=True, load_again=True)
    bench.see(game(80.0), 30)
    bench.load(replace(MODEL, name="gemma3:1b"))
    assert bench.see(game(0.0), 120) == []


def test_in_a_container_the_servers_own_work_is_no_other_programs() -> None:
    bench = Bench(other_program=True)
    bench.load(replace(MODEL, size_bytes=2 << 30, size_vram_bytes=2 << 30))
    assert bench.see(game(90.0, name=""), 60) == [], "it holds what a server of this model would"
    bench.load(replace(MODEL, size_bytes=20 << 30, size_vram_bytes=20 << 30))
    assert bench.see(game(90.0, name=""), 60), "it holds far less"


SLEEP, WAKE = Command(Verb.SLEEP), Command(Verb.WAKE)


def test_before_sleep_all_goes_and_comes_back_after_it() -> None:
    bench = Bench(on_sleep=True, load_again=True)
    other = replace(MODEL, name="phi4:14b", context_length=4096)
    bench.load(MODEL, other)
    bench.rules.goes_to_sleep(SLEEP)
    assert [c.verb for c in bench.asked] == [Verb.UNLOAD, Verb.UNLOAD]
    assert "before the computer went to sleep" in bench.hub.state.notices[-1].text
    bench.load()
    bench.asked.clear()
    bench.rules.wakes(WAKE)
    assert bench.asked == [
        Command(Verb.LOAD, "qwen3:8b", number=16384),
        Command(Verb.LOAD, "phi4:14b", number=4096),
    ]
    assert bench.hub.state.notices == ()
    bench.asked.clear()
    bench.rules.wakes(WAKE)
    assert bench.asked == []


@pytest.mark.parametrize("rules", [{}, {"load_again": True}, {"on_battery": True}])
def test_sleep_changes_nothing_where_its_rule_is_off(rules: dict[str, bool]) -> None:
    bench = Bench(**rules)
    bench.rules.goes_to_sleep(SLEEP)
    bench.rules.wakes(WAKE)
    assert bench.asked == []


def test_what_went_before_sleep_stays_away_without_the_wish_and_while_another_rule_holds() -> None:
    bench = Bench(on_sleep=True)
    bench.rules.goes_to_sleep(SLEEP)
    bench.load()
    bench.asked.clear()
    bench.rules.wakes(WAKE)
    assert bench.asked == []
    bench = Bench(on_sleep=True, on_battery=True, load_again=True)
    bench.see(battery(True), 30)
    bench.load(replace(MODEL, name="gemma3:1b"))  # loaded on battery all the same
    bench.rules.goes_to_sleep(SLEEP)
    bench.load()
    bench.asked.clear()
    bench.rules.wakes(WAKE)
    assert bench.asked == []
    bench.see(battery(False), 90)
    assert {c.model for c in bench.asked} == {"qwen3:8b", "gemma3:1b"}
