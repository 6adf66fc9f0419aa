"""Logs that people published of real engines, beside what is predicted for the same case (MiB)."""

from dataclasses import replace

import pytest

from fakes import draft_models, fit_truth
from wattlight.domain.fit import FitOptions, PreparedModel, fit, prepare
from wattlight.domain.fit.plan import Planner

MIB = 1 << 20


def long(name: str) -> PreparedModel:
    """A model of the measured ones, its trained context lifted."""
    shape = fit_truth.shape(name)
    metadata = {**shape.metadata, f"{shape.architecture}.context_length": 1 << 20}
    return prepare(replace(shape, metadata=metadata))


ROCM, METAL, CUDA = "rocm", "metal", "cuda"


@pytest.mark.parametrize(
    ("model", "backend", "options", "logged"),
    [
        (
            "gptoss120b",
            ROCM,
            FitOptions(context=131072, parallel=2, batch=1024),
            {"weights": 61223, "kv": 9306, "host": 1385},
        ),
        ("qwen35-27b", CUDA, FitOptions(context=262144, batch=1024), {"compute": 756, "host": 1234}),
        ("qwen35-4b", CUDA, FitOptions(context=262144, batch=512), {"compute": 317}),
        ("qwen35-4b", CUDA, FitOptions(context=262144, batch=512, kv_type="q8_0"), {"compute": 1331}),
        ("llama32-3b", METAL, FitOptions(context=16384), {"weights": 1918.35, "host_weights": 308.23}),
        ("qwen35moe-35b", CUDA, FitOptions(context=65536), {"kv": 1280 + 62.8}),
    ],
    ids=[
        "ollama#16416",
        "llama.cpp#25465",
        "unsloth#6718",
        "unsloth#6718-q8_0",
        "ollama#12912",
        "llama.cpp#23269",
    ],
)
def test_row_memory_logged_by_real_engines(
    model: str, backend: str, options: FitOptions, logged: dict[str, float]
) -> None:
    """Within 1 % wherever model and engine are the same. (The compute buffer of ollama#16416 is of 0.30.)"""
    where = fit_truth.machine_of({"id": "x", "devices": "D0:400000:400000", "backend": backend})
    found = fit(long(model), where, options)
    use = found.devices[0]
    ours = {
        "weights": use.weights_bytes,
        "kv": use.kv_bytes,
        "compute": use.compute_bytes,
        "host": found.host_bytes,
        "host_weights": found.host.weights_bytes,
    }
    for part, size in logged.items():
        assert ours[part] / MIB == pytest.approx(size, rel=0.01), part


@pytest.mark.parametrize(
    ("model", "context", "length", "kv", "state"),
    [
        ("qwen35-27b", 262144, 2, 16384, 448.87),
        ("qwen35moe-35b", 65536, 2, 1280, 188.44),
    ],
)
def test_row_memory_of_drafts_logged_by_real_engines(
    model: str, context: int, length: int, kv: float, state: float
) -> None:
    """llama.cpp#25465 (16832 = 16384 + three states) and llama.cpp#23269."""
    where = fit_truth.machine_of({"id": "x", "devices": "D0:400000:400000"})
    options = FitOptions(context=context, batch=512, draft=length)
    drafting = draft_models.drafting(model)
    sizer = Planner(drafting, where, options).plan(context).sizer(drafting.drafting)
    assert sizer.attention_cache(0, sizer.layers) / MIB == pytest.approx(kv, rel=0.01)
    assert sizer.states * sizer.cache.state[-1] / MIB == pytest.approx(state, rel=0.001)


def test_row_memory_of_sixty_blocks_of_a_mixture() -> None:
    """llama.cpp#18675: 1206.3 with q8_0 at 65,536 tokens."""
    shape = fit_truth.shape("qwen35moe-122b")
    model = prepare(replace(shape, metadata={**shape.metadata, "qwen35moe.block_count": 60}))
    cache = model.cache("q8_0", True, 512)
    assert (65536 * cache.full[-1] + cache.state[-1]) / MIB == pytest.approx(1206.3, rel=0.001)
