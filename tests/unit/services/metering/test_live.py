"""Samples and running models to rows, today's sums and the chart."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.metering import GEMMA, QWEN, START, Clock, Machine, energy, part, without_power
from wattlight.domain.energy import Batch, State
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import Tariff, flat_tariff
from wattlight.domain.values import LOCAL_HOST, GpuProcess, Quality
from wattlight.services.metering import LiveMeter, Meter, MeterView, Recorder
from wattlight.store import LedgerFile, LedgerReader, open_reader

TARIFF = flat_tariff("0.36", "EUR", "Europe/Berlin")


class Stage:
    """A machine, a live meter and everything it handed on."""

    def __init__(self, machine: Machine | None = None, tariff: Tariff | None = TARIFF) -> None:
        self.machine = machine or Machine()
        self.clock = self.machine.clock
        self.running: tuple[RunningModel, ...] | None = ()
        self.batches: list[Batch] = []
        self.views: list[MeterView] = []
        self.tariff = tariff
        self.meter = LiveMeter(
            self.batches.append, lambda: self.running, lambda: self.tariff, self.clock.now, self.views.append
        )
        self.meter.expect(1)
        self.take()

    def take(self) -> None:
        self.meter.take(self.machine.look())

    def run(self, seconds: int, power_w: float | None = None) -> None:
        if power_w is not None:
            self.machine.power_w = power_w
        for _ in range(seconds):
            self.machine.run(1)
            self.take()

    @property
    def view(self) -> MeterView:
        return self.views[-1]


@pytest.mark.parametrize("counter", [True, False])
def test_what_a_model_draws_above_idle_is_the_models(counter: bool) -> None:
    stage = Stage(Machine(counter=counter))
    stage.run(10, 20)
    stage.running = (QWEN,)
    stage.take()
    stage.run(60, 30)
    stage.machine.power_w = 200
    stage.run(20, 200)
    sums = energy(stage.batches)
    assert sum(sums.values()) == pytest.approx(10 * 20_000 + 60 * 30_000 + 20 * 200_000, abs=100_000)
    assert sums[None, "base"] == pytest.approx(90 * 20_000, abs=20_000)
    assert sums["sha256:qwen", "parked"] == pytest.approx(80 * 10_000, abs=20_000)
    assert sums["sha256:qwen", "active"] == pytest.approx(20 * 170_000, abs=150_000)
    today = stage.view.today
    assert today is not None
    assert today.models.energy_mj == sums["sha256:qwen", "parked"] + sums["sha256:qwen", "active"]
    assert today.energy_mj == sum(sums.values())
    assert today.parked.energy_mj == sums["sha256:qwen", "parked"]
    assert [line.key for line in today.by_model] == ["qwen3:8b"]
    assert today.cost_micro == round(Decimal(today.energy_mj) / 10_000)  # 0.36 EUR/kWh
    assert (today.currency, today.observed_s, today.covers) == ("EUR", 90, ("Test card",))
    assert today.span_s == 11 * 3600 + 90  # since midnight in Berlin


def test_before_an_idle_level_is_known_a_models_energy_stays_open() -> None:
    stage = Stage()
    stage.running = (QWEN,)
    stage.take()
    stage.run(30, 50)
    assert energy(stage.batches) == {("sha256:qwen", "unattributed"): 30 * 50_000}
    today = stage.view.today
    assert today is not None
    assert (today.models.energy_mj, today.undecided.energy_mj, today.energy_mj) == (0, 1_500_000, 1_500_000)
    assert today.models_unknown
    assert today.by_model == ()
    # the first seconds without a model tell the idle level, and from then on the model has its share
    stage.running = ()
    stage.take()
    stage.run(10, 20)
    stage.running = (QWEN,)
    stage.take()
    stage.run(10, 50)
    today = stage.view.today
    assert today is not None
    assert not today.models_unknown
    assert today.undecided.energy_mj == pytest.approx(1_500_000, abs=60_000)
    assert today.models.energy_mj == pytest.approx(10 * 30_000, abs=40_000)


def test_while_the_server_does_not_answer_nothing_is_attributed() -> None:
    stage = Stage()
    stage.run(10)
    stage.running = None
    stage.take()
    stage.run(5)
    assert energy(stage.batches) == {(None, "base"): 200_000, (None, "unattributed"): 100_000}


def test_another_program_on_the_card_makes_it_mixed() -> None:
    stage = Stage()
    stage.run(10)
    stage.running = (QWEN,)
    game = GpuProcess(7, 10**9, "game.exe", 80.0)
    runner = GpuProcess(8, 10**9, "/usr/bin/ollama", 90.0)
    for processes, state in (((runner,), "active"), ((runner, game), "mixed")):
        stage.batches.clear()
        for _ in range(3):
            stage.machine.power_w = 250
            stage.machine.run(1)
            sample = stage.machine.look()
            card = replace(sample.devices[0], processes=processes)
            stage.meter.take(replace(sample, devices=(card,)))
        assert list(energy(stage.batches[1:]))[-1][1] == state


def test_a_part_inside_another_counts_once_and_estimates_never() -> None:
    whole = part("psys", 50.0, "system")
    inside = part("pkg", 30.0, "cpu", contained_in="psys")
    core = part("core", 20.0, "cpu", contained_in="pkg")
    guess = part("rest", 40.0, "system", quality=Quality.ESTIMATED)
    for extra, total in (
        ((whole, inside, core, guess), 70_000),
        ((without_power(whole), inside, core), 50_000),
        ((inside,), 50_000),
    ):
        stage = Stage(Machine(extra=extra))
        stage.run(1)
        assert sum(energy(stage.batches).values()) == total, [d.id for d in extra]


def test_fault_40_sleep_is_a_gap_in_the_chart_and_invents_no_energy() -> None:
    stage = Stage(Machine(counter=False))
    stage.run(5)
    stage.clock.sleep(8 * 3600)
    stage.run(5)
    assert sum(energy(stage.batches).values()) == 9 * 20_000
    gaps = [gap for batch in stage.batches for gap in batch.gaps]
    assert [gap.reason for gap in gaps] == ["asleep"]
    assert [p.gap_reason for p in stage.view.history if p.gap_reason] == []  # older than ten minutes
    stage.clock.sleep(60)
    stage.run(1)
    assert [p.gap_reason for p in stage.view.history if p.gap_reason] == ["asleep"]


def test_fault_41_a_stall_of_half_a_minute_is_the_same_as_a_gap() -> None:
    stage = Stage(Machine(counter=False))
    stage.run(30)
    stage.machine.run(30)
    stage.take()
    stage.run(5)
    assert sum(energy(stage.batches).values()) == 35 * 20_000
    assert [gap.reason for batch in stage.batches for gap in batch.gaps] == ["no reading"]


def test_a_change_of_beat_is_no_gap() -> None:
    stage = Stage(Machine(counter=False))
    stage.run(30)
    stage.meter.expect(15)
    for _ in range(3):
        stage.machine.run(15)
        stage.take()
    assert sum(energy(stage.batches).values()) == 75 * 20_000


def test_a_sleeping_card_is_unknown_and_its_counter_goes_on_after() -> None:
    stage = Stage()
    stage.run(3)
    for _ in range(60):
        stage.machine.clock.move(1)
        sample = stage.machine.look()
        stage.meter.take(replace(sample, devices=(without_power(sample.devices[0]),)))
        assert stage.view.history[-1].power_w == (("GPU-1", None),)
    stage.machine.counter_mj += 500
    stage.run(2)
    assert sum(energy(stage.batches).values()) == 5 * 20_000 + 500


def test_paused_means_nothing_is_counted_not_even_by_the_counter() -> None:
    stage = Stage()
    stage.run(5)
    stage.meter.set_paused(True)
    assert stage.view.paused
    stage.run(100)
    stage.meter.set_paused(False)
    stage.run(6)
    assert sum(energy(stage.batches).values()) == 10 * 20_000
    assert [gap.reason for batch in stage.batches for gap in batch.gaps] == ["paused"]


def test_a_new_day_begins_at_midnight_of_the_tariff() -> None:
    machine = Machine(Clock(at=datetime.fromisoformat("2026-03-31T21:59:30+00:00")))
    stage = Stage(machine)
    stage.run(60)
    today, month = stage.view.today, stage.view.month
    assert today is not None
    assert month is not None
    assert (today.energy_mj, today.span_s, today.observed_s) == (30 * 20_000, 30, 30)
    assert month.energy_mj == 30 * 20_000  # April began too


def test_without_a_price_there_is_energy_and_no_money() -> None:
    stage = Stage(tariff=None)
    stage.run(5)
    today = stage.view.today
    assert today is not None
    assert (today.energy_mj, today.cost_micro, today.models.cost_micro, today.currency) == (
        100_000,
        None,
        None,
        None,
    )
    assert not stage.view.price_known


def test_tokens_are_written_once_with_the_card() -> None:
    stage = Stage(Machine(extra=(part("pkg", 9.0, "cpu"),)))
    stage.run(5)
    stage.running = (QWEN,)
    stage.take()
    stage.meter.note_tokens("qwen3:8b", 7, 120)
    stage.run(2, 300)
    rows = [row for batch in stage.batches for row in batch.rows if row.tokens_out]
    assert [(row.device, row.model, row.state, row.tokens_in, row.tokens_out) for row in rows] == [
        ("GPU-1", "sha256:qwen", State.ACTIVE, 7, 120)
    ]
    assert stage.view.today is not None
    assert stage.view.today.tokens_out == 120


def restart(file: Path, machine: Machine) -> tuple[LiveMeter, Recorder]:
    recorder = Recorder(LedgerFile(file, machine.clock.now), machine.clock.now)
    writer = recorder.open()
    meter = LiveMeter(recorder.accept, lambda: (), lambda: TARIFF, machine.clock.now)
    meter.resume(writer.counters(LOCAL_HOST), LedgerReader(writer.connection, owns=False).levels(LOCAL_HOST))
    with open_reader(file) as reader:
        meter.reload(reader)
    return meter, recorder


@pytest.mark.parametrize("killed", [True, False])
def test_after_a_restart_the_counter_goes_on_without_loss_or_double_count(
    tmp_path: Path, killed: bool
) -> None:
    file, machine = tmp_path / "ledger.sqlite3", Machine()
    start_mj = machine.counter_mj
    meter, recorder = restart(file, machine)
    for second in range(40):
        meter.take(machine.look())
        if second == 25:
            recorder.commit()
        machine.run(1)
    if killed:
        recorder._pending.rows.clear()  # what was not committed dies with the process
        recorder._pending.counters.clear()
        recorder._pending.presence.clear()
    else:
        meter.finish()
    recorder.stop()
    machine.run(600)
    meter, recorder = restart(file, machine)
    meter.take(machine.look())
    machine.run(1)
    meter.take(machine.look())
    recorder.stop()
    with open_reader(file) as reader:
        buckets = list(reader.buckets(0, 2**60))
        observed_ms = reader.observed_ms(0, 2**60)
    assert sum(b.energy_mj for b in buckets) == machine.counter_mj - start_mj
    assert sum(b.energy_mj for b in buckets if b.state is State.UNATTRIBUTED) > 0
    assert observed_ms == (26_000 if killed else 40_000)
    view = meter.view()
    assert view.today is not None
    assert view.today.energy_mj == machine.counter_mj - start_mj


def test_after_a_restart_of_the_computer_nothing_is_carried_over(tmp_path: Path) -> None:
    file, machine = tmp_path / "ledger.sqlite3", Machine()
    meter, recorder = restart(file, machine)
    for _ in range(5):
        meter.take(machine.look())
        machine.run(1)
    recorder.stop()
    machine.boot_id, machine.counter_mj = "boot-2", 9_999_999_999
    machine.clock.move(60)
    machine.clock.monotonic_s = 30
    meter, recorder = restart(file, machine)
    meter.take(machine.look())
    recorder.stop()
    with open_reader(file) as reader:
        assert sum(b.energy_mj for b in reader.buckets(0, 2**60)) == 4 * 20_000
        assert [g.reason for g in reader.gaps(0, 2**60)] == ["counter reset"]


def test_learned_levels_outlive_a_restart(tmp_path: Path) -> None:
    file, machine = tmp_path / "ledger.sqlite3", Machine()
    meter, recorder = restart(file, machine)
    for _ in range(400):
        meter.take(machine.look())
        machine.run(1)
    recorder.stop()
    recorder = Recorder(LedgerFile(file, machine.clock.now), machine.clock.now)
    levels = LedgerReader(recorder.open().connection, owns=False).levels()
    recorder.stop()
    assert [(level.models, level.power_uw) for level in levels] == [((), 20_000_000)]


STEP = st.tuples(
    st.sampled_from([0.0, 0.5, 1.0, 5.0, 12.0, 61.0, 4000.0]),
    st.sampled_from([0.0, 0.0, 0.0, 30.0]),
    st.none() | st.floats(0, 500, allow_nan=False),
    st.none() | st.integers(-2000, 10**6),
    st.sampled_from([None, (), (QWEN,), (QWEN, GEMMA)]),
    st.none() | st.just(frozenset({"sha256:qwen"})),
)


@given(st.lists(STEP, max_size=40))
@settings(max_examples=150, deadline=None)
def test_over_any_trace_the_parts_sum_to_the_machine(steps: list[tuple[object, ...]]) -> None:
    """The same readings with and without models give the same total, to the mJ, and never less than 0."""
    totals = []
    for models in (True, False):
        clock, meter, counter, batches = Clock(), Meter(LOCAL_HOST), 0, []
        for seconds, slept, power_w, delta, running, busy in steps:
            clock.move(float(seconds))  # type: ignore[arg-type]
            clock.sleep(float(slept))  # type: ignore[arg-type]
            counter = max(0, counter + (delta or 0))  # type: ignore[operator]
            card = part("g", power_w, counter_mj=None if delta is None else counter)  # type: ignore[arg-type]
            sample = MachineSample(LOCAL_HOST, clock.at, clock.monotonic_s, (card,))
            batches.append(meter.process(sample, running if models else (), busy if models else None))  # type: ignore[arg-type]
        batches.append(meter.finish())
        sums = energy(batches)
        assert all(value >= 0 for value in sums.values())
        totals.append(sum(sums.values()))
        observed = sum(ms for batch in batches for _, _, ms in batch.presence)
        assert observed <= (clock.monotonic_s - 1000) * 1000 + 1
    assert totals[0] == totals[1]


def test_fault_39_the_clock_set_back_and_forward_never_bills_a_giant() -> None:
    stage = Stage(Machine(counter=False))
    stage.run(3)
    stage.clock.sleep(365 * 86_400)
    stage.run(3)
    stage.clock.sleep(-3600)
    stage.run(3)
    assert 6 * 20_000 <= sum(energy(stage.batches).values()) <= 9 * 20_000
    assert stage.clock.at > START


def test_tokens_are_those_of_the_model_that_made_them() -> None:
    """Two models are loaded; clients ask both, one by a short name, and one that has just gone."""
    stage = Stage()
    stage.run(5)
    short = RunningModel("tiny:latest", "sha256:tiny", 10**9, 10**9)
    stage.running = (QWEN, GEMMA, short)
    stage.take()
    asked = [
        ("qwen3:8b", 10, 300),
        ("gemma3:27b", 20, 90),
        ("qwen3:8b", 5, 237),
        ("tiny", 1, 4),
        ("old:1b", 2, 8),
    ]
    for model, tokens_in, tokens_out in asked:
        stage.meter.note_tokens(model, tokens_in, tokens_out)
        stage.run(1, 250)
    made: dict[str | None, tuple[int, int]] = {}
    for row in (row for batch in stage.batches for row in batch.rows):
        known = made.get(row.model, (0, 0))
        made[row.model] = known[0] + row.tokens_in, known[1] + row.tokens_out
    assert {model: tokens for model, tokens in made.items() if any(tokens)} == {
        "sha256:qwen": (15, 537),
        "sha256:gemma": (20, 90),
        "sha256:tiny": (1, 4),
        "old:1b": (2, 8),
    }
    assert stage.view.today is not None and stage.view.today.tokens_out == 639
