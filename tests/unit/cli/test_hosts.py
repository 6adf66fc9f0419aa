"""Other computers by the command line: added by address, listed together, keys in the keyring alone."""

import io
import json
import logging
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from fakes import faulty_answers
from fakes.command_line import Line
from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import FakeRouter
from unit.system.test_secrets import Ring, with_ring
from wattlight.services.benchmark import run as run_module
from wattlight.web import Endpoint

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
KEY = "Zq7xhostkey53Yw"


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.fixture
def tower() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        yield fake


def test_hosts_of_two_kinds_are_added_listed_used_and_removed(line: Line, tower: FakeOllama) -> None:
    with FakeRouter() as router:
        assert line("hosts", "add", tower.url, "--name", "Tower")[0] == 0
        (added,) = line.document("hosts", "add", router.url, "--name", "Bench")["hosts"]
        assert (added["id"], added["kind"], added["status"]) == ("bench", "llama.cpp-router", "ready")
        assert line("load", "qwen3:8b", "--host", "tower")[0] == 0
        here, first, second = line.document("hosts")["hosts"]
        assert (here["id"], here["here"], here["status"]) == ("local", True, "absent")
        assert [m["name"] for m in first["loaded"]] == ["qwen3:8b"]
        assert first["memory_bytes"] == first["loaded"][0]["size_bytes"] > 0
        assert (second["loaded"], second["models"]) == ([], 3)
        code, text = line("hosts")
        assert code == 0
        assert "llama.cpp (router)" in text
    assert line.document("hosts")["hosts"][2]["status"] == "absent"
    assert line("hosts", "remove", "TOWER")[0] == 0
    assert [h["id"] for h in line.document("hosts")["hosts"]] == ["local", "bench"]


@pytest.mark.parametrize(
    "words",
    [
        "ps", "models", "load x", "unload x", "pull x", "switch x", "remove x --yes", "disk", "updates",
        "connect", "benchmark x", "compare a b --prompts -", "doctor", "fit x", "recommend", "cost",
    ],
)  # fmt: skip
def test_a_host_that_is_nearly_named_is_named(
    line: Line,
    tower: FakeOllama,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert line("hosts", "add", tower.url, "--name", "Tower")[0] == 0
    tower.requests.clear()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one prompt")))
    assert line(*words.split(), "--host", "towr")[0] in {1, 2}
    text = capsys.readouterr().err
    assert 'no host "towr"' in text and "Did you mean Tower?" in text
    assert not tower.requests, "nothing was asked of anybody"


def test_what_can_be_seen_of_another_computer(line: Line, tower: FakeOllama) -> None:
    line("hosts", "add", tower.url, "--name", "Tower")
    said = line.document("doctor", "--host", "tower")
    jsonschema.validate(said, json.loads((SCHEMAS / "doctor.json").read_text()))
    levels = {item["code"]: item["level"] for item in said["findings"]}
    assert levels == {"server": "fine", "warning": "note", "meter": "note"}
    tower.close()
    said = line.document("doctor", "--host", "Tower")
    assert not said["ok"] and {i["code"] for i in said["findings"] if i["level"] == "problem"} == {"server"}


def test_a_benchmark_of_another_computer_has_no_watts_of_this_one(
    line: Line, tower: FakeOllama, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Endpoint, "is_loopback", False)
    monkeypatch.setattr(run_module, "WINDOW_S", 0.1)
    line("hosts", "add", tower.url, "--name", "Tower")
    said = line.document("benchmark", "qwen3:8b", "--host", "tower")
    jsonschema.validate(said, json.loads((SCHEMAS / "benchmark.json").read_text()))
    assert said["device"] == "Tower"
    assert {item["joules_per_token"] for item in said["fills"]} == {None}
    assert "another computer" in said["fills"][0]["energy_reason"]
    assert line("benchmark", "qwen4:8b", "--host", "tower")[0] == 1
    assert "not installed on Tower" in capsys.readouterr().err
    assert line("fit", "qwen3:8b", "--host", "tower")[0] == 1
    assert "What is in Tower is not known here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["add", "http://user:pass@box.lan"], "wrong_use"),
        (["add", "ftp://box.lan"], "wrong_use"),
        (["add", "http://models.example.org"], "wrong_use"),
        (["add", "box.lan", "--key"], "wrong_use"),
        (["add", "127.0.0.1:9", "--name", "this computer"], "wrong_use"),
        (["remove", "nobody"], "bad_input"),
        (["remove", "local"], "bad_input"),
        (["key", "nobody"], "bad_input"),
        (["add"], "use"),
    ],
)
def test_what_cannot_be_is_one_sentence(line: Line, words: list[str], code: str) -> None:
    document = line.document("hosts", *words)
    assert document["error"]["code"] == code
    assert [a.host for a in line.factory.settings().servers] == ["local"]


def test_plain_http_outside_of_the_home_takes_an_explicit_choice(line: Line) -> None:
    refused = line.document("hosts", "add", "http://models.example.org")["error"]
    assert "not encrypted" in refused["message"]
    assert "--plain-http" in refused["next"]
    assert line.document("models", "--host", "http://models.example.org")["error"]["code"] == "unencrypted"
    added = line.document("hosts", "add", "http://models.example.org", "--plain-http")["hosts"][0]
    assert added["url"] == "http://models.example.org:80"


def test_fault_56_a_key_is_kept_in_the_keyring_or_with_consent_in_a_file(
    line: Line, tower: FakeOllama, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with_ring(monkeypatch, None)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    refused = line.document("hosts", "add", tower.url, "--name", "Tower", "--key")["error"]
    assert refused["code"] == "no_keyring"
    assert [a.host for a in line.factory.settings().servers] == ["local"]
    assert not any(KEY.encode() in file.read_bytes() for file in line.root.rglob("*") if file.is_file())

    ring = Ring()
    with_ring(monkeypatch, ring)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    code, text = line("hosts", "add", tower.url, "--name", "Tower", "--key")
    assert code == 0
    assert ring.kept == {("wattlight", "host tower"): KEY}
    said = text + line("hosts")[1] + line("models", "--host", "tower", "--json")[1]
    assert tower.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in said + caplog.text
    assert not any(KEY.encode() in file.read_bytes() for file in line.root.rglob("*") if file.is_file())

    locked = Ring(broken=True)
    with_ring(monkeypatch, locked)
    problem = line.document("models", "--host", "tower")["error"]
    assert (problem["code"], KEY in problem["message"]) == ("no_key", False)
    assert "keyring did not give the key" in line("hosts")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    assert line("hosts", "key", "tower", "--key-file")[0] == 0
    (kept,) = (file for file in line.root.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes())
    assert kept.name == "secrets.json"
    assert sys.platform == "win32" or kept.stat().st_mode & 0o777 == 0o600
    assert line("models", "--host", "tower")[0] == 0
    assert line("hosts", "remove", "tower")[0] == 0
    assert not kept.exists()


def test_fault_63_a_dead_host_keeps_no_other_waiting(line: Line, tower: FakeOllama) -> None:
    assert line("hosts", "add", tower.url, "--name", "Tower")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts and never answers
        for number in range(4):
            added = line("hosts", "add", f"http://127.0.0.{number + 2}:{silent.getsockname()[1]}/{number}")
            assert added[0] == 0
        line.factory.threads.close(0.1)
        began = time.monotonic()
        found = line.document("hosts")["hosts"]
        assert time.monotonic() - began < 9, "all are asked at once"
    assert [h["status"] for h in found][1] == "ready"
    assert {h["status"] for h in found[2:]} <= {"silent", "absent"}


def test_a_host_that_sends_too_much_or_elsewhere_is_told(line: Line, tower: FakeOllama) -> None:
    with FakeOllama() as other:
        assert line("hosts", "add", tower.url, "--name", "Tower")[0] == 0
        tower.faults["*"] = faulty_answers.redirect(other.url)
        assert line.document("hosts")["hosts"][1]["status"] == "foreign"
        assert other.requests == []


def test_where_a_model_runs_best_is_asked_of_all(line: Line, tower: FakeOllama) -> None:
    with FakeOllama() as other:
        other.install("qwen3:8b", size=5_200_000_000)
        for fake, name in ((tower, "Tower"), (other, "Cellar")):
            assert line("hosts", "add", fake.url, "--name", name)[0] == 0
            assert line("load", "qwen3:8b", "--host", name)[0] == 0
        other.vram_share = 0.0
        best = line.document("hosts", "best", "qwen3:8b")["best"]
        assert (best["host"], best["sure"]) == ("tower", True)
        assert "Runs best on Tower" in best["text"]
        assert line("unload", "--host", "Cellar")[0] == 0
        dark = line.document("hosts", "best", "qwen3:8b")["best"]
        assert (dark["host"], "nothing tells what Cellar has" in dark["text"]) == (None, True)
    assert line.document("hosts", "best", "qwen3:8b")["error"]["code"] == "unknown_model"
