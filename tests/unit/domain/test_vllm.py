"""Memory under vLLM: starts that were logged in public, divided models, windows, and what does not start."""

import csv
from pathlib import Path

import pytest

from wattlight.domain.values import Device
from wattlight.domain.vllm import REST_BYTES, CacheLayer, EngineModel, Outlook, plan, tokens_at_a_time

GIB = 1 << 30
LOGGED = Path(__file__).parents[2] / "data" / "engines" / "vllm_starts.csv"
STARTS = list(csv.DictReader(LOGGED.read_text(encoding="utf-8").splitlines()))
USUAL = [row for row in STARTS if row["rest_gib"] and not row["note"].endswith(("by setting", "images"))]


def card(gib: float, name: str = "NVIDIA GeForce RTX 4090", free: float | None = None) -> Device:
    room = None if free is None else int(free * GIB)
    return Device("0", name, "cuda", int(gib * GIB), room)


def llama(weights_gib: float, layers: int = 32, heads: int = 8, trained: int = 8192) -> EngineModel:
    each = CacheLayer(heads, 2 * 128)
    return EngineModel("LlamaForCausalLM", int(weights_gib * GIB), trained, 32, (each,) * layers)


@pytest.mark.parametrize("row", USUAL, ids=lambda row: row["source"])
def test_what_vllm_took_beside_weights_and_cache_is_in_the_range(row: dict[str, str]) -> None:
    low, high = REST_BYTES[tokens_at_a_time(card(float(row["card_gib"]), row["card"])) > 2048]
    assert low <= float(row["rest_gib"]) * GIB <= high


@pytest.mark.parametrize("row", [row for row in STARTS if row["cache_tokens"]], ids=lambda row: row["source"])
def test_the_cache_holds_as_many_tokens_as_was_logged(row: dict[str, str]) -> None:
    layer = CacheLayer(int(row["kv_heads"]), 2 * int(row["head_dim"]))
    model = EngineModel("", 0, 1 << 20, 64, (layer,) * int(row["layers"]))
    tokens = int(row["cache_tokens"])
    needed = model.request_bytes(tokens, int(row["gpus"]), 2, 2048)
    assert needed == pytest.approx(float(row["cache_gib"]) * GIB, rel=0.015)


def test_the_whole_of_a_logged_start() -> None:
    """Llama 3 8B on an H100 80 GB at 0.9: 53.29 GiB of cache were logged."""
    made = plan(llama(14.96), card(79.22, "NVIDIA H100 80GB HBM3"), utilization=0.9)
    assert made.cache_bytes[0] / GIB < 53.29 < made.cache_bytes[1] / GIB
    assert made.outlook is Outlook.STARTS
    assert made.request_bytes == GIB  # 8,192 tokens of 128 KiB


def test_two_cards_share_weights_and_heads() -> None:
    one, two = plan(llama(14.96), card(23.55)), plan(llama(14.96), card(23.55), 2)
    assert two.weights_bytes == pytest.approx(one.weights_bytes / 2, abs=1)
    assert two.request_bytes * 2 == one.request_bytes


def test_more_cards_than_heads_hold_the_same_head() -> None:
    model = llama(30, heads=2)
    assert model.divides(4)
    four, two = plan(model, card(23.55), 4), plan(model, card(23.55), 2)
    assert four.request_bytes == two.request_bytes
    assert not model.divides(3)
    assert not llama(30, heads=6).divides(4)


def test_a_model_that_starts_only_if_buffers_are_small() -> None:
    made = plan(llama(19.5), card(23.55))
    assert made.outlook is Outlook.PERHAPS
    assert made.largest_context[0] < 8192 <= made.largest_context[1]
    assert plan(llama(19.5), card(23.55), context=1024, value_bytes=1).request_bytes == GIB // 16


def test_a_model_that_does_not_start() -> None:
    made = plan(llama(22), card(23.55))
    assert made.outlook is Outlook.NO
    assert made.cache_bytes == (0, 0)
    assert made.largest_context == (0, 0)


def test_layers_with_a_window_keep_the_window_and_what_is_worked_on() -> None:
    model = EngineModel("", 0, 1 << 17, 8, (CacheLayer(8, 256, 1024), CacheLayer(8, 256)))
    a_block = 16 * 8 * 256 * 2
    long = model.request_bytes(1 << 17, 1, 2, 2048)
    assert long == ((1 << 13) + -(-(1024 - 1 + 2048) // 16) + 1) * a_block
    assert model.request_bytes(512, 1, 2, 2048) == 2 * 32 * a_block


def test_memory_that_others_hold_must_become_free_first() -> None:
    assert plan(llama(5), card(24, free=20)).busy_bytes == int(24 * GIB * 0.92) - 20 * GIB
    assert plan(llama(5), card(24)).busy_bytes == 0
