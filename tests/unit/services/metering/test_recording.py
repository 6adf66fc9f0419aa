"""The whole meter wired, two of them on one ledger, and the knowledge of resident models."""

from pathlib import Path
from zoneinfo import ZoneInfo

from fakes.metering import QWEN, Machine
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
    assert stage.recording.start()
    assert stage.beat.waiting.acquire(timeout=10)
    stage.run(20)
    view = stage.recording.meter.view()
    assert view.today is not None
    assert (view.today.energy_mj, view.today.cost_micro) == (6_000_000, 600)
    stage.tariff = flat_tariff("0.72", "EUR", "Europe/Berlin")
    stage.recording.reprice()
    view = stage.recording.meter.view()
    assert view.today is not None
    assert (view.today.energy_mj, view.today.cost_micro) == (6_000_000, 1200)
    stage.tariff = None
    stage.recording.reprice()
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
