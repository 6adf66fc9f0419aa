"""What comes with the catalogue is what the program works out; a first answer needs hardly any more."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import BUFFERS_FILE, SHAPES_FILE, TAPES_FILE, load_catalog, ready_buffers
from wattlight.domain.advice import KnownModels, Question, Use, recommend
from wattlight.domain.entry import WholeBuffers
from wattlight.domain.fit import graph, ready_tapes
from wattlight.domain.fit.block_parts import Kind
from wattlight.domain.fit.program import Tape
from wattlight.domain.fit.ready_buffers import read_divided
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
    recommend(KnownModels(load_catalog(), load_editorial()), profile, Question(Use.CODE, context=16384))
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
    ready = {name: whole for name, (whole, _) in ready_buffers(document, shapes).items() if whole}
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
    assert ready_buffers(document, shapes + b" ") == {}


def test_each_divided_buffer_is_what_the_program_works_out_now() -> None:
    known = KnownModels(load_catalog(), load_editorial())
    seen = 0
    for place, entry in enumerate(known.catalog.entries):
        texts = entry.layout.divided if entry.layout else {}
        for tag in entry.tags[place % 9 :: 9]:
            if tag.tag in texts:
                model = known.known(entry, tag)
                assert model is not None
                size, *rows = json.loads(texts[tag.tag])
                assert size == model.model.shape.file_bytes
                for setting, row in zip(read_divided(texts[tag.tag], size), rows, strict=True):
                    wholly = row[5][0] == 1 and len(row[5]) == 3
                    assert model.model.buffers.divided_row(setting, wholly) == row, (entry.name, tag.tag)
                    seen += 1
    assert seen > 60


def test_buffers_of_a_file_of_other_bytes_are_not_taken() -> None:
    entry = load_catalog().find("gpt-oss:20b")
    assert entry is not None and entry.entry.layout is not None
    text = entry.entry.layout.divided[entry.tag.tag]
    size = json.loads(text)[0]
    assert read_divided(text, size) and read_divided(text, size + 1) == {}
    assert read_divided(text[:-3], size) == {} and read_divided("[7,[1]]", 7) == {}


@pytest.mark.parametrize("machine", ["card_12gib", "card_24gib", "laptop_8gb", "cards_2x24gib", "apple_16gb"])
def test_answers_are_the_same_without_them(machine: str) -> None:
    profile = parse_machine(json.loads((MACHINES / f"{machine}.json").read_text(encoding="utf-8")))
    catalog, editorial = load_catalog(), load_editorial()
    bare = replace(
        catalog,
        entries=tuple(
            replace(entry, layout=replace(entry.layout, whole=None, divided={})) if entry.layout else entry
            for entry in catalog.entries
        ),
    )
    question = Question(Use.CHAT, everything=True)
    expected = recommend(KnownModels(bare, editorial), profile, question)
    found = recommend(KnownModels(catalog, editorial), profile, question)
    assert [(item.name, item.fit, item.points) for item in found.recommendations] == [
        (item.name, item.fit, item.points) for item in expected.recommendations
    ]
