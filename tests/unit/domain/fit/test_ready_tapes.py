"""What comes with the catalogue is what the program works out; a first answer needs hardly any more."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.catalog.shipped import (
    BUFFERS_FILE,
    SHAPES_FILE,
    TAPES_FILE,
    load_catalog,
    load_editorial,
    whole_buffers,
)
from wattlight.domain.advice import KnownModels, Question, Use, recommend
from wattlight.domain.entry import WholeBuffers
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


@pytest.mark.parametrize(
    ("machine", "some"),
    [("card_12gib", True), ("cards_2x24gib", True), ("apple_64gb", True), ("laptop_8gb", False)],
)
def test_first_answers_need_hardly_any_other(
    machine: str, some: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert len(asked) > 20 if some else not asked  # a model that lies in RAM alone needs none
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


def test_each_buffer_is_what_the_program_works_out_now() -> None:
    """After a change to blocks or shapes ``packaging/catalog_tapes.py`` makes the file anew."""
    document, shapes = json.loads(asset_bytes(BUFFERS_FILE)), asset_bytes(SHAPES_FILE)
    ready = whole_buffers(document, shapes)
    settings = [(batch, align) for batch, align in document["settings"][::4]]
    assert len(ready) > 200
    known = KnownModels(load_catalog(), load_editorial())
    for entry in known.catalog.entries:
        if entry.name in ready:
            for tag in {entry.default_tag, entry.tags[-1]}:
                model = known.known(entry, tag)
                assert model is not None
                assert model.model.buffers.worked_out(settings) == WholeBuffers(
                    ready[entry.name].full,
                    ready[entry.name].windowed,
                    dict([*ready[entry.name].peaks.items()][::4]),
                ), entry.name
    assert whole_buffers(document, shapes + b" ") == {}


@pytest.mark.parametrize("machine", ["card_12gib", "card_24gib", "laptop_8gb", "cards_2x24gib"])
def test_answers_are_the_same_without_them(machine: str) -> None:
    profile = parse_machine(json.loads((MACHINES / f"{machine}.json").read_text(encoding="utf-8")))
    catalog, editorial = load_catalog(), load_editorial()
    bare = replace(
        catalog,
        entries=tuple(
            replace(entry, layout=replace(entry.layout, whole=None)) if entry.layout else entry
            for entry in catalog.entries
        ),
    )
    question = Question(Use.CHAT, everything=True)
    expected = recommend(KnownModels(bare, editorial), profile, question)
    found = recommend(KnownModels(catalog, editorial), profile, question)
    assert [(item.name, item.fit, item.points) for item in found.recommendations] == [
        (item.name, item.fit, item.points) for item in expected.recommendations
    ]
