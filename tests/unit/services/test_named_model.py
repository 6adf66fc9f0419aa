"""A model that is named is judged as ``wattlight fit`` judges it, by the list or by its registry's header."""

import json
import queue
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import made_up_day
from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import Confidence, FitOptions, explain, fit, prepare
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.shape import ModelShape, ShapeSource
from wattlight.domain.values import Problem
from wattlight.i18n import activate
from wattlight.services.advising import Advisor
from wattlight.services.answers import Extras, NamedModel
from wattlight.services.current import CurrentSettings
from wattlight.services.fit_words import reason_sentence
from wattlight.services.hub import StateHub
from wattlight.services.shapes import FoundShape, Source
from wattlight.services.slow_answers import SlowAnswers
from wattlight.services.threads import Threads
from wattlight.settings import Settings

CATALOG, EDITORIAL = load_catalog(), load_editorial()
MACHINE = Path(__file__).resolve().parents[2] / "data" / "machines" / "card_24gib.json"
PROFILE = parse_machine(json.loads(MACHINE.read_text(encoding="utf-8")))
Ask = Callable[[str, bool], NamedModel]


def header(listed: str) -> ModelShape:
    """A shape that says it was read from a file."""
    match = CATALOG.find(listed)
    assert match is not None
    assert match.entry.layout is not None
    shape = estimate_shape(match.entry, match.tag, match.entry.layout).shape
    return replace(shape, source=ShapeSource.HEADER)


def in_registry(name: str) -> FoundShape:
    if name == "far:1b":
        raise Problem("The registry cannot be reached.", "Check the network.")
    if name == "llama3.3:70b":
        away = Problem("No network.", "Try again.")
        return FoundShape(name, header(name), Source.CATALOGUE, Confidence.LOW, obstacle=away)
    return FoundShape(name, header("llama3.3:70b"), Source.REGISTRY)


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Asks the thread that works out slow answers."""
    activate("en")
    made: queue.Queue[Extras] = queue.Queue()
    advisor, state = Advisor(CATALOG, EDITORIAL), made_up_day.no_model().state
    machine = replace(state, hosts=(replace(state.hosts[0], profile=PROFILE),))
    parts: Any = SimpleNamespace(
        advisor=lambda: advisor,
        shape_finder=lambda: SimpleNamespace(named=in_registry),
        now=lambda: None,
        threads=Threads(),
        paced=lambda profile: profile,
    )
    settings = CurrentSettings(Settings(context_length=0), {})
    maker = SlowAnswers(parts, settings, StateHub(machine), parts, parts, parts, "")
    maker.listen(made.put)
    maker.start()

    def asked(model: str, registry: bool) -> NamedModel:
        maker.ask_about(model, registry)
        answer = made.get(timeout=30).named
        assert answer is not None
        return answer

    yield asked
    assert maker.stop()


def words(shape: ModelShape) -> list[str]:
    """What the verb ``fit`` says."""
    model, options = prepare(shape), FitOptions()
    return [reason_sentence(r) for r in explain(model, PROFILE, fit(model, PROFILE, options), options)]


def test_a_listed_model_is_judged_at_once_and_exactly_by_its_header(ask: Ask) -> None:
    quick = ask("llama3.1:70b", False)
    assert quick.offer.fit.verdict == "partial_gpu"
    assert "layers fit on" in quick.offer.fit.reasons[0]
    assert "An estimate from the catalogue, not from the model's header." in quick.offer.fit.reasons
    assert quick.offer.publisher == "Meta"
    exact = ask("llama3.1:70b", True)
    assert exact.asked and not exact.problem
    assert exact.offer.fit.reasons[0] == words(header("llama3.3:70b"))[0]
    assert exact.offer.download_bytes == header("llama3.3:70b").file_bytes


def test_a_name_of_no_list_is_known_once_its_registry_was_asked(ask: Ask) -> None:
    assert ask("someone/else:70b", False).offer.fit.verdict is None
    assert ask("someone/else:70b", True).offer.fit.verdict == "partial_gpu"
    assert ask("someone/else:70b", False).offer.fit.verdict == "partial_gpu"


def test_a_registry_that_does_not_answer_is_a_sentence(ask: Ask) -> None:
    away = ask("far:1b", True)
    assert away.offer.fit.verdict is None
    assert away.problem == "The registry cannot be reached. Check the network."
    listed = ask("llama3.3:70b", True)
    assert listed.problem == "No network. Try again."
    assert listed.offer.fit.verdict == "partial_gpu"
