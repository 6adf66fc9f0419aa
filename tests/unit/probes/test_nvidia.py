"""NVIDIA cards: sleep gate, letting go, loss and return, slices, errors of every kind."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.fake_nvml_api import GIB, FakeGpu, FakeNvmlApi
from fakes.probe_clock import ProbeClock as Clock
from wattlight.domain.values import DeviceSample
from wattlight.probes import Prober
from wattlight.probes.nvidia.nvml import NvmlMemory, NvmlProcess

Make = Callable[..., Any]
FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"


def machine(make_tree: Make, *cards: dict[str, Any], **files: Any) -> Path:
    tree: dict[str, Any] = {"proc/meminfo": trees.meminfo(65473712, 48211004), **files}
    for index, card in enumerate(cards):
        slot = f"0000:0{index + 1}:00.0"
        device = trees.pci(slot, "0x10de", "0x2684", **{"driver": "nvidia", "control": "on", **card})
        tree.update(trees.card(index, 128 + index, device, slot))
    folder: Path = make_tree(tree)
    return folder


def rows(prober: Prober) -> list[DeviceSample]:
    return list(prober.report().accelerators)


def set_status(root: Path, slot: str, word: str) -> None:
    (root / f"sys/bus/pci/devices/{slot}/power/runtime_status").write_text(word + "\n")


def test_an_idle_card_that_may_sleep_is_let_go(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    root = machine(make_tree, {"control": "auto"})
    api = FakeNvmlApi(FakeGpu(processes=[NvmlProcess(1, 4 << 20, compute=False)]))
    prober = open_tree(root, nvml=lambda: api)
    for _ in range(4):
        row = rows(prober)[0]
        clock.step(11)
    assert row.power_w == 50.0 and api.opened == 0, "NVML is closed after the last idle look"
    calls = len(api.calls)
    for _ in range(1000):
        clock.step(60)
        row = rows(prober)[0]
    assert len(api.calls) == calls
    assert row.state == "active" and row.power_w is None and "let go" in (row.power.reason or "")
    assert row.memory.dedicated_total_bytes == 24 * GIB and row.memory.cached

    set_status(root, FIRST, "suspended")
    clock.step(60)
    row = rows(prober)[0]
    assert row.state == "asleep" and row.memory.dedicated_total_bytes == 24 * GIB
    assert len(api.calls) == calls
    set_status(root, FIRST, "active")
    clock.step(60)
    assert rows(prober)[0].power_w == 50.0, "somebody else woke it"


def test_a_started_engine_brings_the_readings_back(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    api = FakeNvmlApi(FakeGpu())
    prober = open_tree(machine(make_tree, {"control": "auto"}), nvml=lambda: api)
    for _ in range(5):
        rows(prober)
        clock.step(11)
    assert rows(prober)[0].power_w is None
    prober.engine_started()
    assert rows(prober)[0].power_w == 50.0


@pytest.mark.parametrize(
    "gpu",
    [
        {"utilization": 1},
        {"processes": [NvmlProcess(1, 1 << 30, compute=True)]},
    ],
)
def test_a_used_card_is_not_let_go(
    gpu: dict[str, Any], make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    prober = open_tree(machine(make_tree, {"control": "auto"}), nvml=lambda: FakeNvmlApi(FakeGpu(**gpu)))
    for _ in range(20):
        row = rows(prober)[0]
        clock.step(11)
    assert row.power_w == 50.0


def test_a_card_that_never_sleeps_is_not_let_go(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    api = FakeNvmlApi(FakeGpu())
    prober = open_tree(machine(make_tree, {"control": "on"}), nvml=lambda: api)
    for _ in range(20):
        row = rows(prober)[0]
        clock.step(11)
    assert row.power_w == 50.0 and api.opened == 1


def test_beside_a_sleeping_card_only_the_awake_one_is_touched(make_tree: Make, open_tree: Make) -> None:
    root = machine(make_tree, {}, {"runtime": "suspended", "state": "D3cold", "control": "auto"})
    api = FakeNvmlApi(FakeGpu(slot=FIRST), FakeGpu(slot=SECOND))
    first, second = rows(open_tree(root, nvml=lambda: api))
    assert first.power_w == 50.0 and second.state == "asleep"
    assert api.inits == [2], "opened without attaching every GPU"
    assert "handles" not in api.calls and not [c for c in api.calls if SECOND in c]


def test_an_old_library_is_not_used_beside_a_sleeping_card(make_tree: Make, open_tree: Make) -> None:
    root = machine(make_tree, {}, {"runtime": "suspended", "control": "auto"})
    api = FakeNvmlApi(FakeGpu(slot=FIRST), FakeGpu(slot=SECOND), by_slot=False)
    first, second = rows(open_tree(root, nvml=lambda: api))
    assert first.power_w is None and "asleep" in (first.power.reason or "") and second.state == "asleep"
    assert "handles" not in api.calls


@pytest.mark.parametrize("word", ["unsupported", "error", "active"])
def test_other_words_of_the_kernel_count_as_awake(word: str, make_tree: Make, open_tree: Make) -> None:
    prober = open_tree(machine(make_tree, {"runtime": word}), nvml=lambda: FakeNvmlApi(FakeGpu()))
    assert rows(prober)[0].power_w == 50.0


def test_a_resuming_card_is_left_for_the_next_look(make_tree: Make, open_tree: Make) -> None:
    api = FakeNvmlApi(FakeGpu())
    row = rows(open_tree(machine(make_tree, {"runtime": "resuming"}), nvml=lambda: api))[0]
    assert row.power_w is None and not api.calls


@pytest.mark.parametrize(("driver", "words"), [("nouveau", "nouveau"), ("vfio-pci", "virtual machine")])
def test_a_card_of_another_driver_is_not_asked(
    driver: str, words: str, make_tree: Make, open_tree: Make
) -> None:
    api = FakeNvmlApi(FakeGpu())
    row = rows(open_tree(machine(make_tree, {"driver": driver}), nvml=lambda: api))[0]
    assert not row.usable and words in (row.power.reason or "") and not api.calls


def test_slices_have_memory_and_the_card_the_power(make_tree: Make, open_tree: Make) -> None:
    parts = [
        FakeGpu(uuid=f"MIG-{n}", name="NVIDIA H100 MIG 1g.10gb", memory=NvmlMemory(10 * GIB, 9 * GIB, GIB))
        for n in (1, 2)
    ]
    card = FakeGpu(name="NVIDIA H100 80GB HBM3", slices=parts, faults={"utilization": 3})
    prober = open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(card))
    parent, *slices = rows(prober)
    assert parent.power_w == 50.0 and parent.memory.llm_total_bytes is None
    assert [s.id for s in slices] == ["mig:MIG-1", "mig:MIG-2"]
    assert all(s.power_w is None and s.contained_in == parent.id for s in slices)
    assert [s.memory.llm_available_bytes for s in slices] == [9 * GIB, 9 * GIB]
    assert [d.id for d in prober.profile().devices] == ["mig:MIG-1", "mig:MIG-2"]
    sample = prober.sample()
    assert sum(d.power_w or 0 for d in sample.devices) == 50.0


def test_one_lost_card_does_not_silence_the_other(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    lost, good = FakeGpu(slot=FIRST), FakeGpu(slot=SECOND, uuid="GPU-2")
    api = FakeNvmlApi(lost, good)
    prober = open_tree(machine(make_tree, {}, {}), nvml=lambda: api)
    assert [r.power_w for r in rows(prober)] == [50.0, 50.0]
    lost.faults["all"] = 15
    clock.step(5)
    first, second = rows(prober)
    assert first.state == "lost" and first.power_w is None and second.power_w == 50.0
    lost.faults.clear()
    clock.step(31)
    assert [r.power_w for r in rows(prober)] == [50.0, 50.0]


def test_a_reloaded_driver_is_reopened_after_a_pause(make_tree: Make, open_tree: Make, clock: Clock) -> None:
    gpu = FakeGpu()
    api = FakeNvmlApi(gpu)
    prober = open_tree(machine(make_tree, {}), nvml=lambda: api)
    rows(prober)
    gpu.faults["all"], api.init_fault = 1, 9
    clock.step(5)
    assert rows(prober)[0].power_w is None
    tries = []
    for _ in range(200):
        clock.step(1)
        before = len(api.inits)
        row = rows(prober)[0]
        if len(api.inits) > before:
            tries.append(clock.mono_s)
    gaps = [b - a for a, b in pairwise(tries)]
    assert "not running" in (row.power.reason or "") and gaps[0] == 10 and max(gaps) <= 60
    assert gaps == sorted(gaps)
    gpu.faults.clear()
    api.init_fault = None
    clock.step(61)
    assert rows(prober)[0].power_w == 50.0


def test_one_refused_figure_does_not_cost_the_others(make_tree: Make, open_tree: Make) -> None:
    refused = dict.fromkeys(("field186/0", "field185/0", "power_usage", "temperature", "limit_mw"), 3)
    prober = open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(FakeGpu(faults=refused)))
    row = rows(prober)[0]
    assert row.power_w is None and row.temperature_c is None and row.limit_w is None
    assert row.power.reason == "the driver does not report power for this GPU"
    assert row.memory.dedicated_total_bytes == 24 * GIB and row.load.value == 0
    assert row.estimate_w is not None and row.estimate_w[0] < row.estimate_w[1] <= 450
    card = next(d for d in prober.sample().devices if d.kind == "gpu")
    assert card.power_w is None and card.estimate_w is not None


def test_power_from_the_counter_where_there_is_no_gauge(
    make_tree: Make, open_tree: Make, clock: Clock
) -> None:
    gpu = FakeGpu(faults=dict.fromkeys(("field186/0", "field185/0", "power_usage"), 3))
    prober = open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(gpu))
    assert rows(prober)[0].power_w is None and prober.has_counters()
    clock.step(2)
    gpu.energy_mj += 240_000
    row = rows(prober)[0]
    assert row.power_w == 120.0 and row.power.source == "nvml energy counter"


@pytest.mark.parametrize("milliwatts", [0, 65_535_000, 4_000_000_000])
def test_an_impossible_power_is_unknown(milliwatts: int, make_tree: Make, open_tree: Make) -> None:
    gpu = FakeGpu(power_mw=milliwatts)
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(gpu)))[0]
    assert row.power_w is None and row.power.reason == "implausible reading"


def test_a_refused_memory_of_a_discrete_card_stays_unknown(make_tree: Make, open_tree: Make) -> None:
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(FakeGpu(faults={"memory": 3}))))[0]
    assert not row.memory.unified and row.memory.llm_total_bytes is None and row.memory.reason


@pytest.mark.parametrize("memory", [NvmlMemory(0, 0, 0), None])
def test_a_unified_chip_has_the_systems_memory(
    memory: NvmlMemory | None, make_tree: Make, open_tree: Make
) -> None:
    gpu = FakeGpu(name="NVIDIA GB10", ats=True)
    if memory is None:
        gpu.faults["memory"] = 3
    else:
        gpu.memory = memory
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(gpu)))[0]
    assert row.memory.unified and row.memory.llm_total_bytes == 65473712 * 1024
    assert row.memory.shared_available_bytes == 48211004 * 1024 and row.device.form == "integrated"
    assert row.power.source == "nvmlDeviceGetPowerUsage" and row.power_scope == "gpu only"


def test_vgpu_is_said(make_tree: Make, open_tree: Make) -> None:
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(FakeGpu(vgpu=True))))[0]
    assert "vGPU" in row.messages[0]


def test_what_a_server_holds_is_told(make_tree: Make, open_tree: Make) -> None:
    gpu = FakeGpu(processes=[NvmlProcess(77, 3 * GIB), NvmlProcess(78, GIB)])
    names = {"proc/77/comm": "llama-server", "proc/78/comm": "blender"}
    row = rows(open_tree(machine(make_tree, {}, **names), nvml=lambda: FakeNvmlApi(gpu)))[0]
    assert row.memory.server_holds_bytes == 3 * GIB
    assert [p.name for p in row.processes] == ["llama-server", "blender"]


def test_a_size_is_remembered_for_the_next_start(
    make_tree: Make, open_tree: Make, tmp_path: Path, clock: Clock
) -> None:
    root = machine(make_tree, {"control": "auto"})
    prober = open_tree(root, nvml=lambda: FakeNvmlApi(FakeGpu()), cache=tmp_path / "cache")
    rows(prober)
    prober.close()
    set_status(root, FIRST, "suspended")
    api = FakeNvmlApi(FakeGpu())
    row = rows(open_tree(root, nvml=lambda: api, cache=tmp_path / "cache"))[0]
    assert (row.name, row.memory.llm_total_bytes) == ("NVIDIA GeForce RTX 4090", 24 * GIB)
    assert row.state == "asleep" and row.memory.cached and not api.calls


def test_wsl_lists_what_the_library_knows(make_tree: Make, open_tree: Make) -> None:
    root = make_tree(
        {"proc/version": "Linux version 5.15.167.4-microsoft-standard-WSL2", "dev/dxg": "",
         "proc/meminfo": trees.meminfo(16158340, 9211904)}
    )  # fmt: skip
    row = rows(open_tree(root, nvml=lambda: FakeNvmlApi(FakeGpu(faults={"processes": 3}))))[0]
    assert row.id == "pci:0000:01:00.0" and row.power_w == 50.0
    api = FakeNvmlApi()
    api.init_fault = 12
    prober = open_tree(root, nvml=lambda: api)
    assert rows(prober) == [] and prober.report().environment.wsl


@pytest.mark.parametrize(("code", "words"), [(15, "stopped responding"), (16, "needs a reset")])
def test_a_card_that_is_lost_from_the_start_beside_a_good_one(
    code: int, words: str, make_tree: Make, open_tree: Make
) -> None:
    api = FakeNvmlApi(FakeGpu(slot=FIRST, faults={"handle_at": code}), FakeGpu(slot=SECOND))
    first, second = rows(open_tree(machine(make_tree, {}, {}), nvml=lambda: api))
    assert words in (first.power.reason or "") and not first.usable
    assert second.power_w == 50.0 and second.usable


def test_names_of_processes_are_not_guessed_from_inside_a_container(make_tree: Make, open_tree: Make) -> None:
    gpu = FakeGpu(processes=[NvmlProcess(77, 3 * GIB)])
    files = {"proc/77/comm": "llama-server", ".dockerenv": ""}
    row = rows(open_tree(machine(make_tree, {}, **files), nvml=lambda: FakeNvmlApi(gpu)))[0]
    assert row.processes[0].name == "" and row.memory.server_holds_bytes is None


@pytest.mark.parametrize(
    ("bits", "slowed_by"),
    [
        (0, ()),
        (0x1, ()),
        (0x4, ("power",)),
        (0x80, ("power",)),
        (0x20, ("heat",)),
        (0x60 | 0x4, ("heat", "power")),
    ],
)
def test_what_holds_the_clocks_down(
    bits: int, slowed_by: tuple[str, ...], make_tree: Make, open_tree: Make
) -> None:
    api = FakeNvmlApi(FakeGpu(clock_reasons=bits))
    assert rows(open_tree(machine(make_tree, {}), nvml=lambda: api))[0].slowed_by == slowed_by


def test_a_card_that_does_not_tell_its_clocks_is_no_slowed_card(make_tree: Make, open_tree: Make) -> None:
    api = FakeNvmlApi(FakeGpu(faults={"clock_reasons": 3}))
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: api))[0]
    assert row.slowed_by == () and row.power_w == 50.0


@pytest.mark.parametrize(
    ("shares", "total", "unified"),
    [
        (True, GIB * 3 // 2, True),
        (True, 2 * GIB - 1, True),
        (True, 96 * GIB, False),
        (True, 2 * GIB, False),
        (False, GIB, False),
    ],
)
def test_row_a_small_window_into_shared_memory_is_no_memory(
    shares: bool, total: int, unified: bool, make_tree: Make, open_tree: Make
) -> None:
    """Of a chip nobody named yet: with page tables of the processor, a small total is its window. A large
    one beside the processor (Grace Hopper) and a small card of its own keep what they state."""
    gpu = FakeGpu(name="NVIDIA X9", ats=shares, memory=NvmlMemory(total, total // 4, total * 3 // 4))
    row = rows(open_tree(machine(make_tree, {}), nvml=lambda: FakeNvmlApi(gpu)))[0]
    assert row.memory.unified is unified
    assert row.memory.llm_total_bytes == (65473712 * 1024 if unified else total)
