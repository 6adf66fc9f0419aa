"""A laptop's week through sampler, meter and ledger: what was learned on battery is billed on mains."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.laptop import MONDAY, Laptop
from fakes.metering import QWEN, part
from wattlight.domain.cost import By, CostReport, Sums
from wattlight.domain.energy import LEARNED, LEARNED_REST, WALL, Batch, State
from wattlight.domain.power import LearnedFigure, MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, Scope, to_us
from wattlight.domain.wall import Wall, WallBasis, WallFit, WallModel
from wattlight.services.learned import MOST_BYTES, LearnedWatts
from wattlight.services.metering import LiveMeter, Meter, Sampler
from wattlight.store import OpenedLedger, Pending, open_memory_ledger

TARIFF = flat_tariff("0.36", "EUR", "UTC")
BEAT_S = 30.0


class Week:
    """The looks of a laptop through the real sampler and meter, hour by hour into a ledger."""

    def __init__(self, laptop: Laptop, file: Path) -> None:
        self.laptop, self.learned = laptop, LearnedWatts(file)
        self.opened: OpenedLedger = open_memory_ledger()
        self.pending = Pending()
        self.running: tuple[RunningModel, ...] = ()
        self.sample: MachineSample
        self.live = LiveMeter(self._put, lambda: self.running, lambda: TARIFF, self._now)
        self.live.expect(BEAT_S)
        self.sampler = Sampler(lambda: self.sample, lambda s: self.live.take(self.learned.take(s)))
        self.true_j = 0.0

    def _now(self) -> datetime:
        return self.laptop.at

    def _put(self, batch: Batch) -> bool:
        self.pending.add(batch)
        return True

    def run(self) -> "Week":
        for count, look in enumerate(self.laptop.week()):
            self.sample = look
            assert self.sampler.tick()
            self.true_j += self.laptop.true_w * self.laptop.beat_s
            if count % 120 == 119:
                self.write()
        self.live.finish()
        self.write()
        return self

    def write(self) -> None:
        self.opened.writer.write(self.pending)
        self.pending = Pending()

    def report(self, by: By = By.DEVICE) -> CostReport:
        reader, span = self.opened.reader(), (to_us(MONDAY), to_us(MONDAY + timedelta(days=8)))
        sums = Sums(TARIFF, *span).add_all(reader.buckets(*span))
        sums.know(reader.devices())
        return sums.report(by)


@pytest.fixture
def weeks() -> Iterator[list[Week]]:
    made: list[Week] = []
    yield made
    for week in made:
        week.opened.writer.connection.close()


@pytest.mark.parametrize(
    "machine",
    [
        {},
        pytest.param({"counter": True, "card": True}, marks=pytest.mark.slow),
        pytest.param({"gauge": "stuck", "seed": 4}, marks=pytest.mark.slow),
        pytest.param({"gauge": "charge", "seed": 2}, marks=pytest.mark.slow),
    ],
    ids=["closed counter", "sensors", "stuck gauge", "charge only"],
)
def test_the_week_costs_what_it_drew(machine: dict[str, object], tmp_path: Path, weeks: list[Week]) -> None:
    week = Week(Laptop(beat_s=BEAT_S, **machine), tmp_path / "learned.json").run()  # type: ignore[arg-type]
    weeks.append(week)
    report = week.report()
    true_mj = week.true_j * 1000
    # the hour before the first minutes on battery, and those a battery without a gauge must wait for
    assert report.energy_mj == pytest.approx(true_mj, rel=0.08)
    assert report.cost_micro == pytest.approx(true_mj / 3.6e9 * 0.36e6, rel=0.08)
    assert report.quality is Quality.LEARNED
    assert report.not_covered == ()
    lines = {line.key: line for line in report.breakdown}
    assert WALL not in lines
    if machine.get("counter"):
        assert lines[LEARNED_REST].quality is Quality.LEARNED and LEARNED not in lines
        assert lines["rapl:package-0"].quality is Quality.COUNTER
    else:
        assert lines[LEARNED].energy_mj > 0.3 * report.energy_mj and LEARNED_REST not in lines
    assert report.error_fraction is not None and 0.03 < report.error_fraction < 0.3


def test_without_what_was_learned_the_week_is_far_too_cheap(
    tmp_path: Path, weeks: list[Week], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LearnedWatts, "look", lambda _self, sample: sample)
    week = Week(Laptop(beat_s=BEAT_S, days=3), tmp_path / "learned.json").run()
    weeks.append(week)
    assert week.report().energy_mj < 0.7 * week.true_j * 1000


def test_the_file_is_small_whole_and_read_again(tmp_path: Path, weeks: list[Week]) -> None:
    file = tmp_path / "learned.json"
    week = Week(Laptop(beat_s=BEAT_S, days=2, card_from=1), file).run()
    weeks.append(week)
    week.learned.save()
    assert 0 < file.stat().st_size <= MOST_BYTES
    mains = next(look for look in Laptop(beat_s=BEAT_S, card=True).week() if look.on_battery is False)
    before, after = week.learned.look(mains).learned, LearnedWatts(file).look(mains).learned
    assert before is not None and after is not None
    assert after.power_w == pytest.approx(before.power_w, rel=1e-6)
    assert after.error_w == pytest.approx(before.error_w, rel=1e-4)
    assert (after.minutes, after.last_us) == (pytest.approx(before.minutes), before.last_us)
    week.learned.forget()
    assert not file.exists()
    assert week.learned.look(mains).learned is None


def test_one_look_knows_a_gauge_that_the_tray_has_seen_standing_still(tmp_path: Path) -> None:
    """``wattlight power`` looks once; the program that learns has looked for an hour."""
    file = tmp_path / "learned.json"
    tray = LearnedWatts(file)
    on_battery = [look for look in Laptop(beat_s=30.0, days=1, gauge="stuck").week() if look.on_battery]
    half_an_hour = on_battery[:60]
    for look in half_an_hour:
        tray.take(look)
    last = half_an_hour[-1]
    told_w = next(part.power_w for part in last.devices if part.kind == "battery")
    assert told_w is not None and last.total.measured_w == told_w

    def seen(sample: MachineSample) -> tuple[float | None, str]:
        one = LearnedWatts(file).look(sample)
        [gauge] = [part for part in one.devices if part.kind == "battery"]
        return gauge.power_w, gauge.power.reason or ""

    assert seen(last)[0] is None and "stood still" in seen(last)[1]
    moved = replace(
        last,
        devices=tuple(
            replace(part, power=replace(part.power, value=told_w + 0.4)) if part.kind == "battery" else part
            for part in last.devices
        ),
    )
    assert seen(moved) == (told_w + 0.4, "")
    tray.take(replace(moved, monotonic_s=last.monotonic_s + 30, at=last.at + timedelta(seconds=30)))
    assert seen(last)[0] == told_w, "it moves again, and that is kept"
    file.write_text(file.read_text().replace('"stuck_w": null', '"stuck_w": "x"'))
    assert seen(last)[0] == told_w


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"schema":1,"learned":[{}]}', '{"schema":1,"learned":5}', "\x00" * 40, "9" * 9000,
     '{"schema":1,"learned":[{"parts":"p","battery":"","minutes":1e999,"first_us":1,"last_us":1,"weight":1,'
     '"square":1,"miss_w":0,"moment":[0,0,0,0,0,0],"gram":[[1],[0,1],[0,0,1],[0,0,0,1],[0,0,0,0,1],'
     '[0,0,0,0,0,1]]}]}'],
)  # fmt: skip
def test_a_damaged_file_is_as_good_as_none(text: str, tmp_path: Path) -> None:
    file = tmp_path / "learned.json"
    file.write_text(text)
    mains = next(iter(Laptop().week()))
    assert LearnedWatts(file).look(mains).learned is None


def learned(power_w: float, rest_w: float) -> LearnedFigure:
    return LearnedFigure(power_w, 3.0, rest_w, 190.0, 1_700_000_000_000_000, False, True)


def looks(
    power_w: float, measured_w: float | None, running: tuple[RunningModel, ...], count: int, start: int = 0
) -> Iterator[tuple[MachineSample, tuple[RunningModel, ...]]]:
    card = part("GPU-1", measured_w, scope=Scope.BOARD, reason=None if measured_w else "closed")
    for n in range(start, start + count):
        rest_w = power_w - (measured_w or 0.0)
        yield (
            MachineSample(
                LOCAL_HOST,
                MONDAY + timedelta(seconds=10 * n),
                500.0 + 10 * n,
                (card,),
                learned=learned(power_w, rest_w),
            ),
            running,
        )


def rows_of(meter: Meter, *parts: Iterator[tuple[MachineSample, tuple[RunningModel, ...]]]) -> list[Batch]:
    meter.expect(10)
    return [meter.process(sample, running) for some in parts for sample, running in some]


def energy(batches: list[Batch], device: str) -> dict[tuple[str | None, State], int]:
    found: dict[tuple[str | None, State], int] = {}
    for row in (row for batch in batches for row in batch.rows if row.device == device):
        found[row.model, row.state] = found.get((row.model, row.state), 0) + row.energy_mj
    return found


def test_without_a_sensor_models_are_billed_on_the_learned_whole_above_its_idle_level() -> None:
    meter = Meter(LOCAL_HOST)
    quiet, busy = looks(12.0, None, (), 40), looks(30.0, None, (QWEN,), 31, 40)
    found = energy(rows_of(meter, quiet, busy), LEARNED)
    model_mj = sum(mj for (model, _), mj in found.items() if model == QWEN.digest)
    assert model_mj == pytest.approx(300 * 18_000, rel=0.04)
    assert sum(found.values()) == pytest.approx(390 * 12_000 + 10 * 21_000 + 300 * 30_000, rel=0.01)


def test_beside_a_sensor_the_rest_is_no_models_and_the_sum_is_the_whole() -> None:
    meter = Meter(LOCAL_HOST)
    batches = rows_of(meter, looks(30.0, 9.0, (), 40), looks(60.0, 35.0, (QWEN,), 31, 40))
    rest, card = energy(batches, LEARNED_REST), energy(batches, "GPU-1")
    assert set(rest) == {(None, State.BASE)}
    assert QWEN.digest in {model for model, _ in card}
    whole_mj = 390 * 30_000 + 10 * 45_000 + 300 * 60_000
    assert sum(rest.values()) + sum(card.values()) == pytest.approx(whole_mj, abs=5)
    assert not any(level.device == LEARNED_REST for batch in batches for level in batch.levels)


def test_a_change_of_what_tells_is_no_gap() -> None:
    """The sensor opens (a card wakes up): the learned whole gives way to part and rest, and comes back."""
    meter = Meter(LOCAL_HOST)
    batches = rows_of(
        meter, looks(20.0, None, (), 9), looks(30.0, 9.0, (), 30, 9), looks(20.0, None, (), 9, 39)
    )
    assert not [gap for batch in batches for gap in batch.gaps if gap.device in {LEARNED, LEARNED_REST}]


def test_a_calibration_is_surer_and_an_assumption_less_sure_than_what_was_learned() -> None:
    (sample, _) = next(looks(30.0, 9.0, (), 1))
    calibrated = Wall(WallFit(10.0, 1.2, 1.0), frozenset({"GPU-1"}))
    other_parts = Wall(WallFit(10.0, 1.2, 1.0), frozenset({"x"}))
    assumed = Wall(assumed=WallModel(40.0))
    figures = [w.figure(sample.total, sample.learned) for w in (calibrated, other_parts, assumed, Wall())]
    assert [f and f.basis for f in figures] == [WallBasis.CALIBRATED, *[WallBasis.LEARNED] * 3]


def test_where_the_whole_is_measured_nothing_learned_is_used() -> None:
    whole = part("wall-plug", 50.0, "wall", Scope.SYSTEM, Quality.METERED)
    sample = MachineSample(LOCAL_HOST, MONDAY, 5.0, (whole,), learned=learned(30.0, 21.0))
    assert Wall().figure(sample.total, sample.learned) is None
    assert ZoneInfo("UTC") and sample.estimate_w is None
