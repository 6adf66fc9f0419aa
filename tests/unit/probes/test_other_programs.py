"""A game beside a loaded model: from what the drivers say of each process to whom the ledger bills."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.probe_clock import ProbeClock as Clock
from wattlight.cli.doctor_hardware import hardware_findings
from wattlight.domain.power import MachineSample
from wattlight.domain.state import EnergyAccess, RunningModel
from wattlight.probes.nvidia.nvml import NOT_SUPPORTED, NvmlProcess, NvmlUse
from wattlight.services.metering import LiveMeter, MeterView, Recorder
from wattlight.store import LedgerFile, open_reader

Make = Callable[..., Any]
SLOT = "0000:03:00.0"
MODEL = RunningModel("qwen3:8b", "sha256:qwen", 6 << 30, 6 << 30)
IDLE_W, PARKED_W, GAME_W = 20, 25, 300


class Metered:
    """A meter with a real ledger, fed with a prober's samples."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.running: tuple[RunningModel, ...] = ()
        self._file = folder / "ledger.sqlite3"
        self._clock = clock
        self._recorder = Recorder(LedgerFile(self._file, clock.now), clock.now)
        self._recorder.open()
        self.views: list[MeterView] = []
        self._meter = LiveMeter(
            self._recorder.accept, lambda: self.running, lambda: None, clock.now, self.views.append
        )
        self._meter.expect(5)

    def take(self, sample: MachineSample) -> None:
        self._meter.take(sample)

    def booked(self) -> dict[tuple[str | None, str], int]:
        """mJ by model and state so far, as the ledger has it."""
        self._recorder.commit()
        sums: dict[tuple[str | None, str], int] = {}
        with open_reader(self._file) as reader:
            for bucket in reader.buckets(0, 1 << 62):
                key = (bucket.model, bucket.state.value)
                sums[key] = sums.get(key, 0) + bucket.energy_mj
        return sums

    def end(self) -> dict[tuple[str | None, str], int]:
        """The same, with what waited."""
        self._meter.finish()
        sums = self.booked()
        self._recorder.stop()
        return sums


Step = Callable[[int, bool], MachineSample]
"""(watts, whether the game plays) for five seconds, then a look."""


def container(make_tree: Make, open_tree: Make, clock: Clock) -> Step:
    """The driver tells process ids of another table: no name is known, only what each holds."""
    return nvidia(make_tree, open_tree, clock, {".dockerenv": "", "proc/77/comm": "ollama"})


def nvidia(make_tree: Make, open_tree: Make, clock: Clock, comm: dict[str, str] | None = None) -> Step:
    device = trees.pci(SLOT, "0x10de", "0x2684", driver="nvidia", control="on")
    comm = comm or {"proc/9/comm": "ollama", "proc/77/comm": "Cyberpunk2077.e"}
    gpu = FakeGpu(slot=SLOT, processes=[NvmlProcess(9, 6 << 30), NvmlProcess(77, 2 << 30, compute=False)])
    prober = open_tree(make_tree({**trees.card(0, 128, device, SLOT), **comm}), nvml=lambda: FakeNvmlApi(gpu))
    at = iter(range(1, 1 << 30))

    def step(watts: int, plays: bool) -> MachineSample:
        clock.step(5)
        gpu.power_mw = watts * 1000
        gpu.energy_mj += watts * 5000
        gpu.process_use = [NvmlUse(77, 90, next(at)), NvmlUse(77, 94, next(at))] if plays else []
        return prober.sample()

    return step


def drm(driver: str) -> Callable[[Make, Make, Clock], Step]:
    """amdgpu and i915 tell nanoseconds of an engine, xe its cycles."""
    vendor, model = {"amdgpu": ("0x1002", "0x744c")}.get(driver, ("0x8086", "0xe20b"))
    engine = {"amdgpu": "gfx", "i915": "render", "xe": "rcs"}[driver]

    def info(client: int, busy: float, seconds: float) -> str:
        head = f"drm-driver:\t{driver}\ndrm-client-id:\t{client}\ndrm-pdev:\t{SLOT}\n"
        memory = "drm-memory-vram:\t1048576 KiB\n" if driver == "amdgpu" else "drm-resident-local0:\t1 GiB\n"
        if driver == "xe":
            memory = "drm-resident-vram0:\t1 GiB\n"
            use = f"drm-cycles-rcs:\t{round(busy * 19e6)}\ndrm-total-cycles-rcs:\t{round(seconds * 19e6)}\n"
        else:
            use = f"drm-engine-{engine}:\t{round(busy * 1e9)} ns\n"
        return head + memory + use

    def make(make_tree: Make, open_tree: Make, clock: Clock) -> Step:
        device = trees.pci(SLOT, vendor, model, driver=driver)
        hwmon = f"hwmon/hwmon3/{'energy1_input' if vendor == '0x8086' else 'power1_average'}"
        device |= {"hwmon/hwmon3/name": driver, hwmon: 20_000_000, "mem_info_vram_total": 16 << 30}
        root: Path = make_tree({**trees.card(0, 128, device, SLOT)})
        prober = open_tree(root)
        energy_uj, busy, seconds = 20_000_000, 0.0, 100.0

        def step(watts: int, plays: bool) -> MachineSample:
            nonlocal energy_uj, busy, seconds
            clock.step(5)
            seconds += 5
            energy_uj += watts * 5_000_000
            busy += 4.6 if plays else 0.0
            power = energy_uj if vendor == "0x8086" else watts * 1_000_000
            (root / f"sys/bus/pci/devices/{SLOT}/{hwmon}").write_text(f"{power}\n")  # it stays open
            make_tree(
                {
                    "proc/9/comm": "llama-server",
                    "proc/9/fdinfo/5": info(11, 3.0, seconds),
                    "proc/77/comm": "hl2_linux",
                    "proc/77/fdinfo/8": info(12, busy, seconds),
                    "proc/77/fdinfo/9": info(12, busy, seconds),
                },
                (),
                root,
            )
            return prober.sample()

        return step

    return make


def graphics_of_a_processor(discharging: bool) -> Callable[[Make, Make, Clock], Step]:
    """Graphics without a sensor of their own: the package, or the discharging battery, draws for them."""

    def make(make_tree: Make, open_tree: Make, clock: Clock) -> Step:
        slot, zone, supply = "0000:00:02.0", "sys/class/powercap/intel-rapl:0", "sys/class/power_supply/BAT0"
        device = trees.pci(slot, "0x8086", "0x64a0", driver="i915")
        package = {"name": "package-0", "energy_uj": 1_000_000, "max_energy_range_uj": 1 << 38, "enabled": 1}
        laptop = {"type": "Battery", "present": 1, "status": "Discharging", "power_now": 20_000_000}
        root: Path = make_tree({**trees.card(0, 128, device, slot)})
        if discharging:
            make_tree({f"{supply}/{key}": value for key, value in laptop.items()}, (), root)
        else:
            make_tree({f"{zone}/{key}": value for key, value in package.items()}, (), root)
        prober = open_tree(root)
        busy, counter = 0.0, 1_000_000

        def step(watts: int, plays: bool) -> MachineSample:
            nonlocal busy, counter
            clock.step(5)
            busy += 4.6 if plays else 0.0
            counter += watts * 5_000_000
            if discharging:
                (root / supply / "power_now").write_text(f"{watts * 1_000_000}\n")
            else:
                (root / zone / "energy_uj").write_text(f"{counter}\n")
            info = f"drm-driver:\ti915\ndrm-client-id:\t12\ndrm-pdev:\t{slot}\n"
            info += f"drm-engine-render:\t{round(busy * 1e9)} ns\n"
            make_tree({"proc/9/comm": "ollama", "proc/77/comm": "doom", "proc/77/fdinfo/8": info}, (), root)
            return prober.sample()

        return step

    return make


class Processor:
    """A computer without a GPU: its package's counter, and the ticks of all processors and of the server."""

    def __init__(self, make_tree: Make, open_tree: Make, clock: Clock) -> None:
        self._make, self._clock = make_tree, clock
        self._zone = "sys/class/powercap/intel-rapl:0"
        package = {"name": "package-0", "energy_uj": 1_000_000, "max_energy_range_uj": 1 << 38, "enabled": 1}
        self.root: Path = make_tree({f"{self._zone}/{key}": value for key, value in package.items()})
        make_tree({"proc/9/comm": "llama-server", "proc/77/comm": "bash"}, (), self.root)
        self._energy_uj, self.ticks = 1_000_000, {"9": 5000, "77": 90}
        self._all = self._busy = 100_000
        self._write()
        self.prober = open_tree(self.root)

    def _write(self) -> None:
        self.root.joinpath("proc/stat").write_text(
            f"cpu  {self._busy} 0 0 {self._all - self._busy} 0 0 0 0 0 0\ncpu0 1 0 0 1\n"
        )
        (self.root / self._zone / "energy_uj").write_text(f"{self._energy_uj}\n")
        for pid, ticks in self.ticks.items():
            fields = f"{pid} (a (b) c) S 1 {pid} {pid} 0 -1 4194560 9 9 0 0 {ticks - 7} 7 0 0 20 0 1 0 5 1 1"
            self._make({f"proc/{pid}/stat": fields}, (), self.root)

    def step(self, watts: int, server: float, others: float) -> MachineSample:
        """Five seconds of 16 processors, so many of which the server and other programs kept at work."""
        self._clock.step(5)
        self._energy_uj += watts * 5_000_000
        self._all += 16 * 500
        self._busy += round((server + others) * 500)
        self.ticks["9"] += round(server * 500)
        self._write()
        return self.prober.sample()


def processor(make_tree: Make, open_tree: Make, clock: Clock) -> Step:
    """A compiler on three of 16 processors beside a model that waits."""
    machine = Processor(make_tree, open_tree, clock)
    return lambda watts, plays: machine.step(watts, 0.02, 3.0 if plays else 0.2)


MACHINES = {"nvidia": nvidia, "container": container, "processor": processor} | {
    name: drm(name) for name in ("amdgpu", "i915", "xe")
}
MACHINES |= {"package": graphics_of_a_processor(False), "battery": graphics_of_a_processor(True)}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_games_energy_is_no_models(
    machine: Callable[[Make, Make, Clock], Step],
    make_tree: Make,
    open_tree: Make,
    clock: Clock,
    tmp_path: Path,
) -> None:
    step = machine(make_tree, open_tree, clock)
    metered = Metered(tmp_path, clock)
    for _ in range(30):
        metered.take(step(IDLE_W, False))
    metered.running = (MODEL,)
    for _ in range(30):
        metered.take(step(PARKED_W, False))
    before = metered.booked()
    assert before["qwen3:8b", "parked"] > 20 * 5 * (PARKED_W - IDLE_W) * 1000, "the idle level is known"
    for _ in range(60):
        metered.take(step(GAME_W, True))
    sums = metered.end()
    model = {state: sums.get(("qwen3:8b", state), 0) for state in ("parked", "active")}
    assert model == {state: before.get(("qwen3:8b", state), 0) for state in ("parked", "active")}
    played_mj = sums[None, "mixed"]
    gauge_edge_mj = (GAME_W - PARKED_W) * 2500  # a gauge's first interval climbs from 25 to 300 W
    assert played_mj in {60 * 5 * GAME_W * 1000, 60 * 5 * GAME_W * 1000 - gauge_edge_mj}


@pytest.mark.parametrize(
    ("server", "others", "share"),
    [(8.0, 0.4, 0.0), (8.0, 1.0, 100 / 9), (8.0, 4.0, 100 / 3), (0.0, 0.45, 0.0), (0.0, 0.55, 100.0)],
)
def test_the_share_of_the_processors_work_that_is_no_servers(
    make_tree: Make, open_tree: Make, clock: Clock, server: float, others: float, share: float
) -> None:
    machine = Processor(make_tree, open_tree, clock)
    told = []
    for _ in range(3):
        (package,) = machine.step(40, server, others).devices
        told.append(package.others_percent)
    assert told == [None, None, pytest.approx(share)] or told == [None, *[pytest.approx(share)] * 2]


def test_a_server_that_has_just_begun_is_no_other_program(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    machine = Processor(make_tree, open_tree, clock)
    for _ in range(2):
        machine.step(40, 0.1, 0.0)
    for name in ("bash", "ollama"):  # it forks before it becomes the runner
        make_tree({"proc/78/comm": name}, (), machine.root)
        machine.ticks["78"] = machine.ticks.get("78", 0) + 4000
        (package,) = machine.step(90, 0.1, 8.0).devices
    assert package.others_percent is None
    machine.ticks["78"] += 4000
    (package,) = machine.step(90, 0.1, 8.0).devices
    assert package.others_percent == 0.0


def test_without_a_server_no_work_is_looked_at(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    machine = Processor(make_tree, open_tree, clock)
    make_tree({"proc/9/comm": "blender"}, (), machine.root)
    opened: list[str] = []
    prober = open_tree(machine.root, trace=opened.append)
    for _ in range(3):
        clock.step(5)
        (package,) = prober.sample().devices
        assert package.others_percent is None
    assert not [line for line in opened if line.endswith("/stat")]
    assert len([line for line in opened if line.endswith("/comm")]) == 2


def test_where_use_by_process_is_unknown_nothing_is_claimed(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    device = trees.pci(SLOT, "0x10de", "0x2684", driver="nvidia", control="on")
    gpu = FakeGpu(slot=SLOT, processes=[NvmlProcess(77, 3 << 30)], faults={"process_use": NOT_SUPPORTED})
    root = make_tree({**trees.card(0, 128, device, SLOT), "proc/77/comm": "game"})
    prober = open_tree(root, nvml=lambda: FakeNvmlApi(gpu))
    (process,) = prober.sample().devices[0].processes
    assert (process.name, process.busy_percent, process.is_server) == ("game", None, False)
    (row,) = prober.latest().accelerators
    assert row.processes_reason == "the driver does not report use by process for this GPU"
    (said,) = [
        finding.text
        for finding in hardware_findings(prober.latest(), EnergyAccess())
        if finding.code == "gpu_use"
    ]
    assert "not report use by process" in said and "booked to a loaded model" in said


def test_what_other_users_do_is_said_to_be_hidden(make_tree: Make, open_tree: Make) -> None:
    device = trees.pci(SLOT, "0x1002", "0x744c", driver="amdgpu") | {"mem_info_vram_total": 16 << 30}
    (row,) = open_tree(make_tree(trees.card(0, 128, device, SLOT))).report().accelerators
    assert row.processes_reason == "what other users' programs do on this GPU cannot be seen"


def test_a_program_that_only_copies_and_decodes_is_not_heavy(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    device = trees.pci(SLOT, "0x1002", "0x744c", driver="amdgpu") | {"mem_info_vram_total": 16 << 30}
    root = make_tree(trees.card(0, 128, device, SLOT))
    prober = open_tree(root)
    for busy_s in (10, 14):
        info = f"drm-driver:\tamdgpu\ndrm-client-id:\t3\ndrm-pdev:\t{SLOT}\ndrm-memory-vram:\t1024 KiB\n"
        info += f"drm-engine-gfx:\t{busy_s * 10**7} ns\ndrm-engine-dec:\t{busy_s * 10**9} ns\n"
        make_tree({"proc/5/comm": "mpv", "proc/5/fdinfo/4": info}, (), root)
        clock.step(5)
        sample = prober.sample()
    (process,) = next(d for d in sample.devices if d.kind == "gpu").processes
    assert process.busy_percent == pytest.approx(0.8)


def test_a_program_that_opens_the_gpu_only_after_a_while_is_found(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    device = trees.pci(SLOT, "0x1002", "0x744c", driver="amdgpu") | {"mem_info_vram_total": 16 << 30}
    root = make_tree({**trees.card(0, 128, device, SLOT), "proc/9/comm": "ollama"})
    prober = open_tree(root)
    prober.sample()
    clock.step(5)
    make_tree({"proc/77/comm": "game", "proc/77/fdinfo/0": "pos:\t0\n"}, (), root)
    prober.sample()
    for busy_s in (0, 4):
        info = f"drm-driver:\tamdgpu\ndrm-client-id:\t3\ndrm-pdev:\t{SLOT}\n"
        make_tree({"proc/77/fdinfo/4": f"{info}drm-engine-gfx:\t{busy_s * 10**9} ns\n"}, (), root)
        clock.step(5)
        sample = prober.sample()
    (process,) = next(d for d in sample.devices if d.kind == "gpu").processes
    assert (process.name, process.busy_percent) == ("game", pytest.approx(80.0))


def test_a_counter_that_disagrees_with_its_gauge_is_told_once_by_the_meter(
    make_tree: Make, open_tree: Make, clock: Clock, tmp_path: Path
) -> None:
    device = trees.pci(SLOT, "0x10de", "0x2684", driver="nvidia", control="on")
    gpu = FakeGpu(slot=SLOT, power_mw=100_000, utilization=50)
    prober = open_tree(make_tree(trees.card(0, 128, device, SLOT)), nvml=lambda: FakeNvmlApi(gpu))
    metered = Metered(tmp_path, clock)
    for _ in range(300):
        metered.take(prober.sample())
        gpu.energy_mj += 57_000
        clock.step(1)
    told = [view.distrusted for view in metered.views]
    assert told[100] == () and told[-1] == (f"pci:{SLOT}",)
    sums = metered.end()
    assert sum(sums.values()) > 200 * 57_000 + 60 * 100_000 * 0.9, "the gauge goes on where the counter ends"
