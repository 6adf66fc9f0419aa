"""Intel GPUs: counters by label, stuck channels, sizes by ioctl, load from idle time."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.probe_clock import ProbeClock as Clock
from wattlight.domain.values import DeviceSample
from wattlight.probes.linux.intel_memory import parse_i915, parse_xe

Make = Callable[..., Any]
SLOT = "0000:03:00.0"
H = "hwmon/hwmon2"


def card(
    make_tree: Make,
    files: dict[str, Any],
    more: dict[str, Any] | None = None,
    at: Path | None = None,
    **ids: Any,
) -> Path:
    slot = ids.pop("slot", SLOT)
    driver, device = ids.pop("driver", "xe"), ids.pop("device", "0xe20b")
    described = trees.pci(slot, "0x8086", device, driver=driver, **ids) | files
    root: Path = make_tree({**trees.card(1, 128, described, slot), **(more or {})}, (), at)
    return root


def second_look(
    make_tree: Make, open_tree: Make, clock: Clock, first: dict[str, Any], second: dict[str, Any], **ids: Any
) -> DeviceSample:
    prober = open_tree(card(make_tree, first, **ids))
    prober.report()
    clock.step(1)
    prober.move(card(make_tree, second, **ids))
    found: DeviceSample = prober.report().accelerators[0]
    return found


def channels(card_uj: int | None, pkg_uj: int | None) -> dict[str, Any]:
    files: dict[str, Any] = {f"{H}/name": "xe"}
    if card_uj is not None:
        files |= {f"{H}/energy1_input": card_uj, f"{H}/energy1_label": "card"}
    if pkg_uj is not None:
        files |= {f"{H}/energy2_input": pkg_uj, f"{H}/energy2_label": "pkg"}
    return files


@pytest.mark.parametrize(
    ("first", "second", "watts", "source"),
    [
        (channels(10**9, 5), channels(10**9 + 10**8, 5 + 10**7), 100.0, "hwmon energy1_input (card)"),
        (channels(0, 10**9), channels(0, 10**9 + 8 * 10**7), 80.0, "hwmon energy2_input (pkg)"),
        (channels(77, 10**9), channels(77, 10**9 + 8 * 10**7), 80.0, "hwmon energy2_input (pkg)"),
        (channels(None, 10**9), channels(None, 10**9 + 3 * 10**7), 30.0, "hwmon energy2_input (pkg)"),
    ],
)
def test_the_card_channel_or_the_package(
    first: dict[str, Any], second: dict[str, Any], watts: float, source: str,
    make_tree: Make, open_tree: Make, clock: Clock,
) -> None:  # fmt: skip
    seen = second_look(make_tree, open_tree, clock, first, second)
    assert (seen.power_w, seen.power.source) == (watts, source)
    assert seen.power_scope == ("gpu board" if "card" in source else "gpu package")
    assert seen.counter_epoch.startswith("xe energy") and seen.counter_mj is not None


def test_both_channels_still_is_unknown(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    seen = second_look(make_tree, open_tree, clock, channels(7, 9), channels(7, 9))
    assert seen.power_w is None and seen.power.reason == "the counter stands still"


def test_limits_are_no_readings(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    files = {f"{H}/name": "i915", f"{H}/power1_max": 55_000_000, f"{H}/power1_rated_max": 0}
    seen = second_look(make_tree, open_tree, clock, files, files, driver="i915")
    assert seen.power_w is None and seen.limit_w == 55.0


def test_an_i915_card_has_one_channel_without_a_label(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    def files(uj: int, rc6: int) -> dict[str, Any]:
        return {f"{H}/name": "i915", f"{H}/energy1_input": uj,
                f"{H}/temp1_input": 45_000, f"{H}/fan1_input": 900,
                "gt/gt0/rc6_residency_ms": rc6}  # fmt: skip

    raw = struct.pack("<I3I", 2, 0, 0, 0) + struct.pack("<HHIQQ64x", 0, 0, 0, 32 << 30, 0)
    raw += struct.pack("<HHIQQ64x", 1, 0, 0, 16 << 30, 16 << 30)
    prober = open_tree(card(make_tree, files(1, 0), {"ioctl/i915_mem_regions.bin": raw}, driver="i915"))
    prober.report()
    clock.step(1)
    prober.move(card(make_tree, files(50_000_001, 250), driver="i915"))
    seen = prober.report().accelerators[0]
    assert (seen.power_w, seen.power.source) == (50.0, "hwmon energy1_input")
    assert seen.load.value == 75.0 and seen.load.source == "rc6 residency (estimate)"
    assert seen.memory.dedicated_total_bytes == 16 << 30 and seen.memory.dedicated_used_bytes is None
    assert (seen.temperature_c, seen.fan_rpm) == (45.0, 900)


def test_sizes_of_several_regions_are_added_and_unknown_use_is_unknown() -> None:
    def region(kind: int, total: int, used: int) -> bytes:
        return struct.pack("<HHI4Q48x", kind, 0, 4096, total, used, 0, 0)

    raw = struct.pack("<II", 3, 0) + region(0, 99, 5) + region(1, 8 << 30, 0) + region(1, 8 << 30, 0)
    size = parse_xe(raw)
    assert size is not None and (size.total, size.used) == (16 << 30, None)
    seen = parse_xe(struct.pack("<II", 1, 0) + region(1, 8 << 30, 1 << 30))
    assert seen is not None and seen.used == 1 << 30
    raw = struct.pack("<I3I", 1, 0, 0, 0) + struct.pack("<HHIQQ64x", 1, 0, 0, 8 << 30, 6 << 30)
    seen = parse_i915(raw)
    assert seen is not None and (seen.total, seen.used) == (8 << 30, 2 << 30)


@pytest.mark.parametrize(
    "raw", [b"", b"\1", b"\xff" * 7, struct.pack("<II", 99, 0), struct.pack("<II", 0xFFFFFFFF, 0)]
)
def test_a_cut_answer_is_nothing(raw: bytes) -> None:
    assert parse_xe(raw) is None and parse_i915(raw) is None


def test_a_size_nobody_tells_is_unknown_with_a_reason(make_tree: Make, open_tree: Make) -> None:
    (seen,) = open_tree(card(make_tree, channels(1, 1))).report().accelerators
    assert seen.memory.llm_total_bytes is None and seen.memory.reason


def test_the_graphics_of_a_processor_have_no_memory_of_their_own(make_tree: Make, open_tree: Make) -> None:
    root = card(make_tree, {}, slot="0000:00:02.0", device="0x64a0")
    prober = open_tree(root)
    (seen,) = prober.report().accelerators
    assert seen.device.form == "integrated" and seen.memory.unified and seen.memory.llm_total_bytes is None
    assert "processor package" in (seen.power.reason or "")
    assert prober.profile().devices == ()


def test_a_neural_unit_is_no_gpu(make_tree: Make, open_tree: Make) -> None:
    device = trees.pci("0000:00:0b.0", "0x8086", "0x7d1d", cls="0x120000", driver="intel_vpu")
    root = make_tree({f"sys/bus/pci/devices/0000:00:0b.0/{k}": v for k, v in device.items()})
    report = open_tree(root).report()
    assert report.accelerators == () and report.ignored_adapters == ("intel_vpu 8086:7d1d",)


def test_a_sleeping_card_is_not_opened(make_tree: Make, open_tree: Make) -> None:
    lines: list[str] = []
    root = card(make_tree, channels(1, 1), {"ioctl/xe_mem_regions.bin": b"x"}, runtime="suspended")
    (seen,) = open_tree(root, trace=lines.append).report().accelerators
    assert seen.state == "asleep" and not [line for line in lines if "ioctl" in line or "hwmon" in line]


def test_two_cards_of_one_kind_are_told_apart(make_tree: Make, open_tree: Make) -> None:
    other = "0000:04:00.0"
    second = trees.pci(other, "0x8086", "0xe20b", driver="xe")
    root = card(make_tree, channels(1, 1), trees.card(2, 129, second, other))
    ids = [r.id for r in open_tree(root).report().accelerators]
    assert ids == [f"pci:{SLOT}", f"pci:{other}"]
