"""A second set of models. Some buffer formulas were mended with it: it guards against going back, no more."""

import pytest

from bench import fit_accuracy as accuracy
from fakes import fit_truth
from wattlight.domain.fit import FitOptions, fit

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
