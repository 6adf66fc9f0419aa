"""The adviser: remembers answers, judges installed models, prefers a header to the catalogue."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import Question, Use, estimate_shape
from wattlight.domain.fit import Confidence, Verdict
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.shape import ModelShape, ShapeSource
from wattlight.domain.values import MachineProfile, Problem
from wattlight.services.advising import Advisor

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
CATALOG = load_catalog()
EDITORIAL = load_editorial()


def machine(name: str) -> MachineProfile:
    return parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture
def advisor() -> Advisor:
    return Advisor(CATALOG, EDITORIAL)


def header_like(name: str) -> ModelShape:
    """A shape that says it was read from a file."""
    match = CATALOG.find(name)
    assert match is not None
    assert match.entry.layout is not None
    shape = estimate_shape(match.entry, match.tag, match.entry.layout).shape
    return replace(shape, source=ShapeSource.HEADER)


def test_an_answer_is_remembered_while_memory_flutters(advisor: Advisor) -> None:
    profile = machine("card_8gib")
    first = advisor.advice(profile, Question(Use.CHAT))
    device = profile.devices[0]
    assert device.memory_free_bytes is not None
    wobble = device.memory_free_bytes - device.memory_free_bytes % (64 << 20) + 12345
    again = advisor.advice(
        replace(profile, devices=(replace(device, memory_free_bytes=wobble),)), Question(Use.CHAT)
    )
    assert again is first
    less = replace(device, memory_free_bytes=device.memory_free_bytes - (3 << 30))
    other = advisor.advice(replace(profile, devices=(less,)), Question(Use.CHAT))
    assert other is not first
    assert other.recommendations[0].name != first.recommendations[0].name


def test_advise_gives_the_list(advisor: Advisor) -> None:
    found = advisor.advice(machine("card_24gib"), Question(Use.CODE, 16384)).recommendations
    assert found and all(item.use is Use.CODE for item in found)
    assert all(item.context == min(16384, item.entry.context) for item in found)


def test_forgetting_makes_answers_new(advisor: Advisor) -> None:
    profile = machine("laptop_8gb")
    first = advisor.advice(profile, Question())
    advisor.forget()
    again = advisor.advice(profile, Question())
    assert again is not first and again == first


def test_a_listed_model_is_judged_by_the_catalogue(advisor: Advisor) -> None:
    opinion = advisor.judge("llama3.1", machine("card_8gib"), 8192)
    assert opinion.fit is not None and opinion.fit.verdict is Verdict.FULL_GPU
    assert opinion.source is ShapeSource.CATALOGUE
    assert opinion.confidence is Confidence.MEDIUM
    assert opinion.trained_context == 131072
    assert opinion.entry is not None and opinion.entry.name == "llama3.1:8b"
    assert opinion.largest_full_gpu_context is not None and opinion.largest_full_gpu_context % 256 == 0


def test_a_header_goes_before_the_catalogue() -> None:
    asked = []

    def shape_of(name: str) -> ModelShape | None:
        asked.append(name)
        return header_like("llama3.1:8b")

    advisor = Advisor(CATALOG, EDITORIAL, shape_of)
    opinion = advisor.judge("my-own-model:latest", machine("card_8gib"), 8192, digest="abc")
    assert opinion.source is ShapeSource.HEADER
    assert opinion.confidence is Confidence.HIGH
    assert opinion.entry is None
    advisor.judge("my-own-model:latest", machine("card_24gib"), 8192, digest="abc")
    assert asked == ["my-own-model:latest"]


def test_what_is_no_header_is_asked_for_once_by_content() -> None:
    asked = []

    def shape_of(name: str) -> ModelShape | None:
        asked.append(name)
        return replace(header_like("llama3.1:8b"), source=ShapeSource.CATALOGUE)

    advisor = Advisor(CATALOG, EDITORIAL, shape_of)
    for context in (4096, 8192):
        assert advisor.judge("llama3.1:8b", machine("card_8gib"), context, digest="abc").fit is not None
    assert asked == ["llama3.1:8b"]
    advisor.judge("llama3.1:8b", machine("card_8gib"), 4096, digest="def")
    advisor.forget()
    advisor.judge("llama3.1:8b", machine("card_8gib"), 4096, digest="abc")
    assert len(asked) == 3


def test_an_unreadable_header_falls_back() -> None:
    def shape_of(name: str) -> ModelShape | None:
        raise Problem("The file is gone.")

    advisor = Advisor(CATALOG, EDITORIAL, shape_of)
    assert advisor.judge("llama3.1:8b", machine("card_8gib")).source is ShapeSource.CATALOGUE


def test_an_unknown_model_is_said_to_be_unknown(advisor: Advisor) -> None:
    opinion = advisor.judge("nobody/knows:this", machine("card_8gib"))
    assert opinion.fit is None and opinion.speed is None
    assert opinion.reason


def test_the_default_context_is_the_servers(advisor: Advisor) -> None:
    small = advisor.judge("llama3.1:8b", machine("card_8gib")).fit
    large = advisor.judge("llama3.1:8b", machine("card_24gib")).fit
    assert small is not None and large is not None
    assert (small.context, large.context) == (4096, 32768)


def test_the_slider_has_a_stop_at_the_most_that_stays_on_the_gpu(advisor: Advisor) -> None:
    profile = machine("card_8gib")
    ladder = advisor.ladder("llama3.1:8b", profile, (4096, 8192, 65536, 131072))
    lengths = [step.context for step in ladder.steps]
    assert ladder.largest_context is not None
    stop = ladder.largest_context // 1024 * 1024
    assert lengths == sorted({4096, 8192, 65536, 131072, stop})
    by_length = {step.context: step.verdict for step in ladder.steps}
    assert by_length[stop] is Verdict.FULL_GPU
    assert all(by_length[c] is not Verdict.FULL_GPU for c in lengths if c > stop)
    roomy = advisor.ladder("llama3.1:8b", machine("card_48gib"), (4096,))
    assert [step.context for step in roomy.steps] == [4096, 131072], "all that it was trained for"


def test_what_an_8_bit_cache_frees_is_the_fits_own_difference(advisor: Advisor) -> None:
    profile = machine("card_24gib")
    ladder = advisor.ladder("llama3.1:8b", profile, (4096,), context=32768)
    whole = advisor.judge("llama3.1:8b", profile, 32768).fit
    assert whole is not None
    assert ladder.eight_bit is not None
    assert (ladder.eight_bit.kv_type, ladder.eight_bit.context) == ("q8_0", 32768)
    assert 1 << 30 < whole.needed_bytes - ladder.eight_bit.needed_bytes < whole.needed_bytes
    small = replace(profile, server=replace(profile.server, kv_cache_type="q8_0"))
    assert advisor.ladder("llama3.1:8b", small, (4096,)).eight_bit is None


def test_models_together_are_remembered_and_one_that_is_unknown_gives_none(advisor: Advisor) -> None:
    profile, pair = machine("card_24gib"), (("qwen3:8b", "", 8192), ("gemma3:12b", "", 8192))
    found = advisor.together(pair, profile)
    assert found is not None
    assert found.fits
    assert advisor.together(pair, profile) is found
    assert advisor.together((*pair, ("nobody/knows:this", "", None)), profile) is None
