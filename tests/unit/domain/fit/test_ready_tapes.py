"""The tapes that come with the catalogue are those the program makes; a first answer needs hardly another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from wattlight.catalog.shipped import TAPES_FILE, load_catalog, load_editorial
from wattlight.domain.advice import KnownModels, Question, Use, recommend
from wattlight.domain.fit import graph, ready_tapes
from wattlight.domain.fit.block_parts import Kind
from wattlight.domain.fit.program import Tape
from wattlight.domain.fit.trunk import Lies
from wattlight.domain.machine_file import parse_machine
from wattlight.paths import asset_bytes

MACHINES = Path(__file__).resolve().parents[3] / "data" / "machines"


@pytest.fixture(autouse=True)
def shipped() -> Iterator[bytes]:
    text = asset_bytes(TAPES_FILE)
    ready_tapes.offer_tapes(text)
    yield text
    ready_tapes.offer_tapes(text)


def offered() -> dict[tuple[Kind, Lies], Tape]:
    found = {}
    for kind, lies in ready_tapes._ready().numbers:
        tape = ready_tapes.ready_tape(kind, lies)
        assert tape is not None
        found[kind, lies] = tape
    return found


def test_each_is_what_the_program_makes_now() -> None:
    """After a change to a block's list of operations ``packaging/catalog_tapes.py`` makes the file anew."""
    tapes = offered()
    assert len(tapes) > 1000
    now = {key: graph.make_tape(*key) for key in tapes}
    assert ready_tapes.tapes_text(tapes) == ready_tapes.tapes_text(now)


def test_the_file_is_in_the_form_it_is_written_in(shipped: bytes) -> None:
    assert ready_tapes.tapes_text(offered()) == shipped.decode()


@pytest.mark.parametrize("machine", ["card_12gib", "cards_2x24gib", "apple_64gb", "laptop_8gb"])
def test_first_answers_need_hardly_any_other(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = parse_machine(json.loads((MACHINES / f"{machine}.json").read_text(encoding="utf-8")))
    asked, made = [], []
    make, ready = graph.make_tape, graph.ready_tape

    def noted(kind: Kind, lies: Lies) -> Tape:
        made.append(kind)
        return make(kind, lies)

    def looked_up(kind: Kind, lies: Lies) -> Tape | None:
        asked.append(kind)
        return ready(kind, lies)

    monkeypatch.setattr(graph, "make_tape", noted)
    monkeypatch.setattr(graph, "ready_tape", looked_up)
    graph.common.cache_clear()
    recommend(KnownModels(load_catalog(), load_editorial()), profile, Question(Use.CODE))
    assert len(asked) > 20
    assert len(made) <= len(asked) // 20


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"parts": 3}', b'{"parts":[],"kinds":[["llama",7]],"tapes_for":[]}']
)
def test_one_that_cannot_be_read_offers_none_and_answers_stay_the_same(text: bytes) -> None:
    profile = parse_machine(json.loads((MACHINES / "card_16gib.json").read_text(encoding="utf-8")))
    catalog, editorial = load_catalog(), load_editorial()
    graph.common.cache_clear()
    before = recommend(KnownModels(catalog, editorial), profile, Question(Use.VISION))
    ready_tapes.offer_tapes(text)
    assert ready_tapes._ready().numbers == {}
    graph.common.cache_clear()
    assert recommend(KnownModels(catalog, editorial), profile, Question(Use.VISION)) == before
