"""Models one after the other: each against what those before it have left, by the same figures as alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import (
    FitOptions,
    PreparedModel,
    RoomBeside,
    Verdict,
    fit,
    fit_together,
    prepare,
    without_models,
)
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.state import RunningModel, ServerState
from wattlight.domain.values import MachineProfile

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
CATALOG = load_catalog()
GIB = 1 << 30
AT = FitOptions(context=8192)


def machine(name: str) -> MachineProfile:
    return parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))


def model(name: str) -> PreparedModel:
    match = CATALOG.find(name)
    assert match is not None
    assert match.entry.layout is not None
    return prepare(estimate_shape(match.entry, match.tag, match.entry.layout).shape)


def test_two_that_fit_take_what_each_takes_alone() -> None:
    card, names = machine("card_24gib"), ("qwen3:8b", "gemma3:12b")
    models = [model(name) for name in names]
    found = fit_together(models, card, [AT, AT])
    assert found.fits
    alone = [fit(item, card, AT) for item in models]
    assert found.used_bytes == sum(item.gpu_bytes + item.projector_bytes for item in alone)
    assert found.total_bytes == card.devices[0].memory_total_bytes
    assert found.results[1].spare_bytes < alone[1].spare_bytes, "the first one's memory is not counted twice"
    assert found.results[1].spare_bytes == alone[1].spare_bytes - found.results[0].gpu_bytes


def test_the_one_that_would_be_divided_does_not_fit_beside() -> None:
    found = fit_together([model("qwen3:8b"), model("gemma3:12b")], machine("card_12gib"), [AT, AT])
    assert found.rooms == (RoomBeside.FITS, RoomBeside.PARTLY)
    assert found.results[1].verdict is Verdict.PARTIAL_GPU
    assert found.results[1].missing_bytes > 0
    assert not found.fits
    alone = fit_together([model("gemma3:12b")], machine("card_12gib"), [AT])
    assert alone.fits, "alone it does"


def test_the_order_and_the_context_decide() -> None:
    card = machine("card_12gib")
    small, large = model("gemma3:4b"), model("qwen3:8b")
    assert fit_together([small, large], card, [AT, AT]).fits
    assert not fit_together([small, large], card, [AT, FitOptions(context=32768)]).fits
    assert fit_together([small, small], card, [AT, AT]).fits


def test_what_the_server_estimates_larger_is_crowded_out() -> None:
    """The largest context that fits by what it takes, where the server's own estimate is above its share."""
    card = machine("card_12gib")
    first, second = model("gemma3:4b"), model("gemma3:4b")
    rooms = {
        fit_together([first, second], card, [AT, FitOptions(context=length)]).rooms[1]
        for length in range(8192, 131072, 8192)
    }
    assert {RoomBeside.FITS, RoomBeside.CROWDED} <= rooms


def test_where_programs_and_models_share_the_memory_it_is_taken_from_both() -> None:
    mac = machine("apple_16gb")
    found = fit_together([model("qwen3:8b"), model("gemma3:12b")], mac, [AT, AT])
    assert found.rooms == (RoomBeside.FITS, RoomBeside.NONE)
    assert fit_together([model("gemma3:4b"), model("qwen3:8b")], mac, [AT, AT]).fits


def test_without_accelerators_the_ram_is_shared() -> None:
    laptop = machine("intel_integrated_16gb")
    pair = [model("gemma3:4b"), model("qwen3:8b")]
    found = fit_together(pair, laptop, [AT, AT])
    assert found.rooms == (RoomBeside.FITS, RoomBeside.NONE)
    assert found.total_bytes == laptop.ram_total_bytes
    roomy = replace(laptop, ram_total_bytes=64 * GIB, ram_available_bytes=60 * GIB)
    both = fit_together(pair, roomy, [AT, AT])
    assert both.fits
    assert both.used_bytes == sum(result.needed_bytes for result in both.results)


def test_two_cards_take_one_each() -> None:
    found = fit_together([model("qwen3:8b"), model("gemma3:12b")], machine("cards_2x24gib"), [AT, AT])
    assert found.fits
    assert found.results[0].devices[0].id != found.results[1].devices[0].id
    assert found.total_bytes == sum(d.memory_total_bytes or 0 for d in machine("cards_2x24gib").devices)


@pytest.mark.parametrize("held_gib", [0, 6, 99])
def test_what_is_loaded_counts_as_free_and_no_more_than_there_is(held_gib: int) -> None:
    card = machine("card_12gib")
    device = replace(card.devices[0], memory_free_bytes=4 * GIB)
    card = replace(card, devices=(device,))
    held = RunningModel("m", "d", held_gib * GIB, held_gib * GIB)
    freed = without_models(card, ServerState("u", running=(held,) if held_gib else (), version="0.33.0"))
    total = device.memory_total_bytes or 0
    assert freed.devices[0].memory_free_bytes == min(total, (4 + held_gib) * GIB)
