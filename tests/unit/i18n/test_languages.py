"""The translations that are shipped: whole, true to their placeholders, and what the program really says."""

import ast
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
    r"'(?:wattlight|ollama) [^']*'|OLLAMA_[A-Z_]+|HTTPS_PROXY|--[a-z][a-z-]+"
    r"|/(?:dev|etc|sys|proc)/[a-zA-Z0-9_./{}*-]*[a-zA-Z0-9_}*]"
)
"""Commands, variables, options and paths: they are the same in every language."""
REVIEWED = {offered.code for offered in OFFERED if offered.reviewed}
MAY_WAIT = 0.1
"""This part of the texts may be missing from a machine-translated language (it is shown in English), so that
a new text needs one translation, not nine; and may be left in any that the program says no more."""


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


@pytest.fixture(scope="module")
def source() -> set[str | tuple[str, str]]:
    found: set[str | tuple[str, str]] = TOOL.texts_of_source()
    return found


@pytest.fixture(scope="module", params=TRANSLATED)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    found: Catalog = TOOL.read(FILES[request.param])
    return found


def forms(catalog: Catalog) -> Iterator[tuple[tuple[str, ...], str]]:
    """The English forms of each text that is translated and each form of its translation."""
    for message in catalog:
        if message.id and TOOL.is_whole(message):
            english = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            for form in (message.string,) if isinstance(message.string, str) else message.string:
                yield english, form


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_what_is_offered_is_what_is_there() -> None:
    assert sorted(FILES) == sorted(TRANSLATED)
    assert len({offered.name for offered in OFFERED}) == len(OFFERED)


def test_they_are_those_of_the_source(catalog: Catalog, source: set[str | tuple[str, str]]) -> None:
    """Languages that a native has read are whole."""
    held = set(TOOL.messages(catalog))
    lacking = TOOL.missing(catalog, source)
    allowed = 0 if str(catalog.locale_identifier) in REVIEWED else MAY_WAIT * len(source)
    assert len(lacking) <= allowed, f"run packaging/texts.py and translate {sorted(map(str, lacking))[:20]}"
    assert len(held - source) <= MAY_WAIT * len(held), "run packaging/texts.py"


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


def test_commands_keep_their_own_order_where_reading_begins_at_the_right() -> None:
    """What begins with a dash, a slash or a quote stands between marks, or "--day" would be "day--"."""
    arabic = TOOL.read(FILES["ar"])
    found = [(form, kept) for _english, form in forms(arabic) for kept in KEPT.finditer(form)]
    assert len(found) > 100
    bare = [
        (form, kept.group())
        for form, kept in found
        if kept.group()[0] in "-/'"
        and form[: kept.start()].count("\u2066") <= form[: kept.start()].count("\u2069")
    ]
    assert bare == []


def test_edges_and_lines_are_kept(catalog: Catalog) -> None:
    """Pieces are joined: a blank at an end, a line break, a last colon or ellipsis belongs to the text."""
    wrong = []
    for english, form in forms(catalog):
        one = english[-1]
        if not any(map(str.isalpha, one)):
            continue  # a mark between texts: each script has its own
        same_edges = (one[0] == " ") == (form[0] == " ") and (one[-1] == " ") == (form[-1] == " ")
        if not same_edges or one.count("\n") != form.count("\n") or one.endswith("…") != form.endswith("…"):
            wrong.append((one, form))
    assert wrong == []


def test_there_is_a_form_for_every_kind_of_number(catalog: Catalog) -> None:
    for message in catalog:
        if message.id and not isinstance(message.id, str) and TOOL.is_whole(message):
            assert len(message.string) == catalog.num_plurals, message.id


def entries(compiled: bytes) -> dict[Any, str]:
    """What a .mo file holds but for its head, which names the version of what made it."""
    found: dict[Any, str] = GNUTranslations(BytesIO(compiled))._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in found.items() if key}


def test_the_compiled_file_is_that_of_the_written_one(catalog: Catalog) -> None:
    file = FILES[str(catalog.locale_identifier)]
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


def test_a_row_has_the_marks_of_its_language() -> None:
    assert i18n.joined(["a", "b", "c"]) == "a, b, c"
    assert i18n.joined(iter(["a", "b"]), "; ") == "a; b"
    assert i18n.joined([]) == ""
    i18n.activate("zh_CN")
    assert i18n.joined(["甲", "乙"]) == "甲，乙"
    assert i18n.joined(["甲", "乙"], ". ") == "甲。乙"


def test_no_text_is_translated_before_the_language_is_known() -> None:
    """What stands outside of functions, and the defaults of their parameters, is worked out by the import."""
    early = []

    def look(node: ast.AST, file: Path) -> None:
        inside: list[ast.AST] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inside = list(node.body) if isinstance(node.body, list) else [node.body]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"tr", "trn"}:
            early.append(f"{file.name}:{node.lineno}")
        for child in ast.iter_child_nodes(node):
            if child not in inside:
                look(child, file)

    for file in TOOL.SOURCE.rglob("*.py"):
        look(ast.parse(file.read_text(encoding="utf-8")), file)
    assert early == []


def test_numbers_within_texts_are_formatted_by_the_language() -> None:
    """A format in the source writes a point in every language; digits of names ("05d") are no numbers."""
    own = []
    for file in TOOL.SOURCE.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id in {"tr", "trn"}
            ):
                values = [part for word in call.keywords for part in ast.walk(word.value)]
                formats = [
                    ast.unparse(v.format_spec)
                    for v in values
                    if isinstance(v, ast.FormattedValue) and v.format_spec
                ]
                own += [f"{file.name}:{call.lineno}" for form in formats if re.search("[efg%,]['\"]$", form)]
    assert own == []


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


def test_texts_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.py").write_text(
        "one = f\"{tr('in braces')} and {more}\"\n"
        'two = trn("{count} file", "{count} files", n) + tr("in " "pieces", of=f"{tr(\'deep\')}")\n'
        'THREE = {"key": marked("in a table")}\nfour = tr(two)\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(TOOL, "SOURCE", tmp_path)
    found = {"in braces", ("{count} file", "{count} files"), "in pieces", "deep", "in a table"}
    assert TOOL.texts_of_source() == found


def test_a_new_language_begins_empty(tmp_path: Path) -> None:
    new = TOOL.read(tmp_path / "pt_BR" / "LC_MESSAGES" / "wattlight.po")
    assert (str(new.locale), new.num_plurals, len(TOOL.messages(new))) == ("pt_BR", 2, 0)
    assert TOOL.missing(new, {"new"}) == {"new"}
    assert b"Plural-Forms: nplurals=2" in TOOL.written(new)


def test_a_language_that_is_not_offered_speaks_english() -> None:
    i18n.activate("nl_NL")
    assert (i18n.tr("Settings"), i18n.words_language()) == ("Settings", "en_150")
    assert texts.marked("Settings") == "Settings"
