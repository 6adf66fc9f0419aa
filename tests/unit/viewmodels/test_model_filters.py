"""The list of models by fit, size and licence: what is hidden is counted, and an empty list says why."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.services.answers import CPU_ONLY, DOES_NOT_FIT, FULL_GPU, PARTIAL_GPU
from wattlight.viewmodels.model_choices import GB, Filters, licences
from wattlight.viewmodels.models import models_view


def keys(filters: Filters) -> list[str]:
    return [row.key for row in models_view(made_up_day.evening(), filters).rows if row.key]


HERE = ["qwen3:8b", "gpt-oss:20b", "qwen3.5:9b", "llama3.3:70b"]
ALL = [*HERE, "qwen3.6:27b", "gemma4:26b", "qwen3-coder:30b"]


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (Filters(), ALL),
        (Filters(fit=FULL_GPU), [name for name in ALL if name != "llama3.3:70b"]),
        (Filters(fit=PARTIAL_GPU), ["llama3.3:70b"]),
        (Filters(most_bytes=10 * GB), ["qwen3:8b", "qwen3.5:9b"]),
        (Filters(most_bytes=18 * GB, fit=FULL_GPU), [*HERE[:3], "qwen3.6:27b", "gemma4:26b"]),
        (Filters(licence="Gemma"), [*HERE, "gemma4:26b"]),
        (Filters(fit=DOES_NOT_FIT), ["qwen3:32b-fp16", "dolphin-mixtral:8x7b"]),
    ],
)
def test_only_what_is_asked_for_is_shown(filters: Filters, shown: list[str]) -> None:
    assert keys(filters) == shown


def test_what_is_hidden_is_counted_and_an_empty_list_says_why() -> None:
    scene = made_up_day.evening()
    some = models_view(scene, Filters(licence="Gemma"))
    assert some.footnote.startswith("The filters hide 2 models.") and some.empty is None
    none = models_view(scene, Filters(fit=CPU_ONLY))
    assert none.empty is not None
    assert none.empty.title == "The filters hide 7 models."
    assert models_view(scene, Filters()).footnote.find("filters") < 0


def test_a_model_whose_fit_is_not_known_is_not_taken_for_one_that_fits() -> None:
    scene = made_up_day.evening()
    scene = replace(scene, extras=replace(scene.extras, fits=()))
    view = models_view(scene, Filters(fit=FULL_GPU))
    assert "qwen3:8b" not in [row.key for row in view.rows]


def test_licences_are_those_of_the_offers() -> None:
    assert licences(made_up_day.offers()) == ("Apache-2.0", "Gemma")
