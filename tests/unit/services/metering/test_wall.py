"""What the plug gives beyond the measured parts is billed where it is known; none of it is a model's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.metering import QWEN, START, Clock, Machine
from wattlight.domain.cost import By, CostReport, Sums
from wattlight.domain.energy import WALL, State
from wattlight.domain.power import MachineSample, compose
from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, Scope, to_us
from wattlight.domain.wall import REST_ERROR, Wall, WallFit, WallModel
from wattlight.services.metering import Meter
from wattlight.store import LedgerReader, OpenedLedger, Pending, open_memory_ledger

CALIBRATED = Wall(WallFit(30.0, 1.2, 4.0), frozenset({"GPU-1"}))
ASSUMED = Wall(assumed=WallModel(40.0, "gold", 500.0))
TARIFF = flat_tariff("0.36", "EUR", "UTC")


@pytest.fixture(autouse=True)
def _ledgers_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[OpenedLedger] = []

    def open_one() -> OpenedLedger:
        made.append(open_memory_ledger())
        return made[-1]

    monkeypatch.setattr(Plugged, "ledger", staticmethod(open_one))
    yield
    for opened in made:
        opened.writer.connection.close()


class Plugged:
    """A machine of one card through a meter into a ledger."""

    ledger = staticmethod(open_memory_ledger)

    def __init__(self, wall: Wall | None) -> None:
        self.machine = Machine(Clock(), power_w=100.0)
        self.meter = Meter(LOCAL_HOST)
        self.meter.set_wall(wall)
        self.meter.expect(1)
        self.opened: OpenedLedger = self.ledger()
        self.running: tuple[RunningModel, ...] = ()
        self.last: MachineSample = self.look()

    def look(self) -> MachineSample:
        card = self.machine.card()
        card = replace(card, power=replace(card.power, scope=Scope.BOARD))
        sample = replace(self.machine.look(), devices=(card,))
        pending = Pending()
        pending.add(self.meter.process(sample, self.running))
        self.opened.writer.write(pending)
        return sample

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.machine.run(1)
            self.last = self.look()

    def report(self, by: By = By.DEVICE) -> CostReport:
        reader = self.opened.reader()
        span = to_us(START) - 60_000_000, to_us(START + timedelta(hours=1))
        sums = Sums(TARIFF, *span)
        sums.add_all(reader.buckets(*span))
        sums.know(reader.devices())
        return sums.report(by)


def test_a_calibrated_plug_is_what_the_ledger_bills() -> None:
    plugged = Plugged(CALIBRATED)
    plugged.run(60)
    figure = CALIBRATED.figure(compose(plugged.last.devices))
    assert figure is not None
    report = plugged.report()
    assert report.energy_mj == pytest.approx(60_000 * figure.power_w, abs=2)
    lines = {line.key: line for line in report.breakdown}
    assert lines["GPU-1"].energy_mj == 6_000_000
    assert lines[WALL].energy_mj == pytest.approx(60_000 * 50, abs=2)
    assert lines[WALL].quality is Quality.ESTIMATED
    # the error of the whole is the calibration's own (rounded up to a hundredth of the way's energy)
    assert report.error_fraction == pytest.approx(figure.error_w / figure.power_w, rel=0.13)
    assert report.error_fraction is not None and report.error_fraction >= figure.error_w / figure.power_w
    assert report.not_covered == ()
    assert report.cost_micro == pytest.approx(report.energy_mj / 10_000, abs=2)


def test_assumptions_are_billed_with_their_error() -> None:
    plugged = Plugged(ASSUMED)
    plugged.run(60)
    figure = ASSUMED.figure(compose(plugged.last.devices))
    assert figure is not None
    report = plugged.report()
    assert report.energy_mj == pytest.approx(60_000 * figure.power_w, abs=60)
    assert report.error_fraction is not None
    assert report.error_fraction >= REST_ERROR * 40 / figure.power_w


def test_nothing_of_the_way_is_a_models() -> None:
    plugged = Plugged(CALIBRATED)
    plugged.machine.power_w = 20.0
    plugged.run(10)
    plugged.running = (QWEN,)
    plugged.machine.power_w = 100.0
    plugged.look()
    plugged.run(60)
    reader = plugged.opened.reader()
    rows = [b for b in reader.buckets(0, 2**60) if b.device == WALL]
    assert rows
    assert {(row.model, row.state) for row in rows} == {(None, State.BASE)}
    assert LedgerReader(plugged.opened.writer.connection, owns=False).levels() == () or all(
        level.device != WALL for level in LedgerReader(plugged.opened.writer.connection, owns=False).levels()
    )
    figure = CALIBRATED.figure(plugged.last.total)
    assert figure is not None
    whole = plugged.report().error_fraction
    assert whole is not None and whole <= 1.6 * figure.error_w / figure.power_w, "not the parts' 10 % again"
    models = plugged.report(By.MODEL).by_model
    assert [line.key for line in models] == ["qwen3:8b"]
    assert models[0].energy_mj == pytest.approx(60 * 80_000, rel=0.05)


def test_other_parts_than_were_calibrated_bill_the_parts_alone() -> None:
    plugged = Plugged(Wall(WallFit(30.0, 1.2, 4.0), frozenset({"GPU-1", "cpu"})))
    plugged.run(10)
    report = plugged.report()
    assert [line.key for line in report.breakdown] == ["GPU-1"]
    assert "loss of the power supply" in report.not_covered


def test_a_calibration_forgotten_ends_the_estimate_at_once() -> None:
    plugged = Plugged(CALIBRATED)
    plugged.run(10)
    plugged.meter.set_wall(None)
    plugged.run(10)
    lines = {line.key: line.energy_mj for line in plugged.report().breakdown}
    assert lines["GPU-1"] == 2_000_000
    assert lines[WALL] == pytest.approx(500_000, abs=2)
