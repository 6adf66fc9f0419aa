"""AMD GPUs: cards and APUs, sleep in all its signs, the binary table, names and targets."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.probe_clock import ProbeClock as Clock
from wattlight.domain.values import DeviceSample
from wattlight.probes.linux.amd_metrics import parse_metrics, target_name
from wattlight.probes.reader import Reader

Make = Callable[..., Any]
GIB = 1 << 30
SLOT = "0000:03:00.0"


def card(make_tree: Make, files: dict[str, Any], more: dict[str, Any] | None = None, **ids: Any) -> Path:
    device = trees.pci(SLOT, "0x1002", ids.pop("device", "0x744c"), driver=ids.pop("driver", "amdgpu"), **ids)
    device.update(files)
    meminfo = {"proc/meminfo": trees.meminfo(32 << 20, 16 << 20)}
    folder: Path = make_tree({**trees.card(1, 128, device, SLOT), **meminfo, **(more or {})})
    return folder


def row(open_tree: Make, root: Path) -> DeviceSample:
    (only,) = open_tree(root).report().accelerators
    found: DeviceSample = only
    return found


BOARD = {
    "mem_info_vram_total": 16 * GIB, "mem_info_vram_used": GIB, "mem_info_gtt_total": 16 * GIB,
    "mem_info_gtt_used": 0, "gpu_busy_percent": 3,
    "hwmon/hwmon8/name": "amdgpu", "hwmon/hwmon8/power1_cap": 250_000_000, "hwmon/hwmon8/power1_label": "PPT",
    "hwmon/hwmon8/temp1_input": 40_000, "hwmon/hwmon8/temp1_label": "edge",
}  # fmt: skip


def board(**changes: Any) -> dict[str, Any]:
    return {**BOARD, **{f"hwmon/hwmon8/{key}": value for key, value in changes.items()}}


def test_average_before_input(make_tree: Make, open_tree: Make) -> None:
    both = board(power1_average=100_000_000, power1_input=110_000_000)
    assert row(open_tree, card(make_tree, both)).power.source == "hwmon power1_average"
    only = board(power1_input=110_000_000)
    seen = row(open_tree, card(make_tree, only))
    assert (seen.power_w, seen.power.source) == (110.0, "hwmon power1_input")


def test_the_fast_and_slow_limits_of_a_handheld_are_not_added(make_tree: Make, open_tree: Make) -> None:
    files = board(
        power1_average=9_000_000, power1_label="slowPPT", power2_average=12_000_000, power2_label="fastPPT"
    )
    files.pop("hwmon/hwmon8/power1_cap")
    seen = row(open_tree, card(make_tree, files, device="0x163f"))
    assert seen.device.form == "integrated" and seen.power_w == 9.0
    assert seen.power_scope == "whole APU package (slowPPT): CPU+GPU"


@pytest.mark.parametrize("power", [0, "", "garbage", "-5", 65_535_000_000, 376_000_000])
def test_an_impossible_power_is_unknown(power: Any, make_tree: Make, open_tree: Make) -> None:
    seen = row(open_tree, card(make_tree, board(power1_average=power)))
    assert seen.power_w is None and seen.power.reason == "implausible reading"
    assert seen.temperature_c == 40.0 and seen.memory.llm_total_bytes == 16 * GIB


def test_a_closed_sensor_is_named(make_tree: Make, open_tree: Make) -> None:
    root = card(make_tree, board(power1_average=100_000_000))
    for base in ("sys/class/drm/card1/device", f"sys/bus/pci/devices/{SLOT}"):
        (root / base / "hwmon/hwmon8/power1_average").chmod(0)
        (root / base / "gpu_busy_percent").chmod(0)
    seen = row(open_tree, root)
    assert seen.power_w is None and seen.power.reason == "permission" and seen.load.reason == "permission"


@pytest.mark.parametrize("code", [1, 16])
def test_eperm_and_ebusy_mean_asleep(
    code: int, make_tree: Make, open_tree: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = card(make_tree, board(power1_average=100_000_000), runtime="active")
    prober = open_tree(root)
    assert prober.report().accelerators[0].power_w == 100.0
    plain = Reader.again

    def refuse(self: Reader, path: str, limit: int = 4096) -> bytes:
        if "hwmon" in path or "busy" in path:
            raise OSError(code, "asleep", path)
        return plain(self, path, limit)

    monkeypatch.setattr(Reader, "again", refuse)
    seen = prober.report().accelerators[0]
    assert seen.state == "asleep" and seen.power_w is None
    assert seen.memory.dedicated_total_bytes == 16 * GIB and seen.memory.cached


def test_a_sleeping_card_is_not_read(make_tree: Make, open_tree: Make) -> None:
    lines: list[str] = []
    prober = open_tree(card(make_tree, board(power1_average=1), runtime="suspended"), trace=lines.append)
    seen = prober.report().accelerators[0]
    assert seen.state == "asleep" and seen.power_w is None and seen.device.form == "discrete"
    assert not [line for line in lines if "hwmon" in line or "mem_info" in line or "busy" in line]


def test_the_first_power_after_waking_is_dropped(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    root = card(make_tree, board(power1_average=100_000_000), runtime="suspended")
    prober = open_tree(root)
    prober.report()
    (root / f"sys/bus/pci/devices/{SLOT}/power/runtime_status").write_text("active\n")
    clock.step(1)
    seen = prober.report().accelerators[0]
    assert seen.power_w is None and "settle" in (seen.power.reason or "") and seen.temperature_c == 40.0
    clock.step(16)
    assert prober.report().accelerators[0].power_w == 100.0


def test_a_card_without_runtime_status_is_awake(make_tree: Make, open_tree: Make) -> None:
    root = card(make_tree, board(power1_average=100_000_000))
    for file in root.rglob("runtime_status"):
        file.unlink()
    assert row(open_tree, root).power_w == 100.0


APU = {
    "mem_info_vram_total": 512 << 20, "mem_info_vram_used": 100 << 20, "mem_info_gtt_total": 15 * GIB,
    "mem_info_gtt_used": GIB, "gpu_busy_percent": 50,
    "hwmon/hwmon6/name": "amdgpu",
    "hwmon/hwmon6/power1_input": 20_000_000, "hwmon/hwmon6/power1_label": "PPT",
    "hwmon/hwmon6/temp1_input": 50_000, "hwmon/hwmon6/temp1_label": "edge",
}  # fmt: skip


def test_the_room_of_an_apu_is_the_smaller_of_driver_and_system(make_tree: Make, open_tree: Make) -> None:
    seen = row(open_tree, card(make_tree, APU, device="0x15bf"))
    reserve = 32 * GIB // 20
    assert seen.device.form == "integrated" and seen.memory.unified
    assert seen.memory.llm_total_bytes == (512 << 20) + 15 * GIB
    assert seen.memory.llm_available_bytes == min((412 << 20) + 14 * GIB, (412 << 20) + 16 * GIB - reserve)
    little = {"proc/meminfo": trees.meminfo(32 << 20, 4 << 20)}
    seen = row(open_tree, card(make_tree, APU, little, device="0x15bf"))
    assert seen.memory.llm_available_bytes == (412 << 20) + 4 * GIB - reserve


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "integrated"),
        ({"mem_info_vram_vendor": "samsung"}, "discrete"),
        ({"board_info": "type : oam"}, "discrete"),
        ({"hwmon/hwmon6/power1_cap": 100_000_000}, "discrete"),
        ({"hwmon/hwmon6/temp2_input": 1, "hwmon/hwmon6/temp2_label": "junction"}, "discrete"),
        (
            {"hwmon/hwmon6/in1_input": 1, "hwmon/hwmon6/in1_label": "vddnb", "mem_info_vram_vendor": "x"},
            "integrated",
        ),
        ({"mem_info_vram_total": 96 * GIB}, "discrete"),
    ],
)
def test_signs_of_an_apu(changes: dict[str, Any], kind: str, make_tree: Make, open_tree: Make) -> None:
    assert row(open_tree, card(make_tree, {**APU, **changes}, device="0xabcd")).device.form == kind


def test_a_large_carve_out_is_known_by_the_processors_name(make_tree: Make, open_tree: Make) -> None:
    cpu = {"proc/cpuinfo": "model name\t: AMD RYZEN AI MAX+ PRO 395 w/ Radeon 8060S"}
    files = {**APU, "mem_info_vram_total": 96 * GIB}
    assert row(open_tree, card(make_tree, files, cpu, device="0xabcd")).device.form == "integrated"


def test_the_package_power_of_an_apu_contains_the_processors(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    zone = {
        "sys/class/powercap/intel-rapl:0/name": "package-0",
        "sys/class/powercap/intel-rapl:0/energy_uj": 1,
    }
    root = card(make_tree, APU, zone, device="0x15bf")
    prober = open_tree(root)
    prober.sample()
    clock.step(1)
    (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("15000001\n")
    sample = prober.sample()
    parts = {d.id: d for d in sample.devices}
    assert parts["rapl:package-0"].power_w == 15.0
    assert parts["rapl:package-0"].contained_in == f"pci:{SLOT}"
    assert sample.total.measured_w == 20.0


def test_igpu_and_card_are_both_kept_and_the_card_comes_first(make_tree: Make, open_tree: Make) -> None:
    other = "0000:7b:00.0"
    igpu = trees.pci(other, "0x1002", "0x164e", driver="amdgpu") | APU
    root = card(make_tree, board(power1_average=100_000_000), trees.card(0, 129, igpu, other))
    prober = open_tree(root)
    assert {r.device.form for r in prober.report().accelerators} == {"discrete", "integrated"}
    assert [d.integrated for d in prober.profile().devices] == [False, True]
    assert prober.profile().devices[0].backend == "vulkan"


@pytest.mark.parametrize(
    ("driver", "word"), [("radeon", "old radeon"), ("vfio-pci", "virtual"), ("", "No driver")]
)
def test_other_drivers_are_said(driver: str, word: str, make_tree: Make, open_tree: Make) -> None:
    seen = row(open_tree, card(make_tree, {}, driver=driver or None))
    assert not seen.usable and word in seen.messages[0] and seen.power_w is None


def test_names_in_the_order_of_the_lists(make_tree: Make, open_tree: Make) -> None:
    ids = {"usr/share/libdrm/amdgpu.ids": trees.AMDGPU_IDS, "usr/share/hwdata/pci.ids": trees.PCI_IDS}
    assert row(open_tree, card(make_tree, BOARD, ids, rev="0xcc")).name == "AMD Radeon RX 7900 XT"
    unknown = row(open_tree, card(make_tree, BOARD, ids, rev="0x11"))
    assert (
        unknown.name.startswith("Navi 31 [Radeon RX 7900 XT/")
        and unknown.device.name_source == "pci.ids (1002:744c)"
    )
    shipped = row(open_tree, card(make_tree, BOARD, rev="0xc8"))
    assert shipped.name == "AMD Radeon RX 7900 XTX" and shipped.device.name_source.startswith("shipped list")
    nothing = row(open_tree, card(make_tree, BOARD, device="0x0001"))
    assert nothing.name == "AMD device 1002:0001"
    instinct = row(
        open_tree, card(make_tree, {**BOARD, "product_name": "AMD Instinct MI210"}, device="0x0001")
    )
    assert instinct.name == "AMD Instinct MI210"


def metrics_v1(**changes: int) -> bytes:
    values = {"edge": 48, "hotspot": 52, "memory": 72, "busy": 25, "power": 49} | changes
    raw = bytearray(b"\xff" * 120)
    struct.pack_into("<HBB", raw, 0, 120, 1, 3)
    for at, key in ((4, "edge"), (6, "hotspot"), (8, "memory"), (16, "busy"), (22, "power")):
        struct.pack_into("<H", raw, at, values[key])
    return bytes(raw)


def test_the_binary_table_of_a_card() -> None:
    seen = parse_metrics(metrics_v1())
    assert seen is not None and (seen.edge_c, seen.hotspot_c, seen.memory_c) == (48, 52, 72)
    assert (seen.busy_pct, seen.socket_w) == (25, 49)
    absent = parse_metrics(metrics_v1(power=0xFFFF, busy=0xFFFF, edge=0xFFFF))
    assert absent is not None and absent.socket_w is absent.busy_pct is absent.edge_c is None


@pytest.mark.parametrize(("raw_power", "watts"), [(3401, 3.401), (15, 15.0), (0xFFFF, None), (0, None)])
def test_the_binary_table_of_an_older_apu(raw_power: int, watts: float | None) -> None:
    raw = bytearray(b"\xff" * 120)
    struct.pack_into("<HBBH", raw, 0, 120, 2, 1, 5100)
    struct.pack_into("<H", raw, 28, 79)
    struct.pack_into("<H", raw, 40, raw_power)
    seen = parse_metrics(bytes(raw))
    assert seen is not None and seen.socket_w == watts and seen.edge_c == 51 and seen.busy_pct == 0.79


def test_the_binary_table_gives_the_graphics_share_of_a_new_apu(
    known_tree: Callable[[str], tuple[Path, None]], open_tree: Make
) -> None:
    (seen,) = open_tree(known_tree("amdgpu_apu_strix_halo")[0]).report().accelerators
    assert seen.gpu_only_w == 42.65 and seen.power_w == 71.087


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\x78\x00\x01\x03", b"\x08\x00\x07\x00" + b"\0" * 200, metrics_v1()[:60]]
)
def test_a_cut_or_unknown_table_is_nothing(raw: bytes) -> None:
    assert parse_metrics(raw) is None


def test_the_table_stands_in_for_missing_files(make_tree: Make, open_tree: Make) -> None:
    files = {"mem_info_vram_total": 16 * GIB, "mem_info_vram_used": GIB, "gpu_metrics": metrics_v1()}
    seen = row(open_tree, card(make_tree, files))
    assert (seen.power_w, seen.power.source) == (49.0, "gpu_metrics v1.3 socket power")
    assert seen.load.value == 25 and seen.temperature_c == 48


@pytest.mark.parametrize(
    ("version", "name"), [(110000, "gfx1100"), (110501, "gfx1151"), (90010, "gfx90a"), (100302, "gfx1032")]
)
def test_targets(version: int, name: str) -> None:
    assert target_name(version) == name


def test_a_render_node_alone_is_a_card_too(make_tree: Make, open_tree: Make) -> None:
    device = trees.pci(SLOT, "0x1002", "0x740f", cls="0x120000", driver="amdgpu") | BOARD
    root = make_tree({f"sys/class/drm/renderD128/device/{k}": v for k, v in device.items()})
    assert row(open_tree, root).id == f"pci:{SLOT}"


def test_what_a_server_holds_on_the_card(make_tree: Make, open_tree: Make) -> None:
    info = f"drm-driver:\tamdgpu\ndrm-client-id:\t7\ndrm-pdev:\t{SLOT}\ndrm-memory-vram:\t{3 << 20} KiB"
    files = {"proc/9/comm": "ollama", "proc/9/fdinfo/4": info, "proc/9/fdinfo/5": info}
    seen = row(open_tree, card(make_tree, board(power1_average=1_000_000), files))
    assert seen.memory.server_holds_bytes == 3 * GIB, "one client with two descriptors counts once"
    assert seen.processes[0].name == "ollama"


def test_row_a_small_window_of_unknown_share_is_no_memory(make_tree: Make, open_tree: Make) -> None:
    """Without the driver's limit for shared memory the carve-out is not said to be all there is."""
    window = {name: value for name, value in APU.items() if not name.startswith("mem_info_gtt")}
    seen = row(open_tree, card(make_tree, window, device="0x15bf"))
    assert seen.memory.unified
    assert seen.memory.dedicated_total_bytes == 512 << 20
    assert seen.memory.llm_total_bytes is None and seen.memory.llm_available_bytes is None
    assert seen.memory.reason is not None and "small window" in seen.memory.reason
