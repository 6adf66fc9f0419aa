"""The whole meter wired, two of them on one ledger, and the knowledge of resident models."""

import shutil
import sqlite3
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.metering import QWEN, Machine
from fakes.systems import needs_removing_open_files
from unit.services.metering.test_sampler import HandBeat
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.tariff import Tariff, TariffProblem, flat_tariff
from wattlight.services.metering import MeterView, Recording, ResidentWatch, Wiring, running_of
from wattlight.store import MeterLock, open_reader

TARIFF = flat_tariff("0.36", "EUR", "Europe/Berlin")


class Stage:
    """One process: a machine, a beat moved by hand, the recording."""

    def __init__(self, folder: Path, machine: Machine, tariff: Tariff | None = TARIFF) -> None:
        self.views: list[MeterView] = []
        self.said: list[str] = []
        self.beat = HandBeat()
        self.machine = machine
        self.file = folder / "ledger.sqlite3"
        self.tariff = tariff

        def price() -> Tariff | None:
            if self.tariff is None:
                raise TariffProblem("The tariff file is gone.", "Choose another.")
            return self.tariff

        wiring = Wiring(
            self.file,
            folder / "meter.lock",
            machine.look,
            lambda: (),
            price,
            machine.clock.now,
            ZoneInfo("Europe/Berlin"),
        )
        self.recording = Recording(
            wiring, self.views.append, lambda kind, _text: self.said.append(kind), self.beat
        )

    def begin(self) -> None:
        """Record for twenty seconds."""
        assert self.recording.start()
        assert self.beat.waiting.acquire(timeout=10)
        self.run(20)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.machine.run(1)
            self.beat.step()

    @property
    def today_mj(self) -> int:
        today = self.views[-1].today
        assert today is not None
        return today.energy_mj


def energy(file: Path) -> int:
    with open_reader(file) as reader:
        return sum(b.energy_mj for b in reader.buckets(0, 2**60))


def test_one_records_the_other_reads_and_takes_over(tmp_path: Path) -> None:
    machine = Machine()
    one, two = Stage(tmp_path, machine), Stage(tmp_path, machine)
    assert one.recording.start()
    assert one.beat.waiting.acquire(timeout=10)
    one.run(30)
    assert not two.recording.start()
    assert two.beat.waiting.acquire(timeout=10)
    assert two.recording.holder() is not None
    assert one.recording.recorder is not None
    one.recording.recorder.flush()
    two.run(11)
    assert not two.recording.recording
    assert two.today_mj == energy(tmp_path / "ledger.sqlite3") == 30 * 20_000
    assert one.recording.stop()
    two.run(11)
    assert two.recording.recording
    two.run(5)
    assert two.recording.stop()
    # the counter went on through all of it
    assert energy(tmp_path / "ledger.sqlite3") == 57 * 20_000


def test_with_must_record_nothing_starts_where_another_records(tmp_path: Path) -> None:
    one, two = Stage(tmp_path, Machine()), Stage(tmp_path, Machine())
    assert one.recording.start(must_record=True)
    assert not two.recording.start(must_record=True)
    assert two.recording.stop()
    assert one.recording.stop()


def test_a_new_price_reprices_the_day_and_a_bad_one_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Machine(power_w=3600.0))
    stage.machine.power_w = 300.0
    stage.begin()
    view = stage.recording.meter.view()
    assert view.today is not None
    assert (view.today.energy_mj, view.today.cost_micro) == (6_000_000, 600)
    stage.tariff = flat_tariff("0.72", "EUR", "Europe/Berlin")
    stage.recording.reload()
    view = stage.recording.meter.view()
    assert view.today is not None
    assert (view.today.energy_mj, view.today.cost_micro) == (6_000_000, 1200)
    stage.tariff = None
    stage.recording.reload()
    view = stage.recording.meter.view()
    assert view.today is not None
    assert (view.today.energy_mj, view.today.cost_micro) == (6_000_000, None)
    assert stage.said == ["tariff"]
    assert stage.recording.stop()


def test_what_the_servers_state_says_about_resident_models() -> None:
    url = "http://127.0.0.1:1"
    assert running_of(None) is None
    assert running_of(ServerState(url, ServerStatus.READY, running=(QWEN,))) == (QWEN,)
    assert running_of(ServerState(url, ServerStatus.ABSENT, running=(QWEN,))) == ()
    for unknown in (ServerStatus.SILENT, ServerStatus.FOREIGN, ServerStatus.ERROR, ServerStatus.UNKNOWN):
        assert running_of(ServerState(url, unknown, running=(QWEN,))) is None


def test_the_watch_asks_now_and_then_and_survives_an_error() -> None:
    beat = HandBeat()
    asked: list[ServerState | None] = []

    def ask(before: ServerState | None) -> ServerState:
        asked.append(before)
        if len(asked) == 2:
            raise RuntimeError("no")
        return ServerState("u", ServerStatus.READY, running=(QWEN,))

    watch = ResidentWatch(ask, 15.0, beat)
    assert watch.running() is None
    watch.start()
    assert watch.running() == (QWEN,)
    assert beat.waiting.acquire(timeout=10)
    beat.step()
    assert watch.running() is None
    beat.step()
    assert watch.running() == (QWEN,)
    assert watch.stop()
    assert set(beat.waits) == {15.0}


def test_the_lock_stays_while_the_recorder_may_still_write(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Machine())
    assert stage.recording.start()
    recorder = stage.recording.recorder
    assert recorder is not None
    end, recorder.stop = recorder.stop, lambda timeout_s=1.0: False  # type: ignore[method-assign]
    assert not stage.recording.stop()
    assert MeterLock(tmp_path / "meter.lock").acquire() is False
    recorder.stop = end  # type: ignore[method-assign]
    assert stage.recording.stop()
    other = MeterLock(tmp_path / "meter.lock")
    assert other.acquire()
    other.release()


def recorded(folder: Path, seconds: int = 20) -> None:
    stage = Stage(folder, Machine())
    assert stage.recording.start()
    assert stage.beat.waiting.acquire(timeout=10)
    stage.run(seconds)
    assert stage.recording.stop()


def bad_state(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("UPDATE minute SET state = 9")
    connection.close()


def bad_counters(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'counter'").fetchone()
    connection.close()
    with file.open("r+b") as stream:
        stream.seek((page - 1) * 4096)
        stream.write(b"\xa5" * 4096)


def bad_minutes(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'minute'").fetchone()
    connection.close()
    with file.open("r+b") as stream:
        stream.seek((page - 1) * 4096)
        stream.write(b"\xa5" * 4096)


@pytest.mark.parametrize("damage", [bad_state, bad_counters, bad_minutes])
def test_a_ledger_damaged_after_an_orderly_end_is_moved_aside_and_metering_begins(
    tmp_path: Path, damage: object
) -> None:
    recorded(tmp_path)
    file = tmp_path / "ledger.sqlite3"
    damage(file)  # type: ignore[operator]
    before = file.read_bytes()
    stage = Stage(tmp_path, Machine())
    assert stage.recording.start()
    assert stage.beat.waiting.acquire(timeout=10)
    stage.run(10)
    assert stage.recording.recording
    assert stage.today_mj == 10 * 20_000
    assert stage.recording.stop()
    assert "ledger" in stage.said
    assert energy(file) == 10 * 20_000
    (aside,) = [p for p in tmp_path.glob("*.corrupt-*") if p.name[-4:] not in {"-wal", "-shm"}]
    assert len(aside.read_bytes()) == len(before)


@needs_removing_open_files
def test_a_lock_that_is_removed_never_makes_two_meters(tmp_path: Path) -> None:
    machine = Machine()
    one, two = Stage(tmp_path, machine), Stage(tmp_path, machine)
    assert one.recording.start()
    assert one.beat.waiting.acquire(timeout=10)
    one.run(20)
    (tmp_path / "meter.lock").unlink()
    assert two.recording.start()
    assert two.beat.waiting.acquire(timeout=10)
    one.run(1)
    assert not one.recording.recording
    assert two.recording.recording
    assert "ledger" in one.said
    two.run(20)
    assert two.recording.stop()
    assert one.recording.stop()
    assert energy(tmp_path / "ledger.sqlite3") <= 41 * 20_000


@needs_removing_open_files
def test_a_lock_that_is_removed_is_made_again_where_nobody_else_records(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Machine())
    stage.begin()
    (tmp_path / "meter.lock").unlink()
    stage.run(20)
    assert stage.recording.recording
    assert (tmp_path / "meter.lock").exists()
    assert MeterLock(tmp_path / "meter.lock").acquire() is False
    assert stage.recording.stop()
    assert energy(tmp_path / "ledger.sqlite3") == 40 * 20_000


@needs_removing_open_files
def test_the_whole_folder_is_removed_and_recording_goes_on_in_a_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    stage = Stage(folder, Machine())
    stage.begin()
    assert stage.recording.recorder is not None
    assert stage.recording.recorder.flush()
    shutil.rmtree(folder)
    stage.run(20)
    assert stage.recording.recording
    assert stage.recording.stop()
    assert energy(folder / "ledger.sqlite3") in {19 * 20_000, 20 * 20_000}  # less the beat of the removal
    assert "ledger" in stage.said


@needs_removing_open_files
@pytest.mark.parametrize("happens", ["ledger", "log"])
def test_after_the_file_was_taken_away_the_sums_are_those_on_disk(tmp_path: Path, happens: str) -> None:
    stage = Stage(tmp_path, Machine())
    stage.begin()
    recorder = stage.recording.recorder
    assert recorder is not None and recorder.flush()
    (tmp_path / ("ledger.sqlite3" if happens == "ledger" else "ledger.sqlite3-wal")).unlink()
    deadline = time.monotonic() + 20
    while "ledger" not in stage.said or stage.today_mj != energy(stage.file):
        assert time.monotonic() < deadline
        stage.run(1)
        recorder.flush()
    assert stage.recording.stop()
    kept = stage.recording.kept().today
    assert kept is not None
    assert kept.energy_mj == energy(stage.file)


@needs_removing_open_files
@pytest.mark.parametrize("there", ["no folder", "no ledger that can be read"])
def test_what_is_told_after_the_end_is_what_is_on_disk(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    stage = Stage(folder, Machine())
    stage.begin()
    assert stage.today_mj == 20 * 20_000
    shutil.rmtree(folder)
    folder.write_text("in the way")
    assert stage.recording.stop()
    if there != "no folder":
        folder.unlink()
        folder.mkdir()
        stage.file.write_bytes(b"no ledger" * 1000)
    kept = stage.recording.kept().today
    assert kept is None or kept.energy_mj == 0


def test_where_no_lock_could_be_made_it_is_taken_as_soon_as_it_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("in the way")
    machine = Machine()
    one, two = Stage(folder, machine), Stage(folder, machine)
    for stage in (one, two):
        assert stage.recording.start()
        assert stage.beat.waiting.acquire(timeout=10)
    folder.unlink()
    one.run(2)
    assert MeterLock(folder / "meter.lock").acquire() is False
    two.run(2)
    assert one.recording.recording and not two.recording.recording
    assert one.recording.stop() and two.recording.stop()
    assert energy(one.file) <= 4 * 20_000
