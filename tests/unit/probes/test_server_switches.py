"""The server's settings, from wherever they can be read, and what the faces make of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from wattlight.cli.verb_hardware import hardware_document, hardware_lines
from wattlight.domain.fit import left_out, usable_devices
from wattlight.probes.reader import Reader
from wattlight.probes.server_switches import ServerSwitches, profile_of

Make = Callable[..., Any]
GIB = 1 << 30
SLOT = "0000:c5:00.0"
PHOENIX = {
    "mem_info_vram_total": 4 * GIB, "mem_info_vram_used": GIB >> 2, "mem_info_gtt_total": 14 * GIB,
    "mem_info_gtt_used": GIB, "gpu_busy_percent": 1, "hwmon/hwmon6/name": "amdgpu",
    "hwmon/hwmon6/temp1_input": 50_000, "hwmon/hwmon6/temp1_label": "edge",
}  # fmt: skip
CONFIG = (
    'time=2026-11-23T15:16:00.654Z level=INFO source=routes.go:1951 msg="server config" env="map['
    "CUDA_VISIBLE_DEVICES: LLAMA_ARG_FIT: LLAMA_ARG_FIT_TARGET:{target} OLLAMA_CONTEXT_LENGTH:0 "
    "OLLAMA_FLASH_ATTENTION:false OLLAMA_GPU_OVERHEAD:0 OLLAMA_IGPU_ENABLE:{igpu} OLLAMA_KV_CACHE_TYPE:q8_0 "
    'OLLAMA_NUM_PARALLEL:2 OLLAMA_ORIGINS:[http://localhost https://localhost] OLLAMA_VULKAN:true]"\n'
)


def server(environ: str, pid: int = 812, comm: str = "ollama") -> dict[str, str]:
    base = f"proc/{pid}"
    return {
        f"{base}/comm": comm,
        f"{base}/cmdline": "/usr/bin/ollama\0serve\0",
        f"{base}/environ": environ.replace(" ", "\0"),
    }


def mini_pc(make_tree: Make, more: dict[str, str]) -> Path:
    device = trees.pci(SLOT, "0x1002", "0x15bf", driver="amdgpu")
    device.update(PHOENIX)
    tree = {**trees.card(1, 128, device, SLOT), "proc/meminfo": trees.meminfo(28 << 20, 20 << 20)}
    folder: Path = make_tree({**tree, **more})
    return folder


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        (server("HOME=/x OLLAMA_IGPU_ENABLE=true PATH=/bin"), True),
        (server("OLLAMA_IGPU_ENABLE=0"), False),
        (server("OLLAMA_IGPU_ENABLE='1'"), True),
        (server("OLLAMA_IGPU_ENABLE=1", comm="python3"), None),
        (
            {"etc/systemd/system/ollama.service.d/a.conf": "[Service]\nEnvironment=OLLAMA_IGPU_ENABLE=1"},
            True,
        ),
        (
            {
                "usr/lib/systemd/system/ollama.service": "[Service]\nEnvironmentFile=-/etc/default/ollama",
                "etc/default/ollama": "# own\nOLLAMA_IGPU_ENABLE=1",
            },
            True,
        ),
        ({}, None),
    ],
)
def test_the_switch_of_processor_graphics_is_followed(
    more: dict[str, str], allowed: bool | None, make_tree: Make, open_tree: Make
) -> None:
    prober = open_tree(mini_pc(make_tree, more))
    profile, report = prober.profile(), prober.latest()
    assert profile.server.igpu_enable is allowed
    assert bool(usable_devices(profile)) is (allowed is True)
    lines = "\n".join(hardware_lines(report, profile))
    assert ("free for a model" in lines) is (allowed is True)
    assert ("OLLAMA_IGPU_ENABLE" in lines) is (allowed is not True)
    row = hardware_document(report, profile)["accelerators"][0]
    assert row["server_leaves_out"] == {True: None, False: "integrated_off", None: "integrated"}[allowed]


def test_a_closed_environment_leaves_the_service_file(make_tree: Make, open_tree: Make) -> None:
    unit = {"etc/systemd/system/ollama.service": '[Service]\nEnvironment="OLLAMA_IGPU_ENABLE=1" "X=2"'}
    root = mini_pc(make_tree, {**server("OLLAMA_IGPU_ENABLE=0"), **unit})
    (root / "proc/812/environ").chmod(0)
    profile = open_tree(root).profile()
    assert profile.server.igpu_enable is True and "service" in profile.server.source


def test_the_last_start_of_the_log_counts(tmp_path: Path) -> None:
    log = tmp_path / ".ollama/logs/server.log"
    log.parent.mkdir(parents=True)
    log.write_text(CONFIG.format(igpu="0", target="") + "x\n" + CONFIG.format(igpu="1", target="2048"))
    empty = tmp_path / "machine"
    empty.mkdir()
    reader = Reader(tmp_path)
    seen = ServerSwitches(reader, {"HOME": "/"}).look()
    assert (seen.igpu_enable, seen.fit_target_mib, seen.kv_cache_type, seen.num_parallel) == (
        True, (2048,), "q8_0", 2,
    )  # fmt: skip
    assert seen.flash_attention == "auto", "the log says false where nothing is set"
    assert "log" in seen.source


def test_our_own_environment_is_the_last_to_count(tmp_path: Path) -> None:
    seen = ServerSwitches(Reader(tmp_path), {"OLLAMA_GPU_OVERHEAD": "5000", "LANG": "C"}).look()
    assert seen.gpu_overhead_bytes == 5000 and "this program" in seen.source
    assert ServerSwitches(Reader(tmp_path), {"LANG": "C"}).look().source == ""


def test_variables_are_read_as_the_server_reads_them() -> None:
    seen = profile_of(
        {
            "OLLAMA_FLASH_ATTENTION": "nonsense", "OLLAMA_SCHED_SPREAD": "T", "OLLAMA_VULKAN": "False",
            "OLLAMA_CONTEXT_LENGTH": " '16384' ", "OLLAMA_NUM_PARALLEL": "-3", "LLAMA_ARG_FIT": "off",
            "LLAMA_ARG_FIT_TARGET": "512, 2048", "HSA_OVERRIDE_GFX_VERSION": "11.5.1",
            "CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "1", "OLLAMA_GPU_OVERHEAD": "much",
        },
        "here",
    )  # fmt: skip
    assert (seen.flash_attention, seen.spread, seen.vulkan, seen.fit) == ("on", True, False, False)
    assert (seen.context_length, seen.num_parallel, seen.gpu_overhead_bytes) == (16384, 1, 0)
    assert (seen.fit_target_mib, seen.gfx_override) == ((512, 2048), "gfx1151")
    assert seen.visible == (("cuda", ""), ("rocm", "1"))


def test_a_profile_of_the_recorded_machine_keeps_them(make_tree: Make, open_tree: Make) -> None:
    from wattlight.domain.machine_file import machine_document, parse_machine

    more = server("OLLAMA_IGPU_ENABLE=1 LLAMA_ARG_FIT_TARGET=300 CUDA_VISIBLE_DEVICES=0")
    profile = open_tree(mini_pc(make_tree, more)).profile()
    again = parse_machine(json.loads(json.dumps(machine_document(profile))))
    assert again.server == profile.server and not left_out(again)
    assert again.devices[0].memory_own_bytes == 4 * GIB
