"""``wattlight recommend``: document against its schema, text for a person, wrong use."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.cli import run
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import MachineProfile
from wattlight.i18n import activate
from wattlight.paths import Places
from wattlight.services.advising import Advisor
from wattlight.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
MACHINES = ROOT / "tests" / "data" / "machines"
SCHEMA = json.loads((ROOT / "desktop" / "schemas" / "recommend.json").read_text(encoding="utf-8"))
ADVISOR = Advisor(load_catalog(), load_editorial())


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


class Shop:
    """A workshop on a laptop."""

    def __init__(self, root: Path) -> None:
        self.environ: dict[str, str] = {}
        self.places = Places(root, root, root, root, root)

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()

    def advisor(self) -> Advisor:
        return ADVISOR

    def machine_profile(self) -> MachineProfile:
        return parse_machine(json.loads((MACHINES / "laptop_16gb.json").read_text(encoding="utf-8")))


def call(words: list[str], root: Path) -> tuple[int, str]:
    out = io.StringIO()
    code = run(["recommend", *words], Shop(root), out)  # type: ignore[arg-type]
    return code, out.getvalue()


def document(words: list[str], root: Path) -> dict[str, Any]:
    code, text = call([*words, "--json"], root)
    assert code == 0
    made: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(made)
    return made


@pytest.mark.parametrize("use", ["chat", "code", "vision", "embedding", "reasoning", "agents"])
@pytest.mark.parametrize("file", sorted(MACHINES.glob("*.json")), ids=lambda file: file.stem)
def test_the_document_keeps_its_schema(file: Path, use: str, tmp_path: Path) -> None:
    made = document(["--machine", str(file), "--use", use], tmp_path)
    assert made["use"] == use
    assert made["recommendations"]


def test_this_computer_is_the_default(tmp_path: Path) -> None:
    made = document([], tmp_path)
    assert made["machine"] == "Laptop, 16 GB, no usable GPU"
    assert (made["use"], made["context"]) == ("chat", 8192)
    assert len(made["recommendations"]) <= 8


def test_options_reach_the_question(tmp_path: Path) -> None:
    file = str(MACHINES / "card_24gib.json")
    made = document(
        ["--machine", file, "--context", "32768", "--limit", "3", "--language", "de_DE"], tmp_path
    )
    assert made["language"] == "de"
    assert len(made["recommendations"]) == 3
    assert all(item["context"] == 32768 for item in made["recommendations"])
    everything = document(["--machine", file, "--all"], tmp_path)
    assert len(everything["recommendations"]) > 40


def test_text_is_a_table_and_sentences(tmp_path: Path) -> None:
    code, text = call(["--machine", str(MACHINES / "card_8gib.json"), "--limit", "2"], tmp_path)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "Models for chat on PC with an 8 GiB card, at 8,192 tokens of context:"
    head = lines.index(next(line for line in lines if line.startswith("model ")))
    assert lines[head + 1].startswith("qwen3.5:9b ")
    assert "all on GPU" in lines[head + 1] and "GiB" in lines[head + 1] and "6.6 GB" in lines[head + 1]
    assert any(line.startswith("qwen3.5:9b: ") for line in lines)
    assert "Aug 21, 2026" in text


def test_an_api_is_advised_where_it_is_honest(tmp_path: Path) -> None:
    file = str(MACHINES / "laptop_8gb.json")
    made = document(["--machine", file, "--use", "code"], tmp_path)
    assert made["api"]["advised"] and "API" in made["api"]["sentence"]
    _, text = call(["--machine", file, "--use", "code"], tmp_path)
    assert made["api"]["sentence"] in text


@pytest.mark.parametrize(
    "words",
    [
        ["--use", "poetry"],
        ["--context", "0"],
        ["--context", "x"],
        ["--limit", "-1"],
        ["--language", "german!"],
    ],
)
def test_wrong_use(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = call(words, tmp_path)
    assert code == 2 and text == ""
    assert "Traceback" not in capsys.readouterr().err


def test_a_bad_machine_file_is_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    code, text = call(["--machine", str(bad), "--json"], tmp_path)
    assert code == 1
    assert json.loads(text)["error"]["code"] == "bad_machine_file"


def test_a_machine_where_nothing_fits_is_an_answer(tmp_path: Path) -> None:
    tiny = tmp_path / "tiny.json"
    tiny.write_text('{"ram_total_bytes": 1000000000, "ram_available_bytes": 50000000}', encoding="utf-8")
    made = document(["--machine", str(tiny)], tmp_path)
    assert made["recommendations"] == []
    assert made["api"]["code"] == "api_nothing_fits"
