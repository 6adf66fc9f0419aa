"""Recommendations for real kinds of computers, judged by hand.

Each case says which models we held to be right for chat on that machine, and why; what is asserted is what
must stay true when constants move: where the first lies, how large it is, that it is of a current generation.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import Advice, KnownModels, Question, Use, effective_billions, recommend
from wattlight.domain.fit import FitOptions, Verdict, fit
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import MachineProfile

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
NAMES = sorted(file.stem for file in MACHINES.glob("*.json"))
OUTDATED = {
    "llama2", "codellama", "tinyllama", "mistral", "mixtral", "gemma2", "llama3.1", "qwen2.5", "starcoder2",
    "smollm2", "phi3.5", "command-r", "command-r7b", "mistral-nemo", "codestral",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What must hold for chat at 8192 tokens on one machine."""

    machine: str
    first: tuple[str, ...]
    """Models that may stand first."""
    among_five: tuple[str, ...]
    """Models of which each must be among the first five, in whatever quantization."""
    verdict: Verdict
    api: bool = False


CASES = [
    # 3 GB free. Right: Granite 4.2 3B (2.2 GB, twice reading speed), a 2B of Qwen, a 3B of Mistral. Nothing
    # of 4B fits beside a browser; Qwen3.5 2B does, but its kind of attention is slow on processors. And: say
    # that an API is better.
    Case(
        "laptop_8gb", ("granite4.2:3b", "qwen3.5:2b"), ("granite4.2:3b", "qwen3.5:2b"), Verdict.CPU, api=True
    ),
    # 6 GB free. Right: Gemma 4 E4B or E2B (little is read for a word), LFM2.5 8B-A1B (1B active), a 4B of
    # Qwen that answers without thinking. 7B to 9B dense models fit hardly and crawl at 6 tokens/s.
    Case(
        "laptop_16gb",
        ("gemma4:e4b", "gemma4:e2b", "lfm2.5:8b", "qwen3.5:4b"),
        ("gemma4:e2b", "lfm2.5:8b"),
        Verdict.CPU,
    ),
    # Ollama leaves Intel's integrated graphics alone: as the laptop above with a little more room.
    Case(
        "intel_integrated_16gb",
        ("gemma4:e4b", "gemma4:e2b", "lfm2.5:8b", "qwen3.5:4b"),
        ("gemma4:e2b", "lfm2.5:8b"),
        Verdict.CPU,
    ),
    # Of AMD's integrated graphics only gfx1151 is used: two channels of DDR5, 22 GB free. Right: a mixture of
    # experts (Gemma 4 26B-A4B, gpt-oss 20B); dense 12B and more are slow.
    Case("amd_integrated_32gb", ("gemma4:26b",), ("gpt-oss:20b",), Verdict.CPU),
    # Metal gives 5.3 GB, the system leaves 4.5. Right: qwen3.5:4b, then 2B models.
    Case("macbook_8gb", ("qwen3.5:4b",), ("gemma4:e2b", "qwen3.5:2b"), Verdict.FULL_GPU),
    # Right: qwen3.5:9b wholly on the card; above it only MoE models with experts in RAM; 4B for more context.
    Case("card_8gib", ("qwen3.5:9b",), ("qwen3.5:4b",), Verdict.FULL_GPU),
    # Right: Gemma 4 12B or qwen3.5:9b, wholly on the card with room for 64K and more.
    Case("card_12gib", ("gemma4:12b", "qwen3.5:9b"), ("gemma4:12b", "qwen3.5:9b"), Verdict.FULL_GPU),
    # Right: the same two in more bits, gpt-oss:20b beside them. 27B at 4 bits does not fit wholly.
    Case("card_16gib", ("gemma4:12b", "qwen3.5:9b"), ("gemma4:12b", "qwen3.5:9b"), Verdict.FULL_GPU),
    # Right: the 27B of the newest Qwen generation at 4 bits, then Gemma 4 31B, and 35B-A3B for speed.
    Case("card_24gib", ("qwen3.8:27b", "qwen3.6:27b"), ("qwen3.8:27b", "gemma4:31b"), Verdict.FULL_GPU),
    # Right: the same, 27B perhaps in 8 bits.
    Case("card_32gib", ("qwen3.8:27b", "qwen3.6:27b"), ("qwen3.8:27b", "gemma4:31b"), Verdict.FULL_GPU),
    # Right: the same with all the context one wants; 70B of 2024 fits and is not better.
    Case("card_48gib", ("qwen3.8:27b", "qwen3.6:27b"), ("qwen3.8:27b", "gemma4:31b"), Verdict.FULL_GPU),
    Case("cards_2x24gib", ("qwen3.8:27b", "qwen3.6:27b"), ("qwen3.8:27b", "gemma4:31b"), Verdict.FULL_GPU),
    # 120 GB/s. Right: qwen3.5:9b (about 15 tokens/s) or Gemma 4 12B (slower), qwen3.5:4b for speed.
    Case(
        "apple_16gb",
        ("qwen3.5:9b", "gemma4:12b", "qwen3.5:4b"),
        ("qwen3.5:9b", "qwen3.5:4b"),
        Verdict.FULL_GPU,
    ),
    # 200 GB/s, 21 GB for Metal. Right: Gemma 4 26B-A4B, not a dense 27B at 8 tokens/s.
    Case("apple_32gb", ("gemma4:26b",), ("gemma4:12b", "qwen3.5:9b"), Verdict.FULL_GPU),
    # 400 GB/s, 48 GB. Right: 27B or 35B-A3B of Qwen.
    Case("apple_64gb", ("qwen3.8:27b", "qwen3.6:35b"), ("qwen3.8:27b", "qwen3.6:35b"), Verdict.FULL_GPU),
    # 546 GB/s, 96 GB. Right: 27B, or 122B-A10B which fits here and is quick.
    Case("apple_128gb", ("qwen3.8:27b", "qwen3.5:122b", "qwen3.6:35b"), ("qwen3.5:122b",), Verdict.FULL_GPU),
    # Much memory, little bandwidth (256 and 273 GB/s): mixtures of experts first; dense 27B is slow.
    Case("strix_halo", ("qwen3.6:35b", "gpt-oss:120b", "qwen3.5:122b"), ("gemma4:26b",), Verdict.FULL_GPU),
    Case("dgx_spark", ("qwen3.6:35b", "gpt-oss:120b", "qwen3.5:122b"), ("gemma4:26b",), Verdict.FULL_GPU),
]


def machine(name: str) -> MachineProfile:
    return parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def known() -> KnownModels:
    return KnownModels(load_catalog(), load_editorial())


def ask(known: KnownModels, name: str, use: Use = Use.CHAT, **more: object) -> Advice:
    return recommend(known, machine(name), Question(use, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.machine)
def test_chat(known: KnownModels, case: Case) -> None:
    advice = ask(known, case.machine)
    found = [item.entry.name for item in advice.recommendations]
    assert found[0] in case.first, found
    for name in case.among_five:
        assert name in found[:5], found
    assert advice.recommendations[0].verdict is case.verdict
    assert advice.api.advised is case.api


def test_every_machine_has_a_case() -> None:
    assert sorted(case.machine for case in CASES) == NAMES


@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("name", NAMES)
def test_what_is_recommended_fits_can_be_pulled_and_is_current(
    known: KnownModels, name: str, use: Use
) -> None:
    profile = machine(name)
    advice = ask(known, name, use)
    assert advice.recommendations
    points = [item.points for item in advice.recommendations]
    assert points == sorted(points, reverse=True)
    for item in advice.recommendations:
        match = known.catalog.find(item.name)
        assert match is not None and match.tag is item.tag
        assert item.tag.engine == "gguf" and item.name not in item.entry.cloud_tags
        assert item.spare_bytes >= 0
        assert item.verdict is not Verdict.NO
        assert item.speed.mid is None or item.speed.mid >= 5
        ready = known.known(item.entry, item.tag)
        assert ready is not None
        again = fit(ready.model, profile, FitOptions(context=8192))
        assert again.verdict is item.verdict
        if not profile.devices:
            assert again.host_bytes <= profile.ram_available_bytes
        if item.verdict is Verdict.FULL_GPU:
            assert item.largest_full_gpu_context is not None
            assert item.largest_full_gpu_context >= min(item.context, 8192) - 256
    assert advice.recommendations[0].entry.base_name not in OUTDATED


@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("name", ["card_12gib", "laptop_16gb", "dgx_spark"])
def test_stopping_early_changes_nothing(known: KnownModels, name: str, use: Use) -> None:
    few = ask(known, name, use, limit=6)
    many = ask(known, name, use, limit=1000)
    assert [i.name for i in few.recommendations] == [i.name for i in many.recommendations][:6]


@pytest.mark.parametrize("name", NAMES)
def test_one_of_a_line_and_size(known: KnownModels, name: str) -> None:
    seen: list[tuple[str, bool, float]] = []
    for item in ask(known, name).recommendations:
        line = known.editorial.line_of(item.entry)[0]
        size = effective_billions(item.entry)
        for other, moe, other_size in seen:
            if (other, moe) == (line, item.entry.moe):
                assert not 1 / 1.45 < size / other_size < 1.45, (item.name, name)
        seen.append((line, item.entry.moe, size))


def test_everything_lists_older_generations_too(known: KnownModels) -> None:
    usual = {item.entry.name for item in ask(known, "card_24gib").recommendations}
    everything = {item.entry.name for item in ask(known, "card_24gib", everything=True).recommendations}
    assert usual <= everything
    assert {"llama3.1:8b", "qwen3:8b", "mistral:7b", "gemma3:12b"} <= everything


def test_the_context_asked_for_is_the_context_given(known: KnownModels) -> None:
    for context in (4096, 32768, 131072):
        for name in ("card_24gib", "laptop_16gb"):
            for item in ask(known, name, context=context).recommendations:
                assert item.context == context, (name, item.name)


def test_use_decides(known: KnownModels) -> None:
    vision = ask(known, "card_16gib", Use.VISION).recommendations
    assert all("vision" in item.capabilities for item in vision)
    embedding = ask(known, "laptop_8gb", Use.EMBEDDING).recommendations
    assert all("embedding" in item.capabilities for item in embedding)
    assert embedding[0].entry.name in {"qwen3-embedding:0.6b", "embeddinggemma:300m"}
    agents = ask(known, "card_24gib", Use.AGENTS).recommendations
    assert all("tools" in item.capabilities for item in agents)
    assert not {"llama3.1", "mistral", "qwen2.5-coder"} & {item.entry.base_name for item in agents}
    code = ask(known, "strix_halo", Use.CODE).recommendations
    assert code[0].entry.name in {"qwen3-coder-next:latest", "qwen3.6:35b", "gpt-oss:120b"}
    reasoning = ask(known, "card_24gib", Use.REASONING).recommendations
    assert all("thinking" in i.capabilities or "reasoning" in i.entry.uses for i in reasoning)


def test_hard_uses_on_small_laptops_point_to_an_api(known: KnownModels) -> None:
    for name in ("laptop_8gb", "laptop_16gb"):
        for use in (Use.CODE, Use.AGENTS, Use.REASONING):
            advice = ask(known, name, use)
            assert advice.api.advised, (name, use)
            assert advice.api.reason is not None


def test_language_decides(known: KnownModels) -> None:
    japanese = ask(known, "card_24gib", language="ja").recommendations
    names = {item.entry.base_name for item in japanese}
    assert names and not names & {"phi4", "olmo-3", "olmo-3.1", "smollm2", "llama3.3"}
    english = ask(known, "laptop_8gb", Use.EMBEDDING, language="en", everything=True).recommendations
    german = ask(known, "laptop_8gb", Use.EMBEDDING, language="de", everything=True).recommendations
    assert "mxbai-embed-large:335m" in {item.entry.name for item in english}
    assert "mxbai-embed-large:335m" not in {item.entry.name for item in german}


def test_every_recommendation_says_why_and_what_it_stands_for(known: KnownModels) -> None:
    advice = ask(known, "card_24gib")
    assert all(len(item.why) == 3 + (item.fit.draft is not None) for item in advice.recommendations)
    first = advice.recommendations[0]
    assert any(passed.reason.code == "older" for passed in first.instead_of)
    assert any(passed.reason.code == "no_room" for passed in advice.passed_over)
    listed = {item.entry.name for item in advice.recommendations}
    assert not listed & {passed.name for passed in advice.passed_over}


def test_nothing_fits_is_an_answer(known: KnownModels) -> None:
    tiny = MachineProfile("tiny", "linux", 1 << 30, 100 << 20)
    advice = recommend(known, tiny, Question())
    assert advice.recommendations == ()
    assert advice.api.advised
    assert advice.api.reason is not None and advice.api.reason.code == "api_nothing_fits"
