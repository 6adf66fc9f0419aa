"""The whole prober: hot-plug, jumps of time, hung and silent sensors, distrusted counters, samples."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.probe_clock import ProbeClock as Clock
from wattlight.domain import power
from wattlight.domain.power import compose
from wattlight.domain.values import Quality, Scope
from wattlight.probes.linux.amd import AmdCard

Make = Callable[..., Any]
Known = Callable[[str], tuple[Path, Path | None]]


def nvidia_tree(make_tree: Make, **more: Any) -> Path:
    device = trees.pci("0000:01:00.0", "0x10de", "0x2684", driver="nvidia", control="on")
    root: Path = make_tree({**trees.card(0, 128, device, "0000:01:00.0"), **more})
    return root


def test_fault_45_a_battery_that_is_put_in_and_taken_out(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    """Fault 45: parts come and go; the sum stays a sum of what is there."""
    root = nvidia_tree(make_tree)
    prober = open_tree(root, nvml=lambda: FakeNvmlApi(FakeGpu()))
    assert prober.sample().total.measured_w == 50.0
    supply = "sys/class/power_supply/BAT0"
    battery = {
        f"{supply}/type": "Battery",
        f"{supply}/status": "Discharging",
        f"{supply}/power_now": 80_000_000,
    }
    make_tree(battery, (), root)
    clock.step(31)
    sample = prober.sample()
    total = sample.total
    assert sample.on_battery and total.measured_w == 80.0 and total.counted == ("battery",)
    assert total.whole and total.contained == ("pci:0000:01:00.0",)
    shutil.rmtree(root / supply)
    clock.step(31)
    sample = prober.sample()
    assert sample.on_battery is None and sample.total.measured_w == 50.0


def test_fault_45_an_external_gpu_that_comes_and_goes(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    """Fault 45: a new source is labelled by its address, whatever its index."""
    root = nvidia_tree(make_tree)
    api = FakeNvmlApi(FakeGpu())
    prober = open_tree(root, nvml=lambda: api)
    prober.sample()
    slot = "0000:3e:00.0"
    device = trees.pci(slot, "0x10de", "0x2684", driver="nvidia", control="on")
    make_tree(trees.card(1, 129, device, slot), (), root)
    api.gpus.insert(0, FakeGpu(slot=slot, uuid="GPU-2", power_mw=70_000))
    clock.step(31)
    sample = prober.sample()
    assert {d.id: d.power_w for d in sample.devices if d.kind == "gpu"} == {
        "pci:0000:01:00.0": 50.0,
        f"pci:{slot}": 70.0,
    }
    shutil.rmtree(root / f"sys/bus/pci/devices/{slot}")
    shutil.rmtree(root / "sys/class/drm/card1")
    del api.gpus[0]
    clock.step(31)
    assert prober.sample().total.measured_w == 50.0


def test_fault_43_a_gpu_that_falls_off_is_said_and_the_rest_goes_on(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    """Fault 43: GPU off the bus; others continue."""
    gpu = FakeGpu()
    zone = {
        "sys/class/powercap/intel-rapl:0/name": "package-0",
        "sys/class/powercap/intel-rapl:0/energy_uj": 1,
    }
    root = nvidia_tree(make_tree, **zone)
    prober = open_tree(root, nvml=lambda: FakeNvmlApi(gpu))
    prober.sample()
    gpu.faults["all"] = 15
    clock.step(1)
    (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("20000001\n")
    sample = prober.sample()
    parts = {d.kind: d for d in sample.devices}
    assert parts["gpu"].power_w is None and "stopped responding" in (parts["gpu"].power.reason or "")
    assert parts["cpu"].power_w == 20.0


def test_fault_43_a_hung_sensor_never_delays_another(
    known_tree: Known, open_tree: Make, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Fault 43: a sensor that hangs; its row stays, the other readings are fresh."""
    free = threading.Event()
    prober = open_tree(known_tree("amdgpu_dgpu_7900xtx")[0])
    assert prober.sample().devices[0].power_w == 319.0
    monkeypatch.setattr("wattlight.probes.prober.DEADLINE_S", 0.05)
    plain = AmdCard.look

    def hang(self: AmdCard, now: Any, memory: Any) -> Any:
        free.wait(20)
        return plain(self, now, memory)

    monkeypatch.setattr(AmdCard, "look", hang)
    for _ in range(5):
        clock.step(1)
        sample = prober.sample()
        (gpu,) = (d for d in sample.devices if d.kind == "gpu")
        assert gpu.power_w is None and "does not answer" in (gpu.power.reason or "")
        assert gpu.name == "AMD Radeon RX 7900 XTX" and sample.memory is not None
    assert prober.latest().slow_sensors == ("amd 0000:03:00.0",)
    free.set()
    monkeypatch.setattr(AmdCard, "look", plain)
    for _ in range(100):
        sample = prober.sample()
        if sample.devices[0].power_w is not None:
            break
        threading.Event().wait(0.02)
    assert sample.devices[0].power_w == 319.0


@pytest.mark.parametrize("content", ["NaN", "-1", "65535000000", "inf", "12,5", "", "\x00\xff"])
def test_fault_44_a_reading_that_cannot_be_true_is_a_gap(
    content: str, known_tree: Known, open_tree: Make
) -> None:
    """Fault 44: NaN, -1, a 65 535 W spike."""
    root = known_tree("amdgpu_dgpu_7900xtx")[0]
    for file in root.rglob("power1_average"):
        file.write_text(content)
    sample = open_tree(root).sample()
    (gpu,) = (d for d in sample.devices if d.kind == "gpu")
    assert gpu.power_w is None and gpu.power.reason == "implausible reading"
    assert gpu.load.value == 97


def test_fault_42_rapl_wraps_resets_vanishes_and_closes(
    known_tree: Known, open_tree: Make, clock: Clock
) -> None:
    """Fault 42: wrap handled, reset dropped, permission and absence named; never 0 W."""
    first, second = known_tree("rapl_intel_package_psys_wrap")
    assert second is not None
    prober = open_tree(first)
    assert prober.report().cpu_power.package.value is None
    clock.step(1)
    prober.move(second)
    assert prober.report().cpu_power.package.value == pytest.approx(45.0)
    counter = second / "sys/class/powercap/intel-rapl:0/energy_uj"
    clock.step(1)
    counter.write_text("5\n")
    assert prober.report().cpu_power.package.value is None, "back by less than a wrap: a reset"
    clock.step(1)
    prober.move(second)
    counter.chmod(0)
    cpu = prober.report().cpu_power
    assert cpu.package.value is None and cpu.package.reason == "permission"
    counter.unlink()
    clock.step(61)
    prober.move(second)
    cpu = prober.report().cpu_power
    assert cpu.package.value is None and cpu.package.reason == "unreadable"


def test_a_sample_carries_what_the_meter_needs(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    boot = {"proc/sys/kernel/random/boot_id": "b-1", "proc/meminfo": trees.meminfo(32 << 20, 16 << 20)}
    gpu = FakeGpu(utilization=40)
    sample = open_tree(nvidia_tree(make_tree, **boot), nvml=lambda: FakeNvmlApi(gpu)).sample()
    assert sample.at == clock.wall and sample.monotonic_s == clock.mono_s and sample.boot_id == "b-1"
    part = sample.devices[0]
    assert (part.counter_mj, part.counter_epoch) == (1_000_000, "b-1 nvidia 580.95.05")
    assert part.power.scope is Scope.BOARD and part.limit_w == 450.0 and part.power.quality is Quality.COUNTER
    assert part.memory.llm_available_bytes == 20 << 30 and part.memory.total_bytes == 24 << 30
    assert sample.memory is not None and sample.memory.total_bytes == 32 << 30


def test_a_profile_of_the_machine(make_tree: Make, open_tree: Make) -> None:
    files = {"proc/sys/kernel/hostname": "desk", "proc/meminfo": trees.meminfo(32 << 20, 16 << 20)}
    profile = open_tree(nvidia_tree(make_tree, **files), nvml=lambda: FakeNvmlApi(FakeGpu())).profile()
    assert (profile.name, profile.os) == ("desk", "linux")
    assert profile.ram_total_bytes == 32 << 30 and profile.ram_available_bytes == 16 << 30
    (device,) = profile.devices
    assert (device.id, device.backend, device.compute_capability) == ("pci:0000:01:00.0", "cuda", "8.9")
    assert device.memory_total_bytes == 24 << 30 and device.memory_free_bytes == 20 << 30
    assert device.bandwidth_gbs == 1010.0


def test_a_card_has_one_id_and_its_nominal_power_everywhere(make_tree: Make, open_tree: Make) -> None:
    prober = open_tree(nvidia_tree(make_tree), nvml=lambda: FakeNvmlApi(FakeGpu()))
    card = next(part for part in prober.sample().devices if part.kind == "gpu")
    (described,) = prober.profile().devices
    assert described.id == card.id == prober.latest().accelerators[0].id
    assert described.rated_w == card.device.rated_w == 450.0, "what advice on a power limit needs"
    assert card.device.uuid == "GPU-1" and card.device.bandwidth_gbs == described.bandwidth_gbs == 1010.0


def test_the_total_of_a_sample_is_worked_out_once(
    make_tree: Make, open_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = open_tree(nvidia_tree(make_tree), nvml=lambda: FakeNvmlApi(FakeGpu())).sample()
    asked = []
    monkeypatch.setattr(power, "compose", lambda parts: asked.append(parts) or compose(parts))
    assert sample.total is sample.total and sample.total.measured_w == 50.0
    assert len(asked) == 1
    changed = replace(sample, devices=())
    assert changed.total.measured_w is None and len(asked) == 2, "another sample has a total of its own"


def test_a_jump_of_the_clock_starts_the_counters_anew(
    monkeypatch: pytest.MonkeyPatch, known_tree: Known, open_tree: Make, clock: Clock
) -> None:
    first, second = known_tree("rapl_intel_package_psys_wrap")
    assert second is not None
    prober = open_tree(first)
    monkeypatch.setattr(type(prober._host.reader), "live", property(lambda self: True))
    prober.report()
    clock.step(1)
    clock.wall += timedelta(hours=8)
    prober.move(second)
    assert prober.report().cpu_power.package.value is None, "the machine slept in between"


def test_an_empty_tree_is_a_machine_about_which_nothing_is_known(make_tree: Make, open_tree: Make) -> None:
    prober = open_tree(make_tree({"x": 1}))
    report, sample = prober.report(), prober.sample()
    assert report.accelerators == () and report.memory.total_bytes is None and report.memory.reason
    assert report.cpu_power.package.reason == "no powercap" and not report.battery.present
    assert sample.memory is None and all(d.power_w is None for d in sample.devices)
    assert sample.total.measured_w is None


def test_closing_leaves_nothing_open(make_tree: Make, open_tree: Make, known_tree: Known) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    prober = open_tree(known_tree("amdgpu_dgpu_7900xtx")[0])
    prober.sample()
    prober.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not [t for t in threading.enumerate() if t.name == "probes"]


def test_this_very_machine_answers() -> None:
    from wattlight.probes import open_prober

    prober = open_prober(nvml=FakeNvmlApi)
    try:
        sample = prober.sample()
        assert sample.memory is not None and sample.memory.total_bytes > 0
        assert all(d.power_w is None or d.power_w > 0 for d in sample.devices)
    finally:
        prober.close()


def test_a_card_with_another_index_in_the_second_sample_keeps_its_counter(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    slot = "0000:03:00.0"

    def tree(index: int, hwmon: int, energy: int) -> Path:
        h = f"hwmon/hwmon{hwmon}"
        files = {f"{h}/name": "xe", f"{h}/energy1_input": energy, f"{h}/energy1_label": "card"}
        device = trees.pci(slot, "0x8086", "0xe20b", driver="xe") | files
        root: Path = make_tree(trees.card(index, 128 + index, device, slot))
        return root

    prober = open_tree(tree(1, 2, 10**9))
    prober.report()
    clock.step(1)
    prober.move(tree(2, 7, 10**9 + 60 * 10**6))
    (row,) = prober.report().accelerators
    assert row.id == f"pci:{slot}" and row.power_w == 60.0


def test_a_card_that_is_gone_in_the_second_sample_is_gone(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    device = trees.pci("0000:03:00.0", "0x8086", "0xe20b", driver="xe")
    prober = open_tree(make_tree(trees.card(1, 128, device, "0000:03:00.0")))
    assert len(prober.report().accelerators) == 1
    clock.step(1)
    prober.move(make_tree({"proc/meminfo": trees.meminfo(1000, 500)}))
    assert prober.report().accelerators == ()


def test_fault_43_a_reloaded_driver_moves_the_sensors_and_the_readings_go_on(
    known_tree: Known, open_tree: Make, clock: Clock
) -> None:
    root = known_tree("amdgpu_dgpu_7900xtx")[0]
    prober = open_tree(root)
    assert prober.report().accelerators[0].power_w == 319.0
    for folder in root.rglob("hwmon8"):
        folder.rename(folder.with_name("hwmon3"))
    prober._host.reader.drop()
    clock.step(1)
    assert prober.report().accelerators[0].power_w is None
    clock.step(1)
    assert prober.report().accelerators[0].power_w == 319.0
