"""The guided calibration with made readings and a clock of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from fakes.metering import part
from wattlight.domain.power import MachineSample
from wattlight.domain.values import LOCAL_HOST, Scope
from wattlight.domain.wall import WallBasis, WallFit, WallModel
from wattlight.services.calibration import (
    BEAT_S,
    MEASURE_S,
    SETTLE_S,
    NoCalibration,
    WallCalibration,
    assumed_in,
    calibration_in,
    forgotten_in,
    wall_of,
)
from wattlight.settings import MeterSettings

START = datetime(2026, 11, 24, tzinfo=UTC)


class Machine:
    """A card of known watts; seconds pass only by pausing."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.watts: float | None = 40.0
        self.settling_w: float | None = None
        self.parts = 1
        self.guide = WallCalibration(self.sample, self.pause)

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def sample(self) -> MachineSample:
        settling = self.settling_w is not None and self.seconds <= SETTLE_S
        power_w = self.settling_w if settling else self.watts
        devices = tuple(part(f"gpu{i}", power_w, scope=Scope.BOARD) for i in range(self.parts))
        return MachineSample(LOCAL_HOST, START + timedelta(seconds=self.seconds), self.seconds, devices)


def test_three_minutes_find_the_line() -> None:
    machine = Machine()
    machine.guide.prepare()
    heard: list[int] = []
    quiet = machine.guide.level(heard.append)
    assert heard[0] == SETTLE_S + MEASURE_S and heard[-1] == BEAT_S and heard == sorted(heard, reverse=True)
    machine.watts = 240.0
    busy = machine.guide.level()
    assert machine.seconds == 2 * (SETTLE_S + MEASURE_S) < 180
    fit = machine.guide.finish(quiet, 94.0, busy, 314.0)
    assert (fit.base_w, fit.factor) == (pytest.approx(50.0), pytest.approx(1.1))


def test_settling_is_not_measured() -> None:
    machine = Machine()
    machine.settling_w = 300.0
    assert machine.guide.level().mean_w == 40.0


def test_a_machine_that_measures_nothing_is_refused_at_once() -> None:
    machine = Machine()
    machine.watts = None
    with pytest.raises(NoCalibration, match="nothing to calibrate"):
        machine.guide.prepare()
    assert machine.seconds <= 2 * BEAT_S
    with pytest.raises(NoCalibration, match="measured meanwhile"):
        machine.guide.level()


def test_parts_that_come_or_go_are_refused() -> None:
    machine = Machine()
    quiet = machine.guide.level()
    machine.parts = 2
    busy = machine.guide.level()
    with pytest.raises(NoCalibration, match="parts changed"):
        machine.guide.finish(quiet, 94.0, busy, 314.0)

    class Waking(Machine):
        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            self.parts = 2 if self.seconds > SETTLE_S + 30 else 1

    with pytest.raises(NoCalibration, match="parts changed"):
        Waking().guide.level()


@pytest.mark.parametrize("reading", [0.0, -5.0, float("nan"), float("inf"), 1e9])
def test_a_reading_that_no_meter_shows_is_refused(reading: float) -> None:
    machine = Machine()
    level = machine.guide.level()
    with pytest.raises(NoCalibration, match="not a plausible reading"):
        machine.guide.finish(level, reading, replace(level, mean_w=240.0), 314.0)


def test_a_load_that_is_none_carries_no_line() -> None:
    machine = Machine()
    level = machine.guide.level()
    with pytest.raises(NoCalibration, match="No calibration follows"):
        machine.guide.finish(level, 94.0, level, 95.0)


def test_the_settings_keep_it_and_give_it_back() -> None:
    meter = calibration_in(
        MeterSettings(paused=True), WallFit(50.04, 1.10049, 6.28), {"gpu1", "gpu0"}, date(2026, 11, 24)
    )
    assert (meter.wall_parts, meter.wall_date, meter.paused) == ("gpu0,gpu1", "2026-11-24", True)
    wall = wall_of(meter)
    assert wall.fit == WallFit(50.0, 1.1, 6.3) and wall.calibrated_on == date(2026, 11, 24)
    machine = Machine()
    machine.parts = 2
    found = wall.figure(machine.sample().total)
    assert found is not None and found.power_w == pytest.approx(50 + 1.1 * 80)
    assert forgotten_in(assumed_in(meter, 35.0, "gold", 650.0)) == MeterSettings(paused=True)


def test_an_assumption_without_a_known_supply_leaves_its_loss_out() -> None:
    wall = wall_of(assumed_in(MeterSettings(), 35.0, "wood", 650.0))
    assert wall.assumed == WallModel(35.0)
    found = wall.figure(Machine().sample().total)
    assert found is not None and (found.power_w, found.basis) == (75.0, WallBasis.ASSUMED)


@pytest.mark.parametrize(
    "change",
    [
        {"wall_factor": float("nan")},
        {"wall_factor": -1.0},
        {"wall_base_w": float("inf")},
        {"wall_base_w": None},
        {"wall_parts": ""},
    ],
)
def test_damaged_settings_are_no_calibration(change: dict[str, object]) -> None:
    good = calibration_in(MeterSettings(), WallFit(50.0, 1.1, 6.0), {"gpu0"}, date(2026, 11, 24))
    assert wall_of(good).fit is not None
    assert wall_of(replace(good, **change)).fit is None  # type: ignore[arg-type]


def test_a_damaged_date_or_error_does_not_lose_the_calibration() -> None:
    good = calibration_in(MeterSettings(), WallFit(50.0, 1.1, 6.0), {"gpu0"}, date(2026, 11, 24))
    wall = wall_of(replace(good, wall_date="soon", wall_error_w=float("nan")))
    assert wall.fit == WallFit(50.0, 1.1, 0.0) and wall.calibrated_on is None
