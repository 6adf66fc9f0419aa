"""Windows: layouts of its answers, sums over engines, sizes, the package meter, sleep."""

import struct
import sys
from typing import Any

import pytest

from fakes.fake_nvml_api import GIB, FakeGpu, FakeNvmlApi
from wattlight.probes.numbers import CounterRate, Moment
from wattlight.probes.nvidia.nvml import NOT_SUPPORTED, NvmlProcess, NvmlUse
from wattlight.probes.probe import DeviceCache, Processes
from wattlight.probes.reader import Reader
from wattlight.probes.report import Battery, Memory
from wattlight.probes.windows.adapters import (
    WindowsAdapter,
    adapter_of,
    ids_of,
    power_state_of,
)
from wattlight.probes.windows.gpu import (
    DEDICATED,
    ENGINE,
    SHARED,
    WindowsGpus,
    load_of,
    luid_of,
    no_watts,
    use_of,
    used_of,
)
from wattlight.probes.windows.host import (
    NO_COMMIT,
    battery_of,
    channel_names,
    energy_of,
    memory_of,
    no_meter,
    package_channel,
    package_power,
)

LUID = "luid_0x00000000_0x0000C61D_phys_0"


def test_load_is_summed_over_processes_then_the_busiest_engine() -> None:
    values = [
        (f"pid_1_{LUID}_eng_0_engtype_3D", 30.0),
        (f"pid_2_{LUID}_eng_0_engtype_3D", 28.0),
        (f"pid_2_{LUID}_eng_3_engtype_Compute_0", 60.0),
        ("pid_2_nonsense_eng_1_", 100.0),
        (f"pid_3_{LUID}_eng_0_engtype_3D", -1.0),
    ]
    assert load_of(values) == {"0_c61d": 60.0}, "118 % is not a load"
    assert load_of([(f"pid_1_{LUID}_eng_0_x", 80.0), (f"pid_2_{LUID}_eng_0_x", 80.0)]) == {"0_c61d": 100.0}
    assert luid_of("_Total") is None and used_of([(LUID, 5.0), (LUID, 6.0)]) == {"0_c61d": 11}


def test_use_by_process_is_that_of_its_busiest_engine_that_draws_or_computes() -> None:
    values = [
        (f"pid_7_{LUID}_eng_0_engtype_3D", 55.0),
        (f"pid_7_{LUID}_eng_3_engtype_Compute_0", 20.0),
        (f"pid_7_{LUID}_eng_5_engtype_VideoDecode", 90.0),
        (f"pid_8_{LUID}_eng_4_engtype_Copy", 99.0),
        (f"pid_9_{LUID}_eng_6_engtype_Cuda", 130.0),
        (f"pid_10_{LUID}_eng_0_engtype_3D", 0.2),
        ("pid_11_nonsense_eng_0_engtype_3D", 50.0),
    ]
    assert use_of(values) == {"0_c61d": {7: 55.0, 9: 100.0}}


def memory_status(total: int, free: int, commit: int) -> bytes:
    return struct.pack("<IIQQQQQQQ", 64, 50, total, free, total, commit, 0, 0, 0)


def test_memory_is_the_smaller_of_physical_and_commit() -> None:
    seen = memory_of(memory_status(32 * GIB, 20 * GIB, 40 * GIB))
    assert seen.available_bytes == 20 * GIB and seen.messages == ()
    seen = memory_of(memory_status(32 * GIB, 20 * GIB, 3 * GIB))
    assert seen.available_bytes == 3 * GIB and seen.messages == (NO_COMMIT,)
    assert seen.host_available_bytes == 20 * GIB
    assert memory_of(b"").total_bytes is None and memory_of(memory_status(0, 0, 0)).reason


def battery_state(
    ac: int, present: int, charging: int, discharging: int, rate: int, left: int = 30_000
) -> bytes:
    return struct.pack(
        "<8BIIiIII", ac, present, charging, discharging, 0, 0, 0, 0, 60_000, left, rate, 7200, 0, 0
    )


def test_the_rate_of_the_battery_is_signed() -> None:
    seen = battery_of(battery_state(0, 1, 0, 1, -15_000))
    assert (seen.discharge_w, seen.state, seen.percent, seen.seconds_left) == (15.0, "discharging", 50, 7200)
    seen = battery_of(battery_state(1, 1, 1, 0, 40_000))
    assert (seen.charge_w, seen.discharge_w, seen.on_ac) == (40.0, None, True)
    for rate in (0, -0x80000000):
        seen = battery_of(battery_state(0, 1, 0, 1, rate))
        assert seen.discharge_w is None and seen.reason
    assert battery_of(battery_state(1, 0, 0, 0, 0)) == battery_of(b"") == Battery()


def metadata(*names: str) -> bytes:
    raw = "OEM".encode("utf-16-le").ljust(32, b"\0") + "Model".encode("utf-16-le").ljust(32, b"\0")
    raw += struct.pack("<HH", 1, len(names))
    for name in names:
        text = (name + "\0").encode("utf-16-le")
        raw += struct.pack("<IH", 0, len(text)) + text
    return raw


def test_the_package_is_picked_among_the_channels() -> None:
    names = channel_names(metadata("RAPL_Package0_Core5_CORE", "RAPL_Package0_DRAM", "RAPL_Package0_PKG"))
    assert names == ["RAPL_Package0_Core5_CORE", "RAPL_Package0_DRAM", "RAPL_Package0_PKG"]
    assert package_channel(names) == 2 and package_channel(names[:2]) is None
    assert channel_names(b"") == [] and channel_names(metadata("A")[:70]) == []
    raw = struct.pack("<QQQQ", 1, 2, 77, 4)
    assert energy_of(raw, 1) == 77 and energy_of(raw, 2) is None and energy_of(bytes(16), 0) is None


def test_picowatt_hours_to_watts() -> None:
    rates: dict[str, CounterRate] = {}
    package_power({"RAPL_Package0_PKG": 10**15}, rates, Moment(0))
    cpu = package_power({"RAPL_Package0_PKG": 10**15 + round(45 / 3.6e-9)}, rates, Moment(1))
    assert cpu.package.value == pytest.approx(45.0) and cpu.zones[0].id == "emi:RAPL_Package0_PKG"
    cpu = package_power({"RAPL_Package0_PKG": None}, rates, Moment(2))
    assert cpu.package.value is None and cpu.package.reason == "no reading"
    assert package_power({}, {}, Moment(0)).package.reason == no_meter()


@pytest.mark.parametrize(("state", "meaning"), [(1, 1), (4, 4), (0, None), (9, None)])
def test_power_states(state: int, meaning: int | None) -> None:
    assert power_state_of(struct.pack("<II", 56, state)) == meaning
    assert power_state_of(b"\1\2") is None


def test_an_adapter_out_of_the_kernels_answers() -> None:
    ids = struct.pack("<7I", 0, 0x1002, 0x7550, 0, 0, 0, 0)
    segments = struct.pack("<3Q", 15 * GIB, 0, 16 * GIB)
    address, kind = struct.pack("<III", 3, 0, 0), struct.pack("<I", 0b11)
    seen = adapter_of(
        (0, 0xC61D), kind, address, ids, "Radeon RX 9070", segments, {(0x1002, 0x7550): 16 * GIB}
    )
    assert seen == WindowsAdapter(
        "0_c61d", "Radeon RX 9070", 0x1002, 0x7550, "0000:03:00.0", 16 * GIB, 16 * GIB, False
    )
    software = struct.pack("<I", 0b111)
    assert adapter_of((0, 1), software, address, ids, "Basic Render", segments, {}) is None
    assert adapter_of((0, 1), b"", b"", b"", "", b"", {}) is None
    shared = adapter_of((0, 1), kind, address, ids, "iGPU", struct.pack("<3Q", 128 << 20, 0, GIB), {})
    assert shared is not None and shared.integrated
    assert ids_of(r"PCI\VEN_10DE&DEV_2684&SUBSYS_1") == (0x10DE, 0x2684) and ids_of("ROOT") is None


class Counted:
    """Performance counters of two adapters."""

    def __init__(self) -> None:
        self.collected = 0

    def collect(self) -> None:
        self.collected += 1

    def values(self, path: str, whole: bool) -> list[tuple[str, float]]:
        listed: dict[str, list[tuple[str, float]]] = {
            ENGINE: [(f"pid_4_{LUID}_eng_0_engtype_3D", 42.0)],
            DEDICATED: [(LUID, 2.0 * GIB)],
            SHARED: [],
        }
        return listed[path]


class Asleep:
    """Devices that sleep, by vendor."""

    def __init__(self) -> None:
        self.vendors: set[int] = set()

    def asleep(self, vendor_id: int, device_id: int) -> bool:
        return vendor_id in self.vendors


MEMORY = Memory(total_bytes=32 * GIB, available_bytes=16 * GIB, llm_available_bytes=14 * GIB)
CARD = WindowsAdapter(
    "0_1", "NVIDIA GeForce RTX 4060 Laptop GPU", 0x10DE, 0x28E0, "0000:01:00.0", 8 * GIB, GIB, False
)
CHIP = WindowsAdapter("0_c61d", "AMD Radeon 780M", 0x1002, 0x15BF, "0000:65:00.0", 512 << 20, 16 * GIB, True)


def gpus(*adapters: WindowsAdapter, api: FakeNvmlApi, states: Asleep, counters: Any) -> WindowsGpus:
    return WindowsGpus(list(adapters), counters, states, api, Processes(Reader()), DeviceCache())


def test_a_hybrid_laptop_awake_asleep_and_let_go() -> None:
    api, states, counters = FakeNvmlApi(FakeGpu()), Asleep(), Counted()
    part = gpus(CARD, CHIP, api=api, states=states, counters=counters)
    card, chip = part.look(Moment(0), MEMORY)
    assert card.power_w == 50.0 and card.id == "pci:0000:01:00.0"
    assert [(p.pid, p.busy_percent) for p in chip.processes] == [(4, 42.0)]
    assert chip.load.value == 42.0 and chip.power.reason == no_watts() and chip.memory.llm_total_bytes is None
    states.vendors.add(0x10DE)
    calls, collected = len(api.calls), counters.collected
    card, chip = part.look(Moment(1), MEMORY)
    assert card.state == "asleep" and card.memory.dedicated_total_bytes == 24 * GIB and card.memory.cached
    assert api.opened == 0 and counters.collected == collected
    assert api.calls[calls:] == ["shutdown"]
    states.vendors.clear()
    for second in range(2, 60):
        card, _ = part.look(Moment(second), MEMORY)
    assert card.power_w is None and "let go" in (card.power.reason or "") and api.opened == 0
    part.engine_started()
    assert part.look(Moment(61), MEMORY)[0].power_w == 50.0
    part.close()


def test_where_the_driver_tells_no_use_by_process_the_counters_do() -> None:
    class Playing(Counted):
        def values(self, path: str, whole: bool) -> list[tuple[str, float]]:
            card = LUID.replace("C61D", "1")
            return [(f"pid_77_{card}_eng_0_engtype_3D", 91.0)] if path == ENGINE else []

    gpu = FakeGpu(processes=[NvmlProcess(9, 6 << 30), NvmlProcess(77, None)])
    gpu.faults["process_use"] = NOT_SUPPORTED
    part = gpus(CARD, api=FakeNvmlApi(gpu), states=Asleep(), counters=Playing())
    (card,) = part.look(Moment(0), MEMORY)
    use = {p.pid: (p.memory_bytes, p.busy_percent) for p in card.processes}
    assert use == {9: (6 << 30, 0.0), 77: (None, 91.0)}
    del gpu.faults["process_use"]
    gpu.process_use = [NvmlUse(77, 60, 1)]
    (card,) = part.look(Moment(61), MEMORY)
    assert {p.pid: p.busy_percent for p in card.processes} == {9: 0.0, 77: 60.0}, "the driver knows better"
    part.close()


def test_a_card_without_a_driver_library_still_has_load_and_memory() -> None:
    api = FakeNvmlApi()
    api.init_fault = 12
    card = WindowsAdapter("0_c61d", "NVIDIA T400", 0x10DE, 0x1FB2, "0000:01:00.0", 4 * GIB, GIB, False)
    (row,) = gpus(card, api=api, states=Asleep(), counters=Counted()).look(Moment(0), MEMORY)
    assert row.power_w is None and row.load.value == 42.0
    assert row.memory.dedicated_used_bytes == 2 * GIB and row.memory.llm_available_bytes == 2 * GIB


@pytest.mark.skipif(sys.platform == "win32", reason="there everything may be there")
def test_elsewhere_every_source_is_absent_and_nothing_raises() -> None:
    from wattlight.probes.prober import Prober
    from wattlight.probes.windows.host import WindowsHost

    prober = Prober(WindowsHost(Reader(), DeviceCache(), FakeNvmlApi))
    report = prober.report()
    assert (
        report.accelerators == () and report.memory.reason and report.cpu_power.package.reason == no_meter()
    )
    assert prober.sample().memory is None
    prober.close()
