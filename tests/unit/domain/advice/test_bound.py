"""The bound that lets models be left out unfitted is never below what a fit gives."""

import json
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import KnownModels, Question, Use, ranking, recommend
from wattlight.domain.advice.candidates import at_best, candidates, judge_candidate
from wattlight.domain.advice.judgement import reach_of
from wattlight.domain.machine_file import parse_machine

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"
KNOWN = KnownModels(load_catalog(), load_editorial())


@pytest.mark.parametrize("use", [Use.CHAT, Use.AGENTS, Use.EMBEDDING])
@pytest.mark.parametrize("file", sorted(MACHINES.glob("*.json")), ids=lambda file: file.stem)
def test_no_model_beats_its_bound(file: Path, use: Use) -> None:
    profile = parse_machine(json.loads(file.read_text(encoding="utf-8")))
    question = Question(use, everything=True)
    found = candidates(KNOWN, profile, question)
    assert found == sorted(found, key=lambda item: (-item.at_best, item.entry.name))
    for candidate in found:
        bare, most = at_best(candidate, KNOWN, profile, question, reach_of(profile))
        for item in judge_candidate(candidate, KNOWN, profile, question):
            assert not item.fits or item.points <= candidate.at_best + 1e-9, item.name
            assert not item.fits or item.points <= most + 1e-9, item.name
            assert bare is None or bare.fits or not item.fits or item.tag is not bare.tag, item.name


def test_a_list_is_the_same_as_when_every_model_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out without a fit could not have been on it."""
    for name in ("card_8gib", "card_16gib", "laptop_8gb"):
        profile = parse_machine(json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")))
        found = recommend(KNOWN, profile, Question(Use.AGENTS))
        with monkeypatch.context() as patch:
            patch.setattr(ranking, "at_best", lambda candidate, *_: (None, candidate.at_best))
            every = recommend(KNOWN, profile, Question(Use.AGENTS))
        assert [(item.name, item.fit) for item in found.recommendations] == [
            (item.name, item.fit) for item in every.recommendations
        ]
        assert [item.name for item in found.passed_over] == [item.name for item in every.passed_over]
