"""What a load teaches, and what it must not teach."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.metering import part
from wattlight.domain.fit import Confidence, DeviceUse, FitResult, HostUse, Verdict
from wattlight.domain.learning import (
    Comparison,
    DeviceLook,
    LoadKey,
    MemoryLook,
    corrected,
    device_label,
    disturbance,
    learn,
    look_at,
    matching,
    predicted,
    used_between,
)
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.values import LOCAL_HOST, DeviceMemory, GpuProcess, is_model_server

GIB = 1 << 30
MIB = 1 << 20
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = LoadKey("0.33.0", "NVIDIA GeForce RTX 4090", "llama")
FIT = FitResult(
    verdict=Verdict.FULL_GPU, layers_total=33, layers_on_gpu=33, expert_blocks_in_ram=0,
    devices=(DeviceUse("gpu-0", "NVIDIA GeForce RTX 4090", 4 * GIB, GIB, GIB // 4, 23 * GIB),),
    host=HostUse(0, 0, 0), batch=1024, context=8192, context_asked=8192, kv_type="f16", parallel=1,
    flash_attention=True, reported_size_bytes=5 * GIB, reported_vram_bytes=5 * GIB, spare_bytes=GIB,
    missing_bytes=0, projector_bytes=0,
    uncertainty_bytes=200 * MIB, confidence=Confidence.HIGH,
)  # fmt: skip
MODEL = RunningModel("llama3.1:8b", "d1", 5 * GIB, 5 * GIB, 8192)


def load(used: int | None, size: int = 5 * GIB, minute: int = 0, **change: object) -> Comparison:
    base = Comparison(
        at=NOW + timedelta(minutes=minute), model="m", digest="d1", key=KEY, context=8192, kv_type="f16",
        verdict=Verdict.FULL_GPU, predicted_used_bytes=5 * GIB, predicted_size_bytes=5 * GIB,
        predicted_vram_bytes=5 * GIB, used_bytes=used, used_source="driver, by process",
        used_reason=None if used is not None else "x", reported_size_bytes=size, reported_vram_bytes=size,
    )  # fmt: skip
    return replace(base, **change)


def look(used: int, runner: int | None, others: int | None, *loaded: str, second: float = 0) -> MemoryLook:
    device = DeviceLook("gpu-0", used, runner, others)
    return MemoryLook(NOW + timedelta(seconds=second), (device,), frozenset(loaded))


def test_without_loads_a_fit_stays_as_it_is() -> None:
    assert corrected(FIT, ()) == (FIT.gpu_bytes, 200 * MIB)


def test_one_load_moves_the_figure_but_does_not_make_it_surer() -> None:
    bytes_, uncertainty = corrected(FIT, [load(5 * GIB + 400 * MIB)])
    assert bytes_ == FIT.gpu_bytes + 400 * MIB
    assert uncertainty == 200 * MIB


def test_three_loads_tell_their_own_spread() -> None:
    loads = [load(5 * GIB + d * MIB, minute=m) for m, d in enumerate((380, 400, 450))]
    assert corrected(FIT, loads) == (FIT.gpu_bytes + 400 * MIB, 50 * MIB)
    steady = [load(5 * GIB + 400 * MIB, minute=m) for m in range(5)]
    assert corrected(FIT, steady) == (FIT.gpu_bytes + 400 * MIB, 32 * MIB)


def test_one_odd_load_moves_nothing() -> None:
    loads = [load(5 * GIB + d * MIB, minute=m) for m, d in enumerate((400, 400, 1400, 400, 400))]
    assert corrected(FIT, loads)[0] == FIT.gpu_bytes + 400 * MIB
    assert corrected(FIT, [load(20 * GIB)]) == (FIT.gpu_bytes, 200 * MIB)


def test_only_like_loads_are_asked() -> None:
    loads = [
        load(1, minute=3),
        load(2, minute=1),
        load(3, key=replace(KEY, server_version="0.32.0")),
        load(4, key=replace(KEY, device="cpu")),
        load(5, key=replace(KEY, architecture="qwen3")),
        load(6, verdict=Verdict.PARTIAL_GPU),
        load(7, disturbed="other_program"),
    ]
    assert [c.used_bytes for c in matching(loads, KEY, Verdict.FULL_GPU)] == [2, 1]
    assert corrected(FIT, [load(5 * GIB + MIB, disturbed="unsteady")]) == (FIT.gpu_bytes, 200 * MIB)


def test_only_the_newest_twenty_count() -> None:
    old = [(NOW + timedelta(minutes=m), 1000 * MIB, 1100 * MIB) for m in range(20)]
    new = [(NOW + timedelta(days=1, minutes=m), 1000 * MIB, 1050 * MIB) for m in range(20)]
    correction = learn([*new, *old])
    assert correction is not None
    assert (correction.offset_bytes, correction.loads) == (50 * MIB, 20)


@given(st.lists(st.integers(-6 * GIB, 60 * GIB), max_size=40))
def test_a_correction_never_makes_nonsense(offsets: list[int]) -> None:
    loads = [load(max(0, 5 * GIB + d), minute=m) for m, d in enumerate(offsets)]
    bytes_, uncertainty = corrected(FIT, loads)
    assert abs(bytes_ - FIT.gpu_bytes) <= 1536 * MIB
    assert uncertainty >= 32 * MIB


def test_an_undisturbed_load() -> None:
    before = [look(2 * GIB, None, 2 * GIB), look(2 * GIB, 0, 2 * GIB)]
    after = [
        look(7 * GIB, 5 * GIB, 2 * GIB, "d1", second=20),
        look(7 * GIB, 5 * GIB, 2 * GIB, "d1", second=21),
    ]
    assert disturbance(predicted(FIT, "llama"), MODEL, before, after) is None
    assert used_between(before[-1], after[-1]).used_bytes == 5 * GIB
    assert used_between(before[-1], after[-1]).source == "driver, by process"


DISTURBED = [
    ("not_listed", MODEL, look(0, 0, 0), look(5, 5, 0)),
    ("not_listed", None, look(0, 0, 0), look(5, 5, 0, "d1")),
    ("already_loaded", MODEL, look(0, 0, 0, "d1"), look(5, 5, 0, "d1")),
    ("other_model", MODEL, look(0, 0, 0, "d2"), look(5, 5, 0, "d1")),
    ("other_model", MODEL, look(0, 0, 0), look(5, 5, 0, "d1", "d2")),
    ("context", replace(MODEL, context_length=4096), look(0, 0, 0), look(5, 5, 0, "d1")),
    ("placement", replace(MODEL, size_vram_bytes=GIB), look(0, 0, 0), look(5, 5, 0, "d1")),
    ("other_program", MODEL, look(0, 0, 0), look(5, 5, 65 * MIB, "d1")),
    ("other_program", MODEL, look(0, 0, 65 * MIB), look(5, 5, 0, "d1")),
    ("old_look", MODEL, look(0, None, None), look(5, None, None, "d1", second=61)),
    ("unsteady", MODEL, look(0, None, None), look(5, None, None, "d1")),
]


@pytest.mark.parametrize(("code", "model", "before", "after"), DISTURBED)
def test_a_disturbed_load(
    code: str, model: RunningModel | None, before: MemoryLook, after: MemoryLook
) -> None:
    assert disturbance(predicted(FIT, "llama"), model, [before], [after]) == code


def test_without_a_list_of_processes_the_memory_must_be_at_rest() -> None:
    calm, loaded = [look(GIB, None, None)] * 2, [look(6 * GIB, None, None, "d1")] * 2
    forecast = predicted(FIT, "llama")
    assert disturbance(forecast, MODEL, calm, loaded) is None
    assert used_between(calm[-1], loaded[-1]).source == "driver, free memory"
    moving = [look(GIB, None, None), look(GIB + 17 * MIB, None, None)]
    assert disturbance(forecast, MODEL, moving, loaded) == "unsteady"
    assert (
        disturbance(forecast, MODEL, calm, [loaded[0], look(6 * GIB + GIB, None, None, "d1")]) == "unsteady"
    )


def test_a_partial_load_must_be_partial_and_a_cpu_load_has_no_figure() -> None:
    before, after = [look(0, 0, 0)], [look(5, 5, 0, "d1")]
    partial = replace(predicted(FIT, "llama"), verdict=Verdict.PARTIAL_GPU)
    assert disturbance(partial, MODEL, before, after) == "placement"
    assert disturbance(partial, replace(MODEL, size_vram_bytes=GIB), before, after) is None
    nothing = MemoryLook(NOW, (), frozenset())
    done = MemoryLook(NOW + timedelta(minutes=10), (), frozenset({"d1"}))
    on_cpu = replace(predicted(FIT, "llama"), verdict=Verdict.CPU, used_bytes=0)
    assert disturbance(on_cpu, replace(MODEL, size_vram_bytes=4 * MIB), [nothing], [done]) is None
    assert used_between(nothing, done).used_bytes is None


def test_a_device_that_came_or_memory_that_fell_is_no_measurement() -> None:
    two = MemoryLook(NOW, (*look(1, 0, 0).devices, DeviceLook("gpu-1", 1, 0, 0)), frozenset())
    assert used_between(look(1, 0, 0), two).used_bytes is None
    assert used_between(look(9, None, None), look(5, None, None)).used_bytes is None


def test_a_look_sorts_the_processes() -> None:
    processes = (
        GpuProcess(1, 5 * GIB, "/usr/lib/ollama/llama-server"),
        GpuProcess(2, GIB, "C:\\Games\\game.exe"),
        GpuProcess(3, 7, "ollama.exe"),
    )
    device = part("gpu-0", memory=DeviceMemory(dedicated_used_bytes=7 * GIB), processes=processes)
    other = part("cpu", kind="cpu")
    sample = MachineSample(LOCAL_HOST, NOW, 1.0, (device, other))
    found = look_at(sample, [MODEL])
    assert found.devices == (DeviceLook("gpu-0", 7 * GIB, 5 * GIB + 7, GIB),)
    assert found.loaded == {"d1"}
    unnamed = replace(device, processes=(GpuProcess(1, None, "ollama"),))
    assert look_at(replace(sample, devices=(unnamed,)), []).devices[0].runner_bytes is None
    assert not is_model_server("python3")


def test_labels_of_devices() -> None:
    assert device_label([]) == "cpu"
    assert device_label(["B", "A"]) == device_label(["A", "B"]) == "A + B"
    assert device_label(["T4", "T4"]) == "2 × T4"
    assert predicted(FIT, "llama").device == "NVIDIA GeForce RTX 4090"
