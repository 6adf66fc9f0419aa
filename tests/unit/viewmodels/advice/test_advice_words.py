"""Recommendations in words: every statement has some, none shows raw bytes."""

import json
import re
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import Advice, KnownModels, Question, Use, recommend
from wattlight.domain.machine_file import parse_machine
from wattlight.i18n import activate
from wattlight.services.offers import api_sentence, offers, passed_over_sentence, why_sentence

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
KNOWN = KnownModels(load_catalog(), load_editorial())


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


def ask(name: str, use: Use = Use.CHAT, everything: bool = False) -> Advice:
    profile = parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))
    return recommend(KNOWN, profile, Question(use, everything=everything))


@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("name", ["laptop_8gb", "card_8gib", "cards_2x24gib", "apple_32gb"])
def test_every_sentence_is_whole(name: str, use: Use) -> None:
    advice = ask(name, use)
    sentences = [why_sentence(item) for item in advice.recommendations]
    sentences += [passed_over_sentence(p) for item in advice.recommendations for p in item.instead_of]
    sentences += [passed_over_sentence(p) for p in advice.passed_over]
    if advice.api.advised:
        sentences.append(api_sentence(advice))
    for text in sentences:
        assert text.endswith(".") and not text.endswith(".."), text
        assert "{" not in text and "None" not in text, text
        assert not re.search(r"\d{6,}", text), f"raw figure in: {text}"


def test_a_sentence_says_where_and_how_fast() -> None:
    text = why_sentence(ask("card_8gib").recommendations[0])
    assert "NVIDIA GeForce RTX 4060" in text
    assert "GiB to spare at 8,192 tokens" in text
    assert re.search(r"about \d+–\d+ tokens/s", text)


def test_no_advice_for_an_api_is_no_sentence() -> None:
    assert api_sentence(ask("card_24gib")) == ""


def test_offers_carry_the_same_figures() -> None:
    advice = ask("card_8gib")
    made = offers(advice)
    assert [offer.model for offer in made] == [item.name for item in advice.recommendations]
    first, item = made[0], advice.recommendations[0]
    assert first.fit.verdict == item.verdict.value
    assert first.fit.gpu_bytes == item.fit.gpu_bytes
    assert first.download_bytes == item.download_bytes
    assert first.why == why_sentence(item)
    for offer, source in zip(made, advice.recommendations, strict=True):
        assert offer.released == (source.entry.released or "")
        assert offer.licence == (source.entry.license or "")
