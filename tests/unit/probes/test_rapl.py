"""Processor energy counters: every shape of the powercap tree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.probe_clock import ProbeClock as Clock
from wattlight.cli.verb_power import power_document
from wattlight.domain.power import compose
from wattlight.domain.values import Scope
from wattlight.probes.linux.processor import FOLDER, rapl
from wattlight.probes.numbers import Moment
from wattlight.probes.reader import Reader

Make = Callable[..., Path]
P = FOLDER[1:]


def zone(path: str, name: str, uj: int, span: int = 262143328850) -> dict[str, Any]:
    base = f"{P}/{path}"
    return {f"{base}/name": name, f"{base}/energy_uj": uj, f"{base}/max_energy_range_uj": span}


def two_looks(make_tree: Make, first: dict[str, Any], second: dict[str, Any], gap_s: float = 1.0) -> Any:
    reader = Reader(make_tree(first))
    counters = rapl(reader)
    counters.look(Moment(0))
    reader.move(make_tree(second))
    answer = counters.look(Moment(gap_s))
    reader.close()
    return answer


def test_amd_has_one_package_and_core_inside(make_tree: Make) -> None:
    span = 65532610987
    before = {
        **zone("intel-rapl:0", "package-0", 65532000000, span),
        **zone("intel-rapl:0:0", "core", 10, span),
    }
    after = {
        **zone("intel-rapl:0", "package-0", 29389013, span),
        **zone("intel-rapl:0:0", "core", 12_000_010, span),
    }
    cpu = two_looks(make_tree, before, after)
    assert (cpu.package.value, cpu.core_w, cpu.scope) == (30.0, 12.0, "package-0")
    assert [z.id for z in cpu.zones] == ["rapl:package-0"], "core is inside and not a part of its own"


def test_two_sockets_are_added(make_tree: Make) -> None:
    before = {**zone("intel-rapl:0", "package-0", 1), **zone("intel-rapl:1", "package-1", 2)}
    after = {
        **zone("intel-rapl:0", "package-0", 100_000_001),
        **zone("intel-rapl:1", "package-1", 50_000_002),
    }
    cpu = two_looks(make_tree, before, after)
    assert cpu.package.value == 150.0 and cpu.scope == "package-0 + package-1"


def test_mirrored_dies_are_counted_once(make_tree: Make) -> None:
    before = {**zone("intel-rapl:0", "package-0-die-0", 5), **zone("intel-rapl:1", "package-0-die-1", 5)}
    after = {
        **zone("intel-rapl:0", "package-0-die-0", 90_000_005),
        **zone("intel-rapl:1", "package-0-die-1", 90_000_005),
    }
    assert two_looks(make_tree, before, after).package.value == 90.0


def test_one_unreadable_socket_makes_the_sum_unknown(make_tree: Make) -> None:
    root = make_tree({**zone("intel-rapl:0", "package-0", 1), **zone("intel-rapl:1", "package-1", 2)})
    (root / P / "intel-rapl:1/energy_uj").chmod(0)
    reader = Reader(root)
    counters = rapl(reader)
    counters.look(Moment(0))
    (root / P / "intel-rapl:0/energy_uj").write_text("50000001\n")
    cpu = counters.look(Moment(1))
    assert cpu.package.value is None and cpu.package.reason == "permission"
    reader.close()


@pytest.mark.parametrize("word", ["", "garbage", "-5", "99999999999999999999", "nan"])
def test_a_garbage_counter_is_unknown(word: str, make_tree: Make) -> None:
    after = {**zone("intel-rapl:0", "package-0", 1), f"{P}/intel-rapl:0/energy_uj": word}
    cpu = two_looks(make_tree, zone("intel-rapl:0", "package-0", 1), after)
    assert cpu.package.value is None and cpu.package.reason


def test_a_psys_that_reads_zero_is_unknown(make_tree: Make) -> None:
    before = {**zone("intel-rapl:0", "package-0", 1), **zone("intel-rapl:1", "psys", 0)}
    after = {**zone("intel-rapl:0", "package-0", 20_000_001), **zone("intel-rapl:1", "psys", 0)}
    cpu = two_looks(make_tree, before, after)
    assert cpu.package.value == 20.0 and cpu.psys_w is None


def test_a_rule_installed_meanwhile_is_noticed(make_tree: Make) -> None:
    root = make_tree(zone("intel-rapl:0", "package-0", 1), ("energy_uj",))
    reader = Reader(root)
    counters = rapl(reader)
    assert counters.look(Moment(0)).package.reason == "permission"
    file = root / P / "intel-rapl:0/energy_uj"
    file.chmod(0o640)
    counters.look(Moment(6))
    file.write_text("15000001\n")
    assert counters.look(Moment(7)).package.value == 15.0
    reader.close()


def test_what_was_taken_back_is_not_read_on_through_an_open_file(
    make_tree: Make, open_tree: Callable[..., Any], clock: Clock
) -> None:
    root = make_tree({**zone("intel-rapl:0", "package-0", 1), **zone("intel-rapl:0:0", "dram", 1)})
    prober = open_tree(root)
    assert not any(part.closed for part in prober.sample().devices)
    for counter in root.rglob("energy_uj"):
        counter.chmod(0)
    clock.step(1)
    assert not any(part.closed for part in prober.sample().devices), "the old descriptor still reads"
    prober.look_anew()
    clock.step(1)
    sample = prober.sample()
    assert all(part.closed and part.counter_mj is None for part in sample.devices)
    assert sample.total.measured_w is None


def test_the_package_is_inside_psys_and_the_sum_counts_it_once(
    known_tree: Callable[[str], tuple[Path, Path]], open_tree: Callable[..., Any], clock: Clock
) -> None:
    first, second = known_tree("rapl_intel_package_psys_wrap")
    prober = open_tree(first)
    prober.sample()
    clock.step(1)
    prober.move(second)
    sample = prober.sample()
    parts = {d.id: d for d in sample.devices}
    assert parts["rapl:package-0"].contained_in == "rapl:psys"
    assert parts["rapl:package-0"].counter_range_mj == 262143328
    total = sample.total
    assert total.measured_w == pytest.approx(78.5) and total.counted == ("rapl:psys",)
    assert total.whole and set(total.contained) == {"rapl:package-0", "rapl:dram-0"}


def test_sensors_of_other_drivers_stand_in(make_tree: Make, open_tree: Callable[..., Any]) -> None:
    h = "sys/class/hwmon/hwmon3"
    root = make_tree(
        {f"{h}/name": "zenpower", f"{h}/power1_input": 30_000_000, f"{h}/power1_label": "SVI2_P_Core",
         f"{h}/power2_input": 9_000_000, f"{h}/power2_label": "SVI2_P_SoC"}
    )  # fmt: skip
    cpu = open_tree(root).report().cpu_power
    assert (cpu.package.value, cpu.package.source, cpu.package.reason) == (39.0, "hwmon zenpower", None)


def test_a_sensor_beside_closed_counters_is_the_processors_one_reading(
    make_tree: Make, open_tree: Callable[..., Any]
) -> None:
    h = "sys/class/hwmon/hwmon3"
    tree = {
        **zone("intel-rapl:0", "package-0", 1),
        f"{h}/name": "fam15h_power",
        f"{h}/power1_input": 30_000_000,
    }
    prober = open_tree(make_tree(tree, ("energy_uj",)))
    (part,) = prober.sample().devices
    assert (part.kind, part.power_w, part.power.scope) == ("cpu", 30.0, Scope.PACKAGE)
    assert prober.latest().cpu_power.package == part.power


def test_a_hidden_counter_leaves_a_labelled_range(
    make_tree: Make, open_tree: Callable[..., Any], clock: Clock
) -> None:
    tree = {
        **zone("intel-rapl:0", "package-0", 1),
        f"{P}/intel-rapl:0/constraint_0_max_power_uw": 65_000_000,
        "proc/stat": "cpu  100 0 100 800 0 0 0 0 0 0",
    }
    root = make_tree(tree, ("energy_uj",))
    prober = open_tree(root)
    prober.report()
    clock.step(1)
    (root / "proc/stat").write_text("cpu  150 0 150 900 0 0 0 0 0 0\n")
    cpu = prober.report().cpu_power
    assert cpu.package.value is None and cpu.package.reason == "permission"
    low, high = cpu.estimate_w
    assert 0 < low < high <= 65
    looked = prober.sample()
    (sample,) = looked.devices
    assert sample.power_w is None and sample.estimate_w is not None
    assert compose((sample,)).measured_w is None
    document = power_document(looked)
    assert document["parts"][0]["estimate_w"] == [round(edge, 1) for edge in sample.estimate_w]
    assert document["total"]["measured_w"] is None, "an estimate is in no sum"
