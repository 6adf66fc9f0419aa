"""Speeds of models not yet run follow this computer's own runs, device by device."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import Question
from wattlight.domain.fit import Confidence
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.services.advising import Advisor

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
PROFILE = parse_machine(json.loads((MACHINES / "card_24gib.json").read_text(encoding="utf-8")))
CARD = PROFILE.devices[0].name


@pytest.fixture(scope="module")
def advisor() -> Advisor:
    return Advisor(load_catalog(), load_editorial())


def run(advisor: Advisor, model: str, share: float, device: str = CARD) -> MeasuredSpeed:
    """A run that was ``share`` of what is expected without own runs."""
    speed = advisor.judge(model, PROFILE, 8192).speed
    assert speed is not None and speed.mid is not None
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return MeasuredSpeed(model, "", device, 8192, at, 256, speed.mid * share, None, "0.31.1")


def test_models_not_yet_run_follow_too(advisor: Advisor) -> None:
    runs = tuple(run(advisor, model, 0.7) for model in ("llama3.1:8b", "qwen3:8b", "phi4:14b"))
    learned = advisor.paced(PROFILE, runs)
    before, after = (advisor.judge("gemma2:9b", profile, 8192).speed for profile in (PROFILE, learned))
    assert before is not None and after is not None and before.mid and after.mid
    assert after.mid / before.mid == pytest.approx(0.7, rel=0.1)
    assert after.confidence is Confidence.HIGH
    listed = advisor.advice(learned, Question()).recommendations
    assert any(item.speed.confidence is Confidence.HIGH for item in listed)


def test_runs_of_another_device_say_nothing(advisor: Advisor) -> None:
    assert advisor.paced(PROFILE, (run(advisor, "qwen3:8b", 0.7, "Another card"),)) == PROFILE


def test_a_run_that_was_no_plain_decoding_is_left_out(advisor: Advisor) -> None:
    assert advisor.paced(PROFILE, (run(advisor, "qwen3:8b", 5.0),)) == PROFILE


def test_a_run_with_a_draft_says_nothing_of_the_device(advisor: Advisor) -> None:
    opinion = advisor.judge("qwen3.8:27b", PROFILE, 8192)
    assert opinion.fit is not None and opinion.fit.draft is not None
    assert advisor.paced(PROFILE, (run(advisor, "qwen3.8:27b", 1.5),)) == PROFILE
    assert advisor.paced(PROFILE, (run(advisor, "qwen3.8:27b-q4_K_M", 1.5),)) != PROFILE


def test_what_is_loaded_now_does_not_matter(advisor: Advisor) -> None:
    full = replace(PROFILE, devices=(replace(PROFILE.devices[0], memory_free_bytes=1 << 30),))
    learned = advisor.paced(full, (run(advisor, "qwen3:8b", 0.8),))
    assert learned.devices[0].pace is not None
    assert learned.devices[0].memory_free_bytes == 1 << 30


def test_a_filled_context_counts_by_the_run_it_followed(advisor: Advisor) -> None:
    empty = replace(run(advisor, "llama3.1:8b", 1.0), cache_tokens=300)
    filled = replace(empty, cache_tokens=6000, output_tokens_per_s=empty.output_tokens_per_s * 0.5)
    alone = advisor.paced(PROFILE, (filled,))
    assert alone == PROFILE
    learned = advisor.paced(PROFILE, (filled, empty)).devices[0].pace
    assert learned is not None
    assert learned.runs == 1
    assert learned.depth is not None and learned.depth > 1
    other = replace(filled, at=filled.at + timedelta(days=1))
    unpaired = advisor.paced(PROFILE, (other, empty)).devices[0].pace
    assert unpaired is not None and unpaired.depth is None
