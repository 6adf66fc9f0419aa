"""The frame of the command line: exit codes, one sentence per error, no traceback."""

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from wattlight.cli import run
from wattlight.domain.values import Problem
from wattlight.paths import Places
from wattlight.settings import Settings


class Bench:
    """A workshop with folders only."""

    def __init__(self, root: Path) -> None:
        self.environ: dict[str, str] = {}
        self.places = Places(root, root, root, root, root)

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("wattlight.cli.verb_doctor")
    module.arguments = lambda parser: parser.add_argument("--depth", type=int)
    monkeypatch.setitem(sys.modules, "wattlight.cli.verb_doctor", module)
    return module


def call(words: list[str], root: Path) -> tuple[int, str]:
    out = io.StringIO()
    code = run(words, Bench(root), out)
    return code, out.getvalue()


def test_a_problem_is_a_document_and_exit_1(verb: ModuleType, tmp_path: Path) -> None:
    def fail(args: object, call: object) -> int:
        raise Problem("The \x1b[31mserver\u202e is gone.", "Start it.", "no_server")

    verb.run = fail
    code, text = call(["doctor", "--json"], tmp_path)
    assert code == 1
    document = json.loads(text)
    assert document["schema"] == 1
    assert document["error"]["code"] == "no_server"
    assert document["error"]["next"] == "Start it."
    assert "\x1b" not in document["error"]["message"]


def test_a_problem_is_one_line_for_a_person(
    verb: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object, call: object) -> int:
        raise Problem("No server.", "Start it.")

    verb.run = fail
    code, text = call(["doctor"], tmp_path)
    assert (code, text) == (1, "")
    assert capsys.readouterr().err == "No server. Start it.\n"


@pytest.mark.parametrize(
    "words", [["doctor", "--depth", "x"], ["doctor", "--frob"], ["frobnicate"], ["--json"]]
)
def test_wrong_use_exits_2(
    verb: ModuleType, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = call(words, tmp_path)
    said = text + capsys.readouterr().err
    assert code == 2
    assert "Traceback" not in said
    assert "--help" in said


def test_our_own_fault_goes_to_the_log_not_to_the_person(
    verb: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object, call: object) -> int:
        raise ZeroDivisionError("secret detail")

    verb.run = fail
    code, text = call(["doctor"], tmp_path)
    said = text + capsys.readouterr().err
    assert code == 1
    assert "Traceback" not in said
    assert "secret detail" in (tmp_path / "wattlight.log").read_text()


def test_json_output_never_holds_nan(verb: ModuleType, tmp_path: Path) -> None:
    verb.run = lambda args, call: call.out.document({"x": float("nan")}) or 0
    code, text = call(["doctor", "--json"], tmp_path)
    assert code == 1
    assert json.loads(text)["error"]["code"] == "internal"


def test_ctrl_c_is_quiet(verb: ModuleType, tmp_path: Path) -> None:
    def stop(args: object, call: object) -> int:
        raise KeyboardInterrupt

    verb.run = stop
    assert call(["doctor"], tmp_path) == (130, "")
