"""What stands in for closed counters: perf events, amd_energy, zenpower, fam15h_power; one reading in all."""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.probe_clock import ProbeClock as Clock
from wattlight.domain.values import Quality, Scope
from wattlight.probes.linux import processor_drivers
from wattlight.probes.linux.processor_drivers import Gauges, PerfZone, amd_energy, perf, perf_event_open
from wattlight.probes.numbers import Moment
from wattlight.probes.reader import Reader
from wattlight.probes.report import CpuPower

Make = Callable[..., Path]
HWMON = "sys/class/hwmon"
ZONE = "sys/class/powercap/intel-rapl:0"


def test_perf_counters_are_parts_with_their_places(
    known_tree: Callable[..., Any], open_tree: Callable[..., Any], clock: Clock
) -> None:
    first, second = known_tree("perf_two_sockets")
    prober = open_tree(first)
    before = {part.id: part for part in prober.sample().devices}
    prober.move(second)
    clock.step(1)
    sample = prober.sample()
    parts = {part.id: part for part in sample.devices}
    assert set(parts) == {"rapl:package-0", "rapl:package-1", "rapl:dram-0", "rapl:dram-1", "rapl:psys"}
    assert [parts[f"rapl:package-{n}"].power_w for n in (0, 1)] == pytest.approx([90.0, 60.0])
    assert {part.contained_in for key, part in parts.items() if key != "rapl:psys"} == {"rapl:psys"}
    assert sample.total.counted == ("rapl:psys",) and sample.total.measured_w == pytest.approx(310.0)
    package = parts["rapl:package-0"]
    assert package.power.quality is Quality.COUNTER and package.counter_range_mj is None
    assert package.counter_mj == pytest.approx(1_090_000, abs=1) and not package.closed
    assert before["rapl:package-0"].counter_mj == pytest.approx(1_000_000, abs=1)


def test_open_powercap_is_surer_than_all_others(
    make_tree: Make, open_tree: Callable[..., Any], clock: Clock
) -> None:
    def tree(joules: int) -> dict[str, Any]:
        return {
            f"{ZONE}/name": "package-0",
            f"{ZONE}/energy_uj": joules * 1_000_000,
            **trees.PERF_0,
            f"{HWMON}/hwmon1/name": "zenpower",
            f"{HWMON}/hwmon1/power1_label": "SVI2_P_Core",
            f"{HWMON}/hwmon1/power1_input": 30_000_000,
            f"{HWMON}/hwmon1/power2_label": "SVI2_P_SoC",
            f"{HWMON}/hwmon1/power2_input": 9_000_000,
        }

    root = make_tree(tree(100))
    opened: list[str] = []
    prober = open_tree(root, trace=opened.append)
    assert prober.report().cpu_power.package.reason == "needs a second reading"
    (root / ZONE / "energy_uj").write_text("142000000\n")
    clock.step(1)
    (part,) = prober.sample().devices
    assert (part.id, part.power_w, part.power.source) == ("rapl:package-0", 42.0, "powercap intel-rapl")
    assert not [line for line in opened if "/perf/" in line], "not even opened"
    (root / ZONE / "energy_uj").write_text("5\n")
    clock.step(1)
    assert prober.report().cpu_power.package.reason == "the counter was reset", "no change of source for that"


def test_a_stand_in_beside_a_closed_counter_still_offers_to_open_it(
    make_tree: Make, open_tree: Callable[..., Any]
) -> None:
    tree = {
        f"{ZONE}/name": "package-0",
        f"{ZONE}/energy_uj": 1,
        f"{HWMON}/hwmon1/name": "zenpower",
        f"{HWMON}/hwmon1/power3_label": "SVI2_P_SoC",
        f"{HWMON}/hwmon1/power3_input": 9_000_000,
        f"{HWMON}/hwmon1/power2_label": "SVI2_P_Core",
        f"{HWMON}/hwmon1/power2_input": 21_000_000,
    }
    sample = open_tree(make_tree(tree, ("energy_uj",))).sample()
    (part,) = sample.devices
    assert (part.power_w, part.power.scope, part.power.quality) == (30.0, Scope.RAILS, Quality.SAMPLED)
    assert part.closed and part.power.error_fraction == 0.15, "regulators are trusted less than a counter"
    assert sample.total.measured_w == 30.0 and "processor" not in sample.total.uncovered


def test_rails_are_inside_a_package_that_is_measured(
    known_tree: Callable[..., Any], make_tree: Make, open_tree: Callable[..., Any]
) -> None:
    """An AMD processor with graphics: amdgpu gives the whole package, which holds the rails."""
    name = next(n for n, t in trees.T.items() if "apu" in n and "" in t["samples"])
    tree = {
        **trees.T[name]["samples"][""],
        **trees.nl(
            {
                f"{HWMON}/hwmon9/name": "zenpower",
                f"{HWMON}/hwmon9/power1_label": "SVI2_P_Core",
                f"{HWMON}/hwmon9/power1_input": 4_000_000,
                f"{HWMON}/hwmon9/power2_label": "SVI2_P_SoC",
                f"{HWMON}/hwmon9/power2_input": 1_000_000,
            }
        ),
    }
    sample = open_tree(trees.write_tree(make_tree({}), tree)).sample()
    cpu = next(part for part in sample.devices if part.kind == "cpu")
    gpu = next(part for part in sample.devices if part.kind == "gpu")
    assert cpu.power_w == 5.0 and cpu.contained_in == gpu.id
    assert sample.total.counted == (gpu.id,) and cpu.id in sample.total.contained


@pytest.mark.parametrize("missing", ["power1_input", "power2_label", "power2_input"])
def test_half_of_the_rails_is_no_reading(missing: str, make_tree: Make) -> None:
    tree = {
        "name": "zenpower",
        "power1_label": "SVI2_P_Core",
        "power1_input": 30_000_000,
        "power2_label": "SVI2_P_SoC",
        "power2_input": 9_000_000,
    }
    root = make_tree({f"{HWMON}/hwmon0/{k}": v for k, v in tree.items() if k != missing})
    assert Gauges(Reader(root)).look(CpuPower()) == CpuPower()


def test_two_sockets_of_a_gauge_are_added_and_one_silent_makes_it_unknown(make_tree: Make) -> None:
    tree = {}
    for n in (0, 1):
        tree[f"{HWMON}/hwmon{n}/name"] = "fam15h_power"
        tree[f"{HWMON}/hwmon{n}/power1_input"] = 40_000_000
    root = make_tree(tree)
    assert Gauges(Reader(root)).look(CpuPower()).package.value == 80.0
    (root / HWMON / "hwmon1/power1_input").write_text("0\n")
    assert Gauges(Reader(root)).look(CpuPower()).package.value is None


def test_sockets_of_amd_energy_have_counters_that_bridge_gaps(known_tree: Callable[..., Any]) -> None:
    first, second = known_tree("amd_energy_two_sockets")
    reader = Reader(first)
    counters = amd_energy(reader)
    counters.look(Moment(0))
    reader.move(second)
    zones = counters.look(Moment(2)).zones
    assert [(z.id, z.power_w, z.counter_mj) for z in zones] == [
        ("rapl:package-0", 90.0, 7_180_000), ("rapl:package-1", 80.0, 161_000),
    ]  # fmt: skip
    reader.close()


def test_its_successor_is_read_too_and_root_only_is_said(make_tree: Make) -> None:
    tree = {
        f"{HWMON}/hwmon2/name": "zenergy",
        f"{HWMON}/hwmon2/energy1_label": "Esocket0",
        f"{HWMON}/hwmon2/energy1_input": 5,
    }
    reader = Reader(make_tree(tree, ("energy1_input",)))
    power = amd_energy(reader).look(Moment(0))
    assert power.package.reason == "closed" and not power.zones[0].closed, "our rule would not open it"
    reader.close()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("events/energy-pkg", "event=0x02,umask=0x1"),
        ("events/energy-pkg", "config=7"),
        ("events/energy-pkg.unit", "Watts"),
        ("events/energy-pkg.scale", "0"),
        ("events/energy-pkg.scale", "nan"),
        ("events/energy-pkg.scale", ""),
        ("type", "-1"),
    ],
)
def test_events_that_are_described_otherwise_are_not_read(file: str, text: str, make_tree: Make) -> None:
    root = make_tree(trees.PERF_0)
    (root / trees.E / file).write_text(text + "\n")
    reader = Reader(root)
    power = perf(reader).look(Moment(0))
    assert power.package.value is None and not [z for z in power.zones if "package" in z.id]
    reader.close()


def test_a_platform_event_alone_is_none(make_tree: Make) -> None:
    """Virtual machines show one that stands still."""
    tree = {key: value for key, value in trees.PERF_0.items() if "pkg" not in key}
    assert not perf(Reader(make_tree(tree))).there


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", [0]), ("0,18", [0, 18]), ("0-2,8", [0, 1, 2, 8]), ("", []), ("x,3", [3]), ("9999999", [])],
)
def test_lists_of_the_kernel(text: str, numbers: list[int]) -> None:
    assert processor_drivers._listed(text) == numbers


def test_dies_with_counters_of_their_own_are_told_apart(make_tree: Make) -> None:
    topology = "sys/devices/system/cpu/cpu18/topology"
    tree = {**trees.PERF_0, f"{topology}/physical_package_id": 0, f"{topology}/die_id": 1}
    reader = Reader(make_tree(tree))
    ids = [zone.id for zone in perf(reader).look(Moment(0)).zones]
    assert ids[:2] == ["rapl:package-0-die-0", "rapl:package-0-die-1"] and len(set(ids)) == len(ids)
    reader.close()


def test_each_opening_is_another_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel begins with 0: a difference across two openings would be wrong."""
    (tmp_path / "count").write_bytes((1000).to_bytes(8, "little") * 2)
    monkeypatch.setattr(
        processor_drivers, "perf_event_open", lambda *_: os.open(tmp_path / "count", os.O_RDONLY)
    )
    reader = Reader()
    zone = PerfZone("/perf/energy-pkg.0", "package-0")
    assert zone.count(reader) == zone.count(reader) == 1000, "a stream is read on"
    epoch = zone.epoch
    assert zone.count(reader) is None, "its end is no count"
    reader.drop()
    assert zone.count(reader) == 1000 and zone.epoch != epoch and epoch.startswith("perf ")
    reader.close()


SOFTWARE, CPU_CLOCK = 1, 0


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="a call of Linux")
def test_the_call_itself_counts_on_this_computer() -> None:
    """The kernel's own clock by the same call; a container or the default setting may refuse it."""
    try:
        handle = perf_event_open(SOFTWARE, CPU_CLOCK, 0)
    except OSError as error:
        assert error.errno in {errno.EACCES, errno.EPERM, errno.ENOSYS}
        assert error.errno == errno.ENOSYS or isinstance(error, PermissionError)
        return
    try:
        first = int.from_bytes(os.read(handle, 8), "little")
        end = time.monotonic() + 5
        while (then := int.from_bytes(os.read(handle, 8), "little")) <= first and time.monotonic() < end:
            pass
        assert then > first and not os.get_inheritable(handle)
    finally:
        os.close(handle)


def test_an_unknown_event_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match=r"."):
        perf_event_open(0x7FFFFFF0, 0, 0)
