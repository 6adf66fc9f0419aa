"""Single models told truthfully: the figures people argue about."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import KnownModels, Question, Use, recommend
from wattlight.domain.fit import FitOptions, FitResult, Verdict, fit
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import MachineProfile

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"


@pytest.fixture(scope="module")
def known() -> KnownModels:
    return KnownModels(load_catalog(), load_editorial())


def machine(name: str) -> MachineProfile:
    return parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))


def place(known: KnownModels, name: str, profile: MachineProfile, context: int) -> FitResult:
    match = known.catalog.find(name)
    assert match is not None
    ready = known.known(match.entry, match.tag)
    assert ready is not None
    return fit(ready.model, profile, FitOptions(context=context))


def test_70b_at_4_bits_is_partial_on_24_gib(known: KnownModels) -> None:
    result = place(known, "llama3.1:70b", machine("card_24gib"), 8192)
    assert result.verdict is Verdict.PARTIAL_GPU
    weights = sum(use.weights_bytes for use in result.devices) + result.host.weights_bytes
    assert weights == pytest.approx(42.52e9, rel=0.01)
    assert 30 < result.layers_on_gpu < 50


def test_32b_at_16_bits_does_not_fit_beside_24_gib(known: KnownModels) -> None:
    box = replace(machine("card_24gib"), ram_total_bytes=32 << 30, ram_available_bytes=24 << 30)
    assert place(known, "qwen3:32b-fp16", box, 8192).verdict is Verdict.NO


@pytest.mark.parametrize(
    ("name", "context"), [("mistral:7b", 4096), ("mistral:7b", 8192), ("llama2:7b", 4096)]
)
def test_7b_models_lie_wholly_on_8_gib(known: KnownModels, name: str, context: int) -> None:
    result = place(known, name, machine("card_8gib"), context)
    assert result.verdict is Verdict.FULL_GPU
    assert result.spare_bytes > 0


def test_mistral_small_22b_is_partial_on_12_gib(known: KnownModels) -> None:
    """12.57 GB of weights are 11.7 GiB: cache, buffers and the driver's share do not fit beside them."""
    profile = machine("card_12gib")
    for context in (2048, 4096, 8192, 32768):
        result = place(known, "mistral-small:22b", profile, context)
        assert result.verdict is Verdict.PARTIAL_GPU
        assert result.layers_on_gpu < result.layers_total
    match = known.catalog.find("mistral-small:22b")
    assert match is not None
    assert match.entry.model_bytes == 12_569_159_552


@pytest.mark.parametrize("name", ["macbook_8gb", "card_8gib", "strix_halo"])
def test_a_model_of_which_no_layer_fits_is_an_answer(known: KnownModels, name: str) -> None:
    result = place(known, "deepseek-r1:671b", machine(name), 8192)
    assert result.verdict is Verdict.NO


@pytest.mark.parametrize("name", ["card_8gib", "card_16gib", "card_24gib", "apple_16gb", "laptop_16gb"])
def test_row_needs_is_one_figure_wherever_it_is_said(known: KnownModels, name: str) -> None:
    """What is said of a model that was left out is what a fit of it says."""
    profile, context = machine(name), 8192
    advice = recommend(known, profile, Question(Use.CHAT, context))
    said = {
        out.name: dict(out.reason.values)["needed_bytes"]
        for out in advice.passed_over
        if out.reason.code == "no_room"
    }
    assert said
    for model, needed in said.items():
        assert needed == place(known, model, profile, context).needed_bytes, model


@pytest.mark.parametrize("name", ["laptop_8gb", "card_12gib", "card_24gib", "apple_64gb"])
def test_row_no_reason_from_a_model_far_larger(known: KnownModels, name: str) -> None:
    """Nobody asks why a model many times the one named, or many times the room, was not taken."""
    profile = machine(name)
    for use in Use:
        advice = recommend(known, profile, Question(use, 8192))
        for item in advice.recommendations:
            for other in item.instead_of:
                found = known.catalog.find(other.name)
                assert found is not None
                assert found.tag.bytes_listed < 4 * item.tag.bytes_listed, other.name
        for out in advice.passed_over:
            values = dict(out.reason.values)
            if "needed_bytes" in values:
                assert 0 < int(values["needed_bytes"]) < 4 * int(values["room_bytes"]), out.name
