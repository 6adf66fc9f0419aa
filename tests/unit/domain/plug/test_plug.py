"""What a plug says becomes one energy that never falls, or one sentence."""

import pytest

from wattlight.domain.plug import (
    Hangs,
    PlugAnswer,
    PlugCounter,
    PlugPart,
    PlugProblem,
    PlugReading,
    plug_name,
)
from wattlight.domain.power import compose
from wattlight.domain.values import Quality, Scope

WH = 3_600_000


class Bench:
    """A plug at a draw that the test sets, its counter in steps; asked every ten seconds."""

    def __init__(self, step_mj: int, start_mj: int = 0, with_watts: bool = True, factor: float = 1.0) -> None:
        self.counter = PlugCounter()
        self.step, self.with_watts, self.factor = step_mj, with_watts, factor
        self.true_mj = float(start_mj)
        self.now = 1000.0
        self.told: list[int] = []
        self.reading: PlugReading | None = None

    def run(self, seconds: int, power: float, ask: bool = True) -> None:
        for _ in range(seconds // 10):
            self.now += 10
            self.true_mj += power * 10_000
            if ask:
                self.ask(power)

    def ask(self, power: float) -> None:
        watts = power * self.factor if self.with_watts else None
        answer = PlugAnswer(watts, int(self.true_mj // self.step) * self.step, self.step)
        self.reading = self.counter.take(self.now, self.now, answer)
        if self.reading is not None and self.reading.counter_mj is not None:
            self.told.append(self.reading.counter_mj)


@pytest.mark.parametrize("step", [3600, 60_000, WH, 10 * WH])
def test_between_two_steps_the_watts_tell_how_far_it_is(step: int) -> None:
    bench = Bench(step, start_mj=123_456_789)
    for power in (80, 80, 310, 45, 200):
        bench.run(1800, power)
    rises = [b - a for a, b in zip(bench.told, bench.told[1:], strict=False)]
    assert min(rises) >= 0
    assert abs(bench.told[-1] - bench.true_mj) <= max(step, 40_000)
    steady = rises[-150:]
    assert max(steady) <= 2 * 2_000_000, "no lump where the counter steps"


def test_a_coarse_counter_is_told_from_its_first_step_on() -> None:
    bench = Bench(WH, start_mj=10 * WH + WH // 2)
    bench.run(10, 90)
    assert bench.reading is not None
    assert (bench.reading.watts, bench.reading.counter_mj) == (90, None)
    bench.run(60, 90)
    assert bench.reading.counter_mj is not None
    assert 11 * WH <= bench.reading.counter_mj <= bench.true_mj + 1


def test_a_counter_alone_gives_mean_watts_between_its_steps() -> None:
    bench = Bench(60_000, with_watts=False)
    bench.run(120, 150)
    assert bench.reading is not None
    assert bench.reading.watts == pytest.approx(150, rel=0.05)
    assert bench.reading.counter_mj == bench.true_mj


def test_after_an_outage_the_counter_has_what_was_missed() -> None:
    bench = Bench(WH)
    bench.run(600, 100)
    before = bench.told[-1]
    bench.run(1800, 100, ask=False)
    bench.run(10, 100)
    assert bench.told[-1] - before == pytest.approx(181 * 1_000_000, abs=WH)
    epochs = bench.reading.epoch if bench.reading else None
    assert epochs == 0


def test_a_restart_to_zero_counts_anew() -> None:
    bench = Bench(3600, start_mj=50 * WH)
    bench.run(100, 70)
    bench.true_mj = 0
    bench.run(100, 70)
    assert bench.reading is not None
    assert bench.reading.epoch == 1
    assert bench.told[-1] < 3 * WH


def test_a_jump_of_a_day_is_refused_and_counted_on_from_there() -> None:
    bench = Bench(3600)
    bench.run(100, 70)
    bench.true_mj += 2400 * WH
    with pytest.raises(PlugProblem, match=r"jumped by 2\.4 kWh"):
        bench.run(10, 70)
    bench.run(100, 70)
    assert bench.reading is not None
    assert bench.reading.epoch == 1


def test_a_night_in_standby_is_no_jump() -> None:
    """The monotonic clock stands still in sleep, the plug does not."""
    bench = Bench(3600)
    bench.run(100, 70)
    bench.true_mj += 6 * 8 * WH
    answer = PlugAnswer(70.0, int(bench.true_mj // 3600) * 3600, 3600)
    found = bench.counter.take(bench.now + 10, bench.now + 8 * 3600, answer)
    assert found is not None
    assert found.epoch == 0


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (-140.0, "feeds energy back"),
        (-0.4, "feeds energy back"),
        (0.212, "kilowatts"),
        (0.0, "less than any running computer"),
        (71250.0, "milliwatts"),
        (float("nan"), "milliwatts|more than"),
    ],
)
def test_watts_that_cannot_be(power: float, words: str) -> None:
    with pytest.raises(PlugProblem, match=words) as told:
        PlugCounter().take(0, 0, PlugAnswer(power))
    assert told.value.next_step


@pytest.mark.parametrize("factor", [0.001, 1000])
def test_units_that_disagree_are_refused(factor: float) -> None:
    """Kilowatts told as watts at 2.4 kW, or a counter in Wh read as kWh."""
    bench = Bench(3600, factor=factor)
    with pytest.raises(PlugProblem, match="disagree"):
        bench.run(1800, 2400 if factor < 1 else 4.0)
    assert bench.told


def test_a_counter_that_stands_still_gives_way_to_the_watts() -> None:
    bench = Bench(60_000)
    bench.run(120, 100)
    frozen = bench.true_mj
    for _ in range(100):
        bench.now += 10
        bench.reading = bench.counter.take(bench.now, bench.now, PlugAnswer(100.0, int(frozen), 60_000))
    assert bench.reading is not None
    assert bench.reading.counter_mj is None
    assert bench.reading.watts == 100


def test_nothing_told_is_said() -> None:
    with pytest.raises(PlugProblem, match="neither watts nor"):
        PlugCounter().take(0, 0, PlugAnswer())


READING = PlugReading(100.0, 150.0, 9_000_000, 0)


@pytest.mark.parametrize(
    ("reading", "now", "inside", "battery", "words"),
    [
        (None, 100.0, None, False, "not answered"),
        (READING, 140.0, None, False, "not answered"),
        (READING, 105.0, 40.0, True, "battery"),
    ],
)
def test_a_plug_that_says_nothing_holds_nothing(
    reading: PlugReading | None, now: float, inside: float | None, battery: bool, words: str
) -> None:
    silent = PlugPart("computer", "x").sample(reading, None, now, inside, battery)
    assert (silent.power_w, silent.counter_mj, silent.read_s) == (None, None, None)
    assert words in (silent.power.reason or "")
    assert compose((silent,)).unknown == ()


def test_a_plug_that_gives_less_than_the_parts_draw_is_another_ones() -> None:
    part = PlugPart("computer", "x")
    for at in (10.0, 20.0):
        assert part.sample(PlugReading(at, 40.0, None, 0), None, at, 180.0).power_w == 40.0
        assert part.sample(PlugReading(at, 40.0, None, 0), None, at + 5, 180.0).power_w == 40.0
    refused = part.sample(PlugReading(30.0, 40.0, None, 0), None, 30.0, 180.0)
    assert refused.power_w is None
    assert "another device hangs on it" in (refused.power.reason or "")
    assert part.sample(PlugReading(40.0, 200.0, None, 0), None, 40.0, 180.0).power_w == 200.0


def test_the_figure_is_metered_and_of_the_whole() -> None:
    plug = PlugPart("screen", "x").sample(READING, None, 101.0)
    total = compose((plug,))
    assert (plug.power.quality, plug.power.scope, plug.kind) == (Quality.METERED, Scope.SYSTEM, "wall")
    assert total.whole
    assert total.uncovered == ()
    assert total.error_w == pytest.approx(3.0)
    assert "screen" in plug.name


def test_what_was_on_battery_is_not_bridged() -> None:
    part = PlugPart("computer", "x")
    epochs = [
        part.sample(PlugReading(float(at), 50.0, at, 0), None, float(at), None, battery).counter_epoch
        for at, battery in ((10, False), (20, True), (30, True), (40, False), (50, False))
    ]
    assert epochs[0] != epochs[3] == epochs[4]


def test_every_way_to_hang_has_its_name() -> None:
    assert len({plug_name(hangs) for hangs in Hangs}) == 3
    assert plug_name("toaster") == plug_name("computer")
