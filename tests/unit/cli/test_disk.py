"""``wattlight disk``: what models take, and removing what belongs to none."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes.model_folder import ModelFolder
from wattlight.catalog.download.kept import note_download
from wattlight.catalog.registry import Layer
from wattlight.cli import run
from wattlight.services.factory import ServiceFactory

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"


class Later(ServiceFactory):
    """A workshop whose clock is two hours ahead, so that what a test made is old."""

    ahead = timedelta(hours=2)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Bench:
    def __init__(self, root: Path) -> None:
        self.shelf = ModelFolder(root / "models")
        environ = {"OLLAMA_MODELS": str(self.shelf.path), "WATTLIGHT_HOME": str(root / "home")}
        self.workshop = Later(environ)

    def __call__(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        code = run(["disk", *words], self.workshop, out)
        return code, out.getvalue()

    def document(self, *words: str) -> Any:
        document = json.loads(self(*words, "--json")[1])
        name = "error" if "error" in document else "disk"
        jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text()))
        return document


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.shelf.put("one:8b", b"w" * 2_500_000, b"licence")
    bench.shelf.put("two:1b", b"v" * 1_200_000, b"licence")
    return bench


def test_what_each_model_takes(bench: Bench) -> None:
    (folder,) = bench.document()["folders"]
    assert folder["used_bytes"] == 3_700_007
    assert [(m["name"], m["freed_bytes"]) for m in folder["models"]] == [
        ("one:8b", 2_500_000),
        ("two:1b", 1_200_000),
    ]
    assert (folder["orphans"], folder["removable"], folder["reason"]) == ([], True, None)
    code, text = bench()
    assert code == 0
    assert "3.7 MB in 2 models" in text
    assert "one:8b  2.5 MB             2.5 MB" in text


def test_orphans_are_listed_and_removed_after_a_yes(bench: Bench) -> None:
    lost = bench.shelf.blob(b"x" * 1_000_000)
    (bench.shelf.path / "blobs" / "notes.txt").touch()
    (folder,) = bench.document()["folders"]
    assert [(f["kind"], f["size_bytes"]) for f in folder["orphans"]] == [("file", 1_000_000)]
    assert folder["left"][0]["reason"] == "not named like a file of a model"
    text = bench()[1]
    assert "1.0 MB  file of a model that is gone" in text
    assert "'wattlight disk --remove-orphans' removes it." in text
    assert bench.document("--remove-orphans")["error"]["code"] == "needs_yes"
    assert lost.exists()
    done = bench.document("--remove-orphans", "--yes")
    assert done["removed"][0]["freed_bytes"] == 1_000_000
    assert done["folders"][0]["orphans"] == []
    assert not lost.exists()
    assert "nothing was removed" in bench("--remove-orphans", "--yes")[1]


def test_a_download_that_waits_is_told_and_stays(bench: Bench) -> None:
    parts = bench.shelf.path / "wattlight-parts"
    parts.mkdir()
    layer = Layer("model", f"sha256:{'d' * 64}", 5_000_000)
    note_download(parts, "late:8b", (layer,))
    part = parts / f"sha256-{'d' * 64}.part"
    part.write_bytes(b"x" * 5_000_000)
    part.with_suffix(".json").write_text('{"size": 5000000, "done": [[0, 1200000]]}')
    (folder,) = bench.document()["folders"]
    assert folder["waiting"] == [{"model": "late:8b", "have_bytes": 1_200_000, "total_bytes": 5_000_000}]
    assert folder["orphans"] == []
    assert "late:8b is not whole yet: 1.2 MB of 5.0 MB are here" in bench()[1]
    assert bench("--remove-orphans", "--yes")[0] == 0
    assert part.exists()


def test_the_question_shows_what_would_go(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lost = bench.shelf.blob(b"x" * 1_000_000)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    code, text = bench("--remove-orphans")
    assert (code, lost.exists()) == (1, True)
    assert lost.name[:19] in text
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    code, text = bench("--remove-orphans")
    assert (code, lost.exists()) == (0, False)
    assert "1 file removed, 1.0 MB freed." in text
    assert "Remove 1 file (1.0 MB)?" in capsys.readouterr().err


def test_why_nothing_can_be_removed_now(bench: Bench) -> None:
    bench.shelf.blob(b"x" * 1_000_000)
    bench.workshop.ahead = timedelta(minutes=20)
    assert bench.document()["folders"][0]["removable"] is False
    assert "a model may be on its way" in bench()[1]
    assert bench.document("--remove-orphans", "--yes")["error"]["code"] == "pull_running"
    bench.workshop.ahead = timedelta(hours=3)
    bench.shelf.manifest("torn:1b").write_text("{")
    (folder,) = bench.document()["folders"]
    assert (folder["orphans"], folder["removable"]) == ([], False)
    assert bench.document("--remove-orphans", "--yes")["error"]["code"] == "unsure"


def test_a_folder_that_is_not_here(bench: Bench, tmp_path: Path) -> None:
    assert bench.document("--host", "https://box.example:11434")["error"]["code"] == "another_computer"
    bench.workshop = Later({"OLLAMA_MODELS": str(tmp_path / "no"), "WATTLIGHT_HOME": str(tmp_path)})
    assert bench.document()["error"]["code"] == "no_folder"
