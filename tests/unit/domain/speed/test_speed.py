"""Speed: published runs lie in the range, it falls with context and RAM, unknown stays unknown."""

from dataclasses import replace
from typing import Any

import pytest

from fakes import fit_truth
from wattlight.domain.fit import FitOptions, fit, prepare
from wattlight.domain.speed import prompt_tokens_per_second, tokens_per_second, traffic_of
from wattlight.domain.values import CpuProfile, Device, MachineProfile

GIB = 1 << 30


def machine(
    gib: float, bandwidth: float | None, name: str = "card", backend: str = "cuda", **more: Any
) -> MachineProfile:
    total = int(gib * GIB)
    device = Device("g", name, backend, total, total - (300 << 20), bandwidth_gbs=bandwidth, **more)
    return MachineProfile("m", "linux", 128 * GIB, 120 * GIB, CpuProfile(bandwidth_gbs=80), devices=(device,))


def speed(model: str, here: MachineProfile, context: int = 8192, **more: Any):  # type: ignore[no-untyped-def]
    prepared = prepare(fit_truth.shape(model))
    return tokens_per_second(prepared, fit(prepared, here, FitOptions(context=context)), here, **more)


@pytest.mark.parametrize(
    ("bandwidth", "measured", "name", "backend", "model"),
    [
        (448, 72.8, "RTX 3070", "cuda", "llama31-8b"),
        (936, 115.4, "RTX 3090", "cuda", "llama31-8b"),
        (1008, 130.6, "RTX 4090", "cuda", "llama31-8b"),
        (717, 108.2, "RTX 4080", "cuda", "llama31-8b"),
        (1792, 222.0, "RTX 5090", "cuda", "llama31-8b"),
        (120, 20.9, "Apple M4", "metal", "llama31-8b"),
        (400, 35.7, "Apple M1 Max", "metal", "llama31-8b"),
        (800, 78.8, "Apple M2 Ultra", "metal", "llama31-8b"),
    ],
)
def test_published_runs_lie_in_the_range(
    bandwidth: float, measured: float, name: str, backend: str, model: str
) -> None:
    apple = {"unified": True, "integrated": True} if backend == "metal" else {}
    found = speed(model, machine(32, bandwidth, name, backend, **apple), context=4096, context_used=100)
    assert found.low * 0.85 < measured < found.high * 1.05
    assert found.low < found.mid < found.high
    assert found.basis.endswith(".")


def test_a_longer_cache_is_slower() -> None:
    here = machine(24, 1008)
    speeds = [speed("llama31-8b", here, 32768, context_used=n).mid for n in (0, 4096, 32000)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[0] > speeds[2] * 1.3


def test_windows_keep_a_long_cache_quick() -> None:
    here = machine(24, 1008)
    slowdown = {
        name: speed(name, here, 32768, context_used=0).mid / speed(name, here, 32768, context_used=32000).mid
        for name in ("gemma3-12b", "qwen3-8b")
    }
    assert slowdown["gemma3-12b"] < slowdown["qwen3-8b"]


def test_layers_in_ram_are_slow() -> None:
    assert speed("llama31-8b", machine(4, 1008)).mid < speed("llama31-8b", machine(24, 1008)).mid / 3


def test_only_used_experts_are_read() -> None:
    here = machine(80, 1008)
    prepared = prepare(fit_truth.shape("qwen3-30b-a3b"))
    traffic = traffic_of(prepared, fit(prepared, here, FitOptions(context=4096)), 0)
    assert traffic.device_bytes < prepared.weights_bytes / 5
    assert traffic.host_bytes == 0


def test_the_state_is_read_and_written() -> None:
    here = machine(80, 1008)
    prepared = prepare(fit_truth.shape("qwen35-9b"))
    result = fit(prepared, here, FitOptions(context=4096))
    empty = traffic_of(prepared, result, 0)
    assert empty.device_bytes > empty.active_weights + 2 * 20_000_000


def test_unknown_bandwidth_gives_no_number() -> None:
    found = speed("llama31-8b", machine(24, None))
    assert (found.low, found.mid, found.high) == (None, None, None)
    assert "bandwidth of card is not known" in found.basis


def test_what_does_not_run_has_no_speed() -> None:
    here = replace(machine(4, 448), ram_total_bytes=8 * GIB, ram_available_bytes=4 * GIB)
    assert speed("llama33-70b", here).mid is None


def test_unknown_ram_widens_the_range() -> None:
    known = replace(machine(24, 1008), devices=())
    unknown = replace(known, cpu=CpuProfile())
    one, other = speed("llama31-8b", known), speed("llama31-8b", unknown)
    assert other.high / other.low > one.high / one.low
    assert "assumed" in other.basis


def test_an_own_benchmark_corrects_and_narrows() -> None:
    here = machine(24, 1008)
    plain, own = speed("llama31-8b", here), speed("llama31-8b", here, correction=0.8)
    assert own.mid == pytest.approx(plain.mid * 0.8)
    assert own.high / own.low < plain.high / plain.low


def test_a_prompt_is_read_faster_than_an_answer_is_written() -> None:
    here = machine(24, 1008)
    prepared = prepare(fit_truth.shape("llama31-8b"))
    result = fit(prepared, here, FitOptions(context=8192))
    prompt = prompt_tokens_per_second(prepared, result, here)
    assert prompt.low > tokens_per_second(prepared, result, here).high
    assert "Order of magnitude" in prompt.basis


def test_embedding_models_write_nothing() -> None:
    shape = replace(fit_truth.shape("llama32-1b"), embedding_only=True)
    prepared = prepare(shape)
    here = machine(24, 1008)
    found = tokens_per_second(prepared, fit(prepared, here, FitOptions(context=2048)), here)
    assert found.mid is None
