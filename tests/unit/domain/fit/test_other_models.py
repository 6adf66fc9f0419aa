"""A second set of models. Some buffer formulas were mended with it: it guards against going back, no more."""

from dataclasses import replace

import pytest

from bench import fit_accuracy as accuracy
from fakes import fit_truth
from wattlight.domain.fit import FitOptions, fit
from wattlight.domain.fit.constants import constants_for, version_number
from wattlight.domain.fit.sizing import FileSpans
from wattlight.domain.fit.weights import OUTSIDE, tensor_rows

SCORED = [accuracy.score(case) for case in fit_truth.other_cases()]
MEASURED = [s for s in SCORED if accuracy.model(s.case["model"]).arch.measured]
WHOLE = ("cuda-full", "cpu")


def full(items: list[accuracy.Scored], group: str) -> list[accuracy.Scored]:
    return [s for s in items if s.case["group"] == group]


@pytest.mark.parametrize("model", sorted({s.case["model"] for s in SCORED}))
def test_weights_and_cache_are_exact_for(model: str) -> None:
    for scored in SCORED:
        if scored.case["model"] == model and scored.case["group"] in WHOLE:
            assert abs(scored.placed_error("weights")) < 1e-5, scored.case["id"]
            assert abs(scored.placed_error("cache")) < 0.001, scored.case["id"]


@pytest.mark.parametrize(
    ("group", "bound_percent"), [("cuda-full", 0.2), ("cpu", 1.0), ("fit", 1.5), ("multi2x24", 2.5)]
)
def test_totals_of_measured_architectures(group: str, bound_percent: float) -> None:
    items = full(MEASURED, group)
    assert len(items) > 60
    assert accuracy.worst(s.error("total") for s in items) <= bound_percent


def test_layers_of_measured_architectures() -> None:
    fitted = [s for s in MEASURED if s.case["fit"]]
    assert len(fitted) > 400
    assert accuracy.share(fitted, lambda s: s.layers_agree) >= 97.5
    assert accuracy.share(fitted, lambda s: abs(s.result.layers_on_gpu - s.layers_measured) <= 1) >= 99.5


def test_other_architectures_stay_near() -> None:
    others = [s for s in SCORED if s not in MEASURED and s.case["group"] in {"cuda-full", "cpu", "fit"}]
    assert len(others) > 250
    assert accuracy.worst(s.error("total") for s in others) <= 6
    assert sum(abs(s.error("total")) for s in others) / len(others) <= 0.005


def test_a_model_without_attention_is_sized() -> None:
    machine = fit_truth.machine_of({"id": "x", "devices": "CUDA0:3932:4034"})
    result = fit(accuracy.model("mamba2"), machine, FitOptions(context=4096))
    assert sum(use.kv_bytes for use in result.devices) > 0
    longer = fit(accuracy.model("mamba2"), machine, FitOptions(context=65536, batch=result.batch))
    assert [use.kv_bytes for use in longer.devices] == [use.kv_bytes for use in result.devices]


@pytest.mark.parametrize("digits", ["²", "²₂", "①", "1²", "", "-1", "99999999999"])
def test_a_tensor_whose_number_is_none_counts_as_no_block(digits: str) -> None:
    shape = fit_truth.shape("tiny-llama")
    odd = replace(shape.tensors[-1], name=f"blk.{digits}.attn_q.weight", offset=1 << 40)
    rows = tensor_rows(replace(shape, tensors=(*shape.tensors, odd)))
    assert (rows[-1].block, rows[-1].part) == (OUTSIDE, odd.name)
    FileSpans(replace(shape, tensors=(*shape.tensors, odd)), 4)


@pytest.mark.parametrize("version", ["².1", "٣.²", "0.①", "v", "", "0.1234567", None])
def test_a_version_that_is_none_is_the_newest(version: str | None) -> None:
    assert version_number(version) is None
    assert constants_for(version) is constants_for(None)


def test_digits_of_another_script_are_digits() -> None:
    assert version_number("٠.٣٣") == (0, 33)
