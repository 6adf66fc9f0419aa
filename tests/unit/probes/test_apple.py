"""Apple's chip: units of channels, dies, windows, the controller's float, the battery's registry entry."""

import struct
import sys
from typing import Any

import pytest

from wattlight.domain.power import compose
from wattlight.probes.apple.chip import NO_COUNTERS, WINDOW_S, AppleEnergy, AppleGpu, chip_power
from wattlight.probes.apple.energy import Channel, chip_energy
from wattlight.probes.apple.foundation import estimated_working_set, working_set_bytes
from wattlight.probes.apple.registry import battery_of, float_of, request, system_input_w
from wattlight.probes.numbers import Moment
from wattlight.probes.report import Battery, Memory
from wattlight.probes.samples import device_samples

GIB = 1 << 30


def test_units_are_read_per_channel() -> None:
    seen = chip_energy(
        [
            Channel("CPU Energy", "mJ", 4606),
            Channel("GPU Energy", "nJ ", 2_500_000_000),
            Channel("DRAM", "uJ", 700_000),
        ]
    )
    assert (seen.cpu_j, seen.gpu_j, seen.dram_j, seen.ane_j) == (4.606, 2.5, 0.7, None)


def test_an_ultra_sums_its_dies() -> None:
    seen = chip_energy(
        [
            Channel("DIE_0_CPU Energy", "mJ", 1000), Channel("DIE_1_CPU Energy", "mJ", 500),
            Channel("ANE0_0", "mJ", 1), Channel("ANE0_1", "mJ", 2),
            Channel("DRAM0_0", "mJ", 3), Channel("DRAM0_1", "mJ", 4),
        ]
    )  # fmt: skip
    assert (seen.cpu_j, seen.ane_j, seen.dram_j) == (1.5, 0.003, 0.007)


def test_families_are_not_mixed_and_silence_is_unknown() -> None:
    seen = chip_energy(
        [
            Channel("GPU0_0", "mJ", 99),
            Channel("GPU SRAM0_0", "mJ", 99),
            Channel("ECPU0", "mJ", 99),
            Channel("CPU Energy", "mJ", 0),
        ]
    )
    assert seen.gpu_j is None and seen.cpu_j is None
    assert chip_energy([Channel("GPU Energy", "furlong", 5)]).gpu_j is None
    assert chip_energy([Channel("GPU Energy", "nJ", -5)]).gpu_j is None
    assert chip_energy([]).cpu_j is None


class Fake:
    """The bindings of a Mac."""

    def __init__(self) -> None:
        self.counts = [Channel("CPU Energy", "mJ", 22_000), Channel("GPU Energy", "nJ", 66_000_000_000)]
        self.asked = 0
        self.whole: float | None = 75.7
        self.values: dict[str, Any] = {
            "PerformanceStatistics": {"Device Utilization %": 80, "In use system memory": 5 * GIB}
        }

    def changes(self) -> list[Channel]:
        self.asked += 1
        return self.counts if self.asked > 1 else []

    def watts(self, key: str = "PSTR") -> float | None:
        return self.whole

    def properties(self, class_name: str, keys: tuple[str, ...]) -> dict[str, Any]:
        return self.values


MEMORY = Memory(total_bytes=64 * GIB, available_bytes=40 * GIB, llm_available_bytes=36 * GIB)


def test_a_window_is_never_shorter_than_the_counters_beat() -> None:
    fake = Fake()
    energy = AppleEnergy(fake)
    assert energy.look(Moment(0)).gpu_w is None
    for tenth in range(1, 22):
        energy.look(Moment(tenth / 10))
    assert fake.asked == 1
    power = energy.look(Moment(WINDOW_S))
    assert fake.asked == 2
    assert (power.cpu_w, power.gpu_w) == (pytest.approx(10.0), pytest.approx(30.0))
    assert power.gpu_j == 66.0
    assert energy.look(Moment(WINDOW_S + 1)) is power, "between windows the last answer stands"


def test_sleep_voids_the_window() -> None:
    energy = AppleEnergy(Fake())
    energy.look(Moment(0, 0))
    assert energy.look(Moment(5, 1)).gpu_w is None
    assert energy.look(Moment(500, 1)).gpu_w is None
    assert energy.look(Moment(502.5, 1)).gpu_w is not None


def test_the_gpu_and_the_whole_mac() -> None:
    fake = Fake()
    energy = AppleEnergy(fake)
    gpu = AppleGpu("Apple M3 Max", energy, fake, 48 * GIB, 64 * GIB)
    gpu.look(Moment(0), MEMORY)
    (row,) = gpu.look(Moment(2.2), MEMORY)
    assert row.memory.llm_total_bytes == 48 * GIB and row.memory.llm_available_bytes == 40 * GIB
    assert row.power_w == pytest.approx(30.0) and row.load.value == 80 and row.messages == ()
    cpu = chip_power(Moment(2.2), energy, fake)
    assert (cpu.package.value, cpu.psys_w) == (pytest.approx(10.0), 75.7)
    total = compose(device_samples((row,), cpu, Battery(), "b"))
    assert total.measured_w == 75.7 and total.counted == ("mac:system",)
    assert set(total.contained) == {"apple:gpu", "apple:cpu"}


def test_a_system_figure_below_the_chip_is_left_out() -> None:
    fake = Fake()
    energy = AppleEnergy(fake)
    energy.look(Moment(0))
    energy.look(Moment(2.2))
    fake.whole = 20.0
    cpu = chip_power(Moment(2.2), energy, fake)
    assert cpu.psys_w is None
    assert compose(device_samples((), cpu, Battery(), "")).measured_w == pytest.approx(10.0)


def test_a_virtual_mac_has_no_counters_and_says_so() -> None:
    energy = AppleEnergy(None)
    (row,) = AppleGpu("Apple", energy, None, None, 16 * GIB).look(Moment(0), MEMORY)
    assert row.power_w is None and row.power.reason == NO_COUNTERS and row.load.value is None
    assert row.memory.llm_total_bytes == int(16 * GIB * 0.66) and "estimated" in row.messages[0]
    cpu = chip_power(Moment(0), energy, None)
    assert cpu.package.value is None and cpu.package.reason == NO_COUNTERS


def test_working_sets() -> None:
    assert estimated_working_set(64 * GIB) == 48 * GIB
    if sys.platform != "darwin":
        assert working_set_bytes() is None


def smc_answer(value: float, result: int = 0) -> bytes:
    raw = bytearray(80)
    raw[40] = result
    struct.pack_into("<f", raw, 48, value)
    return bytes(raw)


def test_the_controllers_float() -> None:
    info = struct.pack("=I4sB", 4, b"flt "[::-1], 0)
    assert float_of(smc_answer(75.7), info) == pytest.approx(75.7)
    assert float_of(smc_answer(75.7, 132), info) is None
    assert float_of(smc_answer(float("nan")), info) is None and float_of(smc_answer(-1.0), info) is None
    assert float_of(smc_answer(1.0), struct.pack("=I4sB", 2, b"ui16"[::-1], 0)) is None
    assert float_of(b"", info) is None
    asked = request("PSTR", 5, info)
    assert len(asked) == 80 and asked[42] == 5 and asked[28:37] == info
    assert int.from_bytes(asked[:4], sys.byteorder) == int.from_bytes(b"PSTR", "big")


@pytest.mark.parametrize("amps", [-1889, 2**64 - 1889])
def test_a_battery_in_use(amps: int) -> None:
    seen = battery_of(
        {"BatteryInstalled": True, "CurrentCapacity": 71, "MaxCapacity": 100, "IsCharging": False,
         "ExternalConnected": False, "InstantAmperage": amps, "Voltage": 12_000,
         "AppleRawCurrentCapacity": 4000, "AppleRawMaxCapacity": 5600}
    )  # fmt: skip
    assert (seen.state, seen.percent, seen.on_ac) == ("discharging", 71, False)
    assert seen.discharge_w == pytest.approx(22.668) and seen.energy_now_wh == 48.0
    assert seen.charge_w is None and seen.seconds_left == round(48.0 / 22.668 * 3600)


def test_a_mac_on_its_adapter_and_a_desktop() -> None:
    seen = battery_of(
        {"BatteryInstalled": True, "ExternalConnected": True, "IsCharging": False, "FullyCharged": True}
    )
    assert seen.state == "full" and seen.discharge_w is None and seen.reason
    assert battery_of({}) == battery_of({"BatteryInstalled": False}) == Battery()
    assert system_input_w({"PowerTelemetryData": {"SystemPowerIn": 5296}}) == 5.296
    assert system_input_w({"PowerTelemetryData": {"SystemPowerIn": 0}}) is None and system_input_w({}) is None


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="macOS has it all, Windows another host")
def test_elsewhere_every_source_is_absent_and_nothing_raises() -> None:
    from wattlight.probes.apple.host import MacHost
    from wattlight.probes.probe import DeviceCache
    from wattlight.probes.prober import Prober
    from wattlight.probes.reader import Reader

    prober = Prober(MacHost(Reader(), DeviceCache()))
    report = prober.report()
    assert report.accelerators == () and report.cpu_power.package.value is None and not report.battery.present
    assert prober.sample().memory is not None
    prober.close()
