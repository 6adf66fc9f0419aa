"""The translations that are shipped: whole, true to their placeholders, and what the program really says."""

import importlib.util
import re
import string
from collections.abc import Iterator
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from wattlight import i18n
from wattlight.i18n import OFFERED, texts

CHECKOUT = Path(__file__).resolve().parents[3]
TRANSLATED = [offered.code for offered in OFFERED if offered.code != "en"]
KEPT = re.compile(
    r"'(?:wattlight|ollama) [^']*'|OLLAMA_[A-Z_]+|HTTPS_PROXY|--[a-z][a-z-]+|/(?:dev|etc|sys|proc)/\S+"
)
"""Commands, variables, options and paths: they are the same in every language."""
HALF_DONE = 0.9
"""So much of what the program says stands in the translations, or they are years behind."""


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("texts_tool", CHECKOUT / "packaging" / "texts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = tool()
FILES = {file.parents[1].name: file for file in TOOL.files()}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.activate("en")
    yield
    i18n.activate("en")


@pytest.fixture(scope="module", params=TRANSLATED)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    found: Catalog = TOOL.read(FILES[request.param])
    return found


def forms(catalog: Catalog) -> Iterator[tuple[tuple[str, ...], str]]:
    """The English forms of each text and each form of its translation."""
    for message in catalog:
        if message.id:
            english = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
            for form in said or ("",):
                yield english, form


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_what_is_offered_is_what_is_there() -> None:
    assert sorted(FILES) == sorted(TRANSLATED)
    assert len({offered.name for offered in OFFERED}) == len(OFFERED)


def test_all_hold_the_same_texts() -> None:
    told = {code: set(TOOL.messages(TOOL.read(file))) for code, file in FILES.items()}
    first = told["de"]
    assert {code: len(first ^ held) for code, held in told.items() if held != first} == {}


def test_they_are_those_of_the_source() -> None:
    """New texts come all the time and are English until a translator has seen them; few may wait."""
    source, held = TOOL.texts_of_source(), set(TOOL.messages(TOOL.read(FILES["de"])))
    assert len(source & held) >= HALF_DONE * len(source), "run packaging/texts.py and translate what is new"
    assert len(held - source) <= (1 - HALF_DONE) * len(held), "run packaging/texts.py"


def test_every_text_is_translated(catalog: Catalog) -> None:
    assert [english for english, form in forms(catalog) if not form.strip()] == []


def test_placeholders_are_those_of_the_text(catalog: Catalog) -> None:
    """In a form for a single number the number may be a word."""
    wrong = []
    for english, form in forms(catalog):
        allowed = set().union(*map(names, english))
        needed = allowed if len(english) == 1 else allowed - {"count", "n"}
        if not needed <= names(form) <= allowed:
            wrong.append((english[-1], form))
    assert wrong == []


def test_commands_and_names_of_variables_are_kept(catalog: Catalog) -> None:
    wrong = [
        (english[0], form)
        for english, form in forms(catalog)
        if len(english) == 1 and sorted(KEPT.findall(english[0])) != sorted(KEPT.findall(form))
    ]
    assert wrong == []


def test_edges_and_lines_are_kept(catalog: Catalog) -> None:
    """Pieces are joined: a blank at an end, a line break, a last colon or ellipsis belongs to the text."""
    wrong = []
    for english, form in forms(catalog):
        one = english[-1]
        same_edges = (one[0] == " ") == (form[0] == " ") and (one[-1] == " ") == (form[-1] == " ")
        if not same_edges or one.count("\n") != form.count("\n") or one.endswith("…") != form.endswith("…"):
            wrong.append((one, form))
    assert wrong == []


def test_there_is_a_form_for_every_kind_of_number(catalog: Catalog) -> None:
    for message in catalog:
        if message.id and not isinstance(message.id, str):
            assert len(message.string) == catalog.num_plurals, message.id


def entries(compiled: bytes) -> dict[Any, str]:
    """What a .mo file holds but for its head, which names the version of what made it."""
    found: dict[Any, str] = GNUTranslations(BytesIO(compiled))._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in found.items() if key}


def test_the_compiled_file_is_that_of_the_written_one(catalog: Catalog) -> None:
    file = FILES[str(catalog.locale)]
    assert entries(file.with_suffix(".mo").read_bytes()) == entries(TOOL.compiled(catalog)), (
        "run packaging/texts.py"
    )
    assert file.read_bytes() == TOOL.written(TOOL.updated(catalog, set(TOOL.messages(catalog))))


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_language_is_in_force_with_all_its_countries(code: str) -> None:
    for wanted in {code, f"{code}_AT" if "_" not in code else code}:
        i18n.activate(wanted)
        assert i18n.words_language() == wanted
        assert i18n.tr("Settings") != "Settings"
    assert i18n.right_to_left() == (code == "ar")
    i18n.activate("en_GB")
    assert i18n.tr("Settings") == "Settings"


def test_an_empty_text_stays_empty_in_every_language() -> None:
    """The empty text is the head of a translation file."""
    for code in TRANSLATED:
        i18n.activate(code)
        assert i18n.tr("") == ""


def test_new_texts_are_added_and_gone_ones_dropped() -> None:
    old = Catalog(locale="de")
    old.add("kept", "behalten")
    old.add("gone", "weg")
    new = TOOL.updated(old, {"kept", "new", ("{n} model", "{n} models")})
    held = TOOL.messages(new)
    assert set(held) == {"kept", "new", ("{n} model", "{n} models")}
    assert held["kept"].string == "behalten"
    assert TOOL.missing(new, set(held)) == {"new", ("{n} model", "{n} models")}
    assert b"new" not in TOOL.compiled(new) and b"behalten" in TOOL.compiled(new)
    assert TOOL.written(new) == TOOL.written(TOOL.updated(new, set(held)))


def test_a_language_that_is_not_offered_speaks_english() -> None:
    i18n.activate("nl_NL")
    assert (i18n.tr("Settings"), i18n.words_language()) == ("Settings", "en_150")
    assert texts.marked("Settings") == "Settings"
