"""The service around the meter: fresh looks on request, the quick beat, samples handed on."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.metering import QWEN, Machine
from fakes.program import Services
from wattlight.domain.energy import Batch, EnergyRow, State
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.values import LOCAL_HOST, MachineProfile, Quality, to_us
from wattlight.services.meter_service import MeterService
from wattlight.settings import MeterSettings, Settings
from wattlight.store import Pending, open_ledger


class Prober:
    """Looks at a made-up machine; its profile counts the looks in its RAM."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.looks = 0
        self.closed = False
        self.opened_anew = 0

    def watch_ports(self, _ports: object) -> None:
        pass

    def look_anew(self) -> None:
        self.opened_anew += 1

    def sample(self) -> MachineSample:
        self.looks += 1
        return self._machine.look()

    def profile(self) -> MachineProfile:
        return MachineProfile("made up", "linux", 1000, self.looks)

    def engine_started(self) -> None:
        """Nothing to wake."""

    def close(self) -> None:
        self.closed = True


class Standing:
    """A meter whose beat is so slow that only a request makes it look again."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine()
        self.prober = Prober(self.machine)
        self.changed = threading.Condition()
        self.followed: list[tuple[MachineSample, tuple[RunningModel, ...] | None]] = []
        self.seen_by_sampler: MachineProfile | None = None
        slow = Settings(meter=MeterSettings(shown_interval_s=3600.0, hidden_interval_s=3600.0))
        self.services = services = Services(folder, slow)
        services.factory.prober = lambda *_: self.prober  # type: ignore[method-assign, assignment, return-value]
        services.factory.now = self.machine.clock.now  # type: ignore[method-assign]
        self.service = MeterService(services.factory, services.settings, services.hub)
        self.service.subscribe(self._follow)

    def _follow(self, sample: MachineSample, running: tuple[RunningModel, ...] | None) -> None:
        with self.changed:
            self.followed.append((sample, running))
            self.seen_by_sampler = self.service.fresh_profile()
            self.changed.notify_all()

    def wait_followed(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.followed) >= count, 10)


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path)
    made.service.start()
    made.wait_followed(1)
    yield made
    assert made.service.stop(10.0)
    assert made.prober.closed


def test_a_fresh_profile_comes_from_a_look_after_the_call(standing: Standing) -> None:
    before = standing.prober.looks
    profile = standing.service.fresh_profile(10.0)
    assert profile is not None
    assert profile.ram_available_bytes > before


def test_the_samplers_own_thread_does_not_wait_for_itself(standing: Standing) -> None:
    assert standing.seen_by_sampler is not None


def test_a_measurement_makes_it_look_at_once(standing: Standing) -> None:
    standing.service.hurry(True)
    standing.wait_followed(2)
    standing.service.hurry(False)


def test_a_changed_permission_opens_the_sensors_anew_with_the_next_look(standing: Standing) -> None:
    assert standing.prober.opened_anew == 0
    standing.service.permission_changed()
    standing.wait_followed(2)
    standing.service.fresh_profile(10.0)
    assert standing.prober.opened_anew == 1


def test_samples_are_handed_on_with_the_models_listed_then(standing: Standing) -> None:
    assert standing.followed[0][1] is None
    standing.service.set_running((QWEN,))
    standing.service.fresh_profile(10.0)
    standing.wait_followed(2)
    assert standing.followed[-1][1] == (QWEN,)


def test_a_counter_that_lies_is_told_once_and_its_power_is_the_gauges(standing: Standing) -> None:
    standing.machine.power_w = 100.0
    for count in range(2, 42):
        standing.machine.clock.move(10)
        standing.machine.counter_mj += 570_000
        standing.service.fresh_profile(10.0)
        standing.wait_followed(count)
    state = standing.services.hub.state
    assert [notice.text for notice in state.notices] == [
        "The energy counter of Test card disagrees with its power reading; it is not used."
    ]
    assert {watts for point in state.hosts[0].history for _, watts in point.power_w} == {20.0, 100.0}


def test_programs_that_cannot_be_asked_for_do_not_stop_the_meter(standing: Standing) -> None:
    def broken() -> None:
        raise AttributeError("geteuid")

    standing.service._programs._times.look = broken  # type: ignore[method-assign, assignment]
    for count in range(2, 9):
        standing.machine.clock.move(10)
        standing.machine.counter_mj += 200_000
        standing.service.fresh_profile(10.0)
        standing.wait_followed(count)
    state = standing.services.hub.state
    assert state.notices == ()
    assert len(state.hosts[0].history) >= 7
    assert state.hosts[0].today is not None and state.hosts[0].today.energy_mj > 0


def test_after_the_end_nobody_waits(tmp_path: Path) -> None:
    made = Standing(tmp_path)
    made.service.start()
    made.wait_followed(1)
    assert made.service.stop(10.0)
    assert made.service.fresh_profile(10.0) is not None


@pytest.mark.parametrize("before_h", [0, 30])
def test_old_rows_wait_for_a_day_of_metering_and_that_is_said(tmp_path: Path, before_h: int) -> None:
    """The clock is two years ahead; what would be deleted for it stays until it has proved right.

    ``before_h``: hours that were metered by the clock as it was, so that the ledger has a time of its own.
    """
    standing = Standing(tmp_path)
    clock, settings = standing.machine.clock, standing.services.settings
    settings.replace(Settings(meter=MeterSettings(keep_months=12)))
    writer = open_ledger(tmp_path / "l.sqlite3", clock.at).writer
    old = EnergyRow(LOCAL_HOST, to_us(clock.at) // 60_000_000, "gpu", None, State.BASE, 5, 5, Quality.COUNTER)
    waiting = Pending()
    waiting.add(Batch(rows=(old,)))
    writer.write(waiting, to_us(clock.at), 0)

    def notices() -> list[str]:
        standing.service._forget_old(writer)
        return [n.text for n in standing.services.hub.state.notices if n.kind == "keep_months"]

    assert notices() == []
    for _ in range(before_h):
        writer.write(Pending(), to_us(clock.at), 3_600_000_000)
    assert (writer.own_time_us() is None) is (before_h == 0)
    clock.at += timedelta(days=730)
    for _ in range(23):
        writer.write(Pending(), to_us(clock.at), 3_600_000_000)
    (said,) = notices()
    assert "due to be deleted" in said
    assert writer.has_before(to_us(clock.at))
    for _ in range(3):
        writer.write(Pending(), to_us(clock.at), 3_600_000_000)
    assert notices() == []
    assert not writer.has_before(to_us(clock.at))
    writer.close()


def test_deleted_records_take_what_was_learned_with_them(standing: Standing) -> None:
    places = standing.services.factory.places
    places.learned_file.write_text('{"schema":1,"learned":[]}')
    standing.service.delete_records()
    assert not places.learned_file.exists()
