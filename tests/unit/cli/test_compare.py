"""``wattlight compare``: the table, the answers beside each other, and prompts that stay with the person."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wattlight.cli import run, verb_compare
from wattlight.i18n import activate
from wattlight.services.benchmark import ComparedModel, SideBySide, Subject
from wattlight.services.factory import ServiceFactory
from wattlight.services.prompts import prompts_file

SCHEMA = Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "compare.json"
ONE = ComparedModel(
    Subject("m:8b-q8_0", "d0", "RTX", 4096, "0.33.0", driver="575.1"), 820, 61.25, 0.31, 3.4, 0.11, None,
    9 << 30, 9 << 30, ("A cow is a large animal\nthat eats grass.", "Yes."),
)  # fmt: skip
OTHER = ComparedModel(
    Subject("m:8b-q4_K_M", "d1", "RTX", 4096, "0.33.0"), 790, 98.0, 0.24, None, None,
    "The power was not read during the whole run.", 5 << 30, None, ("Cows give milk.", "Yes."),
)  # fmt: skip
MADE = SideBySide(("What is a cow?", "Say yes."), ONE, OTHER)


class Bench:
    def __init__(self, root: Path) -> None:
        activate("en")
        self.workshop = ServiceFactory({"WATTLIGHT_HOME": str(root), "OLLAMA_HOST": "http://127.0.0.1:9"})
        self.file = prompts_file(self.workshop.places)

    def __call__(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        code = run(["compare", *words], self.workshop, out)
        return code, out.getvalue()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def valid(document: Any) -> Any:
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return document


def test_the_table_and_the_answers_beside_each_other() -> None:
    activate("en")
    text = verb_compare.lines(MADE, 60)
    assert text[0].split() == ["m:8b-q8_0", "m:8b-q4_K_M"]
    assert text[1].split() == ["answer,", "tokens/s", "61.2", "98.0"]
    assert text[3].split() == ["J", "a", "token", "3.40", "±11%", "–"]
    assert text[4].split() == ["memory", "9.0", "GiB", "5.0", "GiB"]
    assert "The power was not read during the whole run." in text
    assert "1 of 2 answers are the same." in text
    at = text.index("> What is a cow?")
    assert text[at + 1] == "A cow is a large animal        Cows give milk."
    assert text[at + 2] == "that eats grass."
    assert max(map(len, text)) <= 60


def test_the_document() -> None:
    document = valid({"schema": 1, **verb_compare.document(MADE)})
    assert [m["tokens_per_s"] for m in document["models"]] == [61.25, 98.0]
    assert document["models"][1]["joules_per_token"] is None
    assert document["answers"][1] == {"prompt": "Say yes.", "first": "Yes.", "second": "Yes."}


def test_prompts_are_kept_only_on_request_and_forgotten(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def compared(_args: Any, _call: Any, prompts: tuple[str, ...]) -> SideBySide:
        asked.append(prompts)
        return MADE

    monkeypatch.setattr(verb_compare, "_compared", compared)
    mine = tmp_path / "mine.txt"
    mine.write_text("Secret one?\n---\nSecret two?")
    assert bench("a", "b", "--prompts", str(mine))[0] == 0
    assert not bench.file.exists()
    assert valid(json.loads(bench("a", "b", "--prompts", str(mine), "--keep", "--json")[1]))
    assert bench("a", "b")[0] == 0
    assert asked == [("Secret one?", "Secret two?")] * 3
    elsewhere = [f for f in (tmp_path).rglob("*") if f.is_file() and f not in {mine, bench.file}]
    assert not any(b"Secret" in f.read_bytes() for f in elsewhere)
    assert valid(json.loads(bench("--forget", "--json")[1])) == {"schema": 1, "kept": 0}
    assert not bench.file.exists()


def test_what_is_missing_is_said(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, said in (
        ((), 2, "Two models are needed"),
        (("one",), 2, "Two models are needed"),
        (("one", "two"), 1, "No prompts were kept"),
        (("one", "two", "--prompts", str(tmp_path / "none")), 2, "cannot be read"),
    ):
        assert bench(*words)[0] == code
        assert said in capsys.readouterr().err
