"""The bound that lets models be left out unfitted is never below what a fit gives."""

import json
from pathlib import Path

import pytest

from wattlight.catalog.shipped import load_catalog, load_editorial
from wattlight.domain.advice import KnownModels, Question, Use
from wattlight.domain.advice.candidates import candidates, judge_candidate
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
        for item in judge_candidate(candidate, KNOWN, profile, question):
            assert not item.fits or item.points <= candidate.at_best + 1e-9, item.name
