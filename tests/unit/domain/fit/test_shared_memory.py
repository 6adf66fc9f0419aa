"""Memory beside the RAM, limits that are none, the server's switches, its own choice of context."""

from dataclasses import replace

import pytest

from fakes import fit_truth
from wattlight.domain.fit import (
    ContextSource,
    FitOptions,
    Reason,
    Verdict,
    about_machine,
    explain,
    fit,
    left_out,
    prepare,
    usable_devices,
)
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import Device, MachineProfile, ServerProfile

GIB = 1 << 30
MIB = 1 << 20
BIG = prepare(fit_truth.shape("qwen3next-80b"))
SMALL = prepare(fit_truth.shape("llama31-8b"))


def apu(ram: int, own: int, total: int, free: int | None = None, **more: object) -> dict[str, object]:
    return {
        "ram_total_bytes": ram * GIB,
        "ram_available_bytes": (ram - 4) * GIB,
        "devices": [
            {
                "name": "Radeon 8060S", "backend": "rocm", "unified": True, "integrated": True,
                "memory_total_bytes": total * GIB, "memory_free_bytes": (free or total) * GIB,
                **({"memory_own_bytes": own * GIB} if own else {}), **more,
            }
        ],
    }  # fmt: skip


def card(gib: float, **more: object) -> Device:
    size = int(gib * GIB)
    return Device("a", "Card", "cuda", size, size - GIB // 2, **more)  # type: ignore[arg-type]


def machine(*devices: Device, ram: int = 64, **server: object) -> MachineProfile:
    profile = ServerProfile(**server)  # type: ignore[arg-type]
    return MachineProfile("pc", "linux", ram * GIB, (ram - 8) * GIB, server=profile, devices=devices)


def codes(reasons: tuple[Reason, ...]) -> dict[str, dict[str, int | str]]:
    return {reason.code: dict(reason.values) for reason in reasons}


@pytest.mark.parametrize("own", [64, 0], ids=["stated", "found out"])
def test_a_carve_out_is_no_part_of_the_ram(own: int) -> None:
    here = parse_machine(apu(16, own, 72, 70))
    result = fit(BIG, here, FitOptions(context=32768))
    assert result.verdict is Verdict.FULL_GPU
    assert here.own_bytes == (64 if own else 56) * GIB


def test_what_does_not_fit_beside_the_carve_out_does_not_fit() -> None:
    here = parse_machine(apu(16, 32, 40, 39))
    result = fit(BIG, here, FitOptions(context=32768))
    assert result.verdict is Verdict.NO
    said = codes(explain(BIG, here, result))["ram_too_small"]
    assert said["total_bytes"] == 48 * GIB and said["needed_bytes"] == result.needed_bytes


def test_a_limit_above_all_there_is_counts_for_no_more() -> None:
    here = parse_machine(apu(32, 2, 64))
    assert here.devices[0].memory_total_bytes == 34 * GIB == here.devices[0].memory_free_bytes
    assert len(here.notes) == 1 and "34.0 GiB" in here.notes[0]
    mac = parse_machine(
        {
            "ram_total_bytes": 16 * GIB,
            "devices": [{"backend": "metal", "unified": True, "memory_total_bytes": 99 * GIB}],
        }
    )
    assert mac.devices[0].memory_total_bytes == 16 * GIB


def test_more_free_than_in_all_is_cut_with_a_note() -> None:
    here = parse_machine(
        {"devices": [{"name": "X", "memory_total_bytes": 8 * GIB, "memory_free_bytes": 9 * GIB}]}
    )
    assert here.devices[0].memory_free_bytes == 8 * GIB
    assert here.notes == ("X states more memory free (9.0 GiB) than it has (8.0 GiB), which counts.",)


def test_graphics_of_a_processor_need_the_switch() -> None:
    chip = Device("b", "Intel Arc 140V", "vulkan", 16 * GIB, 15 * GIB, unified=True, integrated=True)
    here = machine(chip, ram=32)
    result = fit(SMALL, here, FitOptions(context=8192))
    said = codes(explain(SMALL, here, result))
    assert result.verdict is Verdict.CPU and said["left_out_integrated"] == {"device": "Intel Arc 140V"}
    assert "igpu_whole" in said
    allowed = machine(chip, ram=32, igpu_enable=True)
    assert fit(SMALL, allowed, FitOptions(context=8192)).verdict is Verdict.FULL_GPU
    assert not left_out(allowed)
    gb10 = Device("c", "NVIDIA GB10", "cuda", 100 * GIB, 90 * GIB, unified=True, integrated=True)
    assert usable_devices(machine(gb10, ram=128)) == (gb10,)
    assert left_out(machine(gb10, ram=128, igpu_enable=False)) == ((gb10, "integrated_off"),)


def test_other_switches_hide_devices() -> None:
    one, two = card(8, uuid="GPU-1c0"), replace(card(8), id="z", uuid="GPU-7f3")
    assert usable_devices(machine(one, two, visible=(("cuda", "1"),))) == (two,)
    assert usable_devices(machine(one, two, visible=(("cuda", "GPU-7f"),))) == (two,)
    assert usable_devices(machine(one, two, visible=(("cuda", "-1"),))) == ()
    arc = Device("v", "Arc B580", "vulkan", 12 * GIB, 11 * GIB)
    assert left_out(machine(arc, vulkan=False)) == ((arc, "vulkan_off"),)
    chip = Device("r", "Radeon 780M", "rocm", 16 * GIB, 15 * GIB, unified=True, integrated=True)
    assert usable_devices(machine(chip, gfx_override="gfx1151")) == (chip,)


def test_the_overhead_reserves_nothing_but_moves_the_tier() -> None:
    plain = fit(SMALL, machine(card(24)))
    less = machine(card(24), gpu_overhead_bytes=2 * GIB)
    result = fit(SMALL, less)
    assert (plain.context, result.context) == (32768, 4096)
    same = FitOptions(context=8192)
    assert fit(SMALL, less, same).spare_bytes == fit(SMALL, machine(card(24)), same).spare_bytes
    assert codes(about_machine(less))["overhead_reserves_nothing"]["overhead_bytes"] == 2 * GIB
    wrapped = fit(SMALL, machine(card(8), gpu_overhead_bytes=9 * GIB))
    assert wrapped.context_asked == 262144, "a value above the card's size wraps round"
    old = machine(card(24), gpu_overhead_bytes=2 * GIB, version="0.20.0")
    assert fit(SMALL, old, same).spare_bytes == plain.spare_bytes - 2 * GIB + (
        fit(SMALL, machine(card(24)), same).spare_bytes - plain.spare_bytes
    )
    assert "overhead_reserves_nothing" not in codes(about_machine(old))


def test_the_fit_target_is_what_stays_free() -> None:
    ask = FitOptions(context=8192)
    plain = fit(SMALL, machine(card(8)), ask)
    more = fit(SMALL, machine(card(8), fit_target_mib=(1536,)), ask)
    assert plain.spare_bytes - more.spare_bytes == 512 * MIB
    two = fit(SMALL, machine(card(8), replace(card(8), id="b"), fit_target_mib=(0, 2048), spread=True), ask)
    one = fit(SMALL, machine(card(8), replace(card(8), id="b"), spread=True), ask)
    assert len(two.devices) == 2 and two.spare_bytes == one.spare_bytes
    off = fit(BIG, machine(card(8), fit=False), ask)
    assert (off.verdict, off.obstacle) == (Verdict.NO, "device_too_small")


def test_a_context_nobody_asked_for_is_the_servers() -> None:
    assert fit(SMALL, machine(card(24))).context_source is ContextSource.TIER
    set_there = fit(SMALL, machine(card(24), context_length=12000))
    assert (set_there.context, set_there.context_source) == (12000, ContextSource.SETTING)
    asked = fit(SMALL, machine(card(24), context_length=12000), FitOptions(context=4096))
    assert (asked.context, asked.context_source) == (4096, ContextSource.ASKED)
    assert fit(SMALL, machine(card(24), version="0.15.4")).context == 4096, "no tiers before 0.15.5"
    assert "context_cut" not in codes(explain(SMALL, machine(card(48)), fit(SMALL, machine(card(48)))))


def test_a_default_that_runs_out_of_memory_steps_down_once() -> None:
    mac = Device("m", "Apple M2 Max", "metal", 48 * GIB, 48 * GIB, unified=True, integrated=True)
    here = MachineProfile("mac", "macos", 60 * GIB, 50 * GIB, devices=(mac,))
    model = SMALL
    result = fit(model, here, FitOptions(parallel=4))
    assert (result.context, result.context_source) == (32768, ContextSource.STEPPED_DOWN)
    assert result.verdict is not Verdict.NO and result.context_asked > 32768
    said = codes(explain(model, here, result))
    assert said["stepped_down"] == {"context": 32768, "before": result.context_asked}
    kept = fit(model, here, FitOptions(parallel=4, context=result.context_asked))
    assert kept.verdict is Verdict.NO, "what was asked for is not lowered"


@pytest.mark.parametrize(
    ("version", "code"),
    [("0.29.3", "own_engine"), ("0.31.0", "older_server"), ("0.40.2", "newer_server"), ("0.34.1", ""),
     ("0.0.0", ""), (None, "")],
)  # fmt: skip
def test_another_version_than_the_measured_one_is_said(version: str | None, code: str) -> None:
    found = codes(about_machine(machine(card(24), version=version)))
    assert set(found) == ({code} if code else set())


@pytest.mark.parametrize(
    ("version", "backend", "name", "said"),
    [
        ("0.40.1", "metal", "qwen35-9b", True),
        ("0.35.1", "metal", "qwen35-9b", False),
        ("0.40.1", "cuda", "qwen35-9b", False),
        ("0.41.0", "metal", "llama31-8b", False),
        (None, "metal", "qwen35-9b", False),
    ],
)
def test_another_engine_on_apple_silicon_is_said(
    version: str | None, backend: str, name: str, said: bool
) -> None:
    device = Device("m", "Apple M3 Pro", backend, 27 * GIB, 27 * GIB, unified=True, integrated=True)
    here = MachineProfile("mac", "macos", 36 * GIB, 30 * GIB, devices=(device,))
    here = replace(here, server=ServerProfile(version=version))
    model = prepare(fit_truth.shape(name))
    assert ("mlx_by_default" in codes(explain(model, here, fit(model, here)))) is said
