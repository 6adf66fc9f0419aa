"""The verbs on models against the fake: documents as their schemas say, good text, one sentence per error."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes import faulty_answers
from fakes.fake_ollama import FakeOllama
from wattlight.catalog.registry import Manifest, RegistryProblem, parse_manifest, read_address
from wattlight.cli import run
from wattlight.cli.output import aligned
from wattlight.cli.verb_pull import progress_text
from wattlight.domain.pulls import LayerState, PullState, QueuedPull
from wattlight.domain.values import CpuProfile, Device, HostId, MachineProfile, Problem
from wattlight.paths import Places
from wattlight.runtime import ModelServer, choose_address, connect
from wattlight.services.advising import Opinion
from wattlight.services.factory import ServiceFactory
from wattlight.services.models import DamagedLayer, PullGuard
from wattlight.settings import Alias, ServerAddress, Settings, load_settings, save_settings

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
OOM = "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory"


class Jobs:
    """The list of hosts contacted."""

    def __init__(self) -> None:
        self.hosts: list[tuple[str, str]] = []
        self.problem: Problem | None = None

    def note_contact(self, host: str, reason: str, at: datetime) -> None:
        if self.problem is not None:
            raise self.problem
        self.hosts.append((host, reason))


class Bench:
    """A workshop whose server is the fake and whose machine has one card of 10 GiB."""

    def __init__(self, root: Path, url: str) -> None:
        self.environ = self._environ = {"OLLAMA_HOST": url}
        self.places = Places(root, root, root, root, root)
        self.contacted = Jobs()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def settings(self) -> Settings:
        kept = load_settings(self.places.settings_file).settings
        box = ServerAddress(HostId("box"), "The Box", self.environ["OLLAMA_HOST"])
        return replace(kept, servers=(ServerAddress(), box))

    def server(self, host: str | None = None) -> ModelServer:
        return connect(choose_address(host, self.settings().servers), self.environ)

    def jobs(self) -> Jobs:
        return self.contacted

    def server_logs(self) -> tuple[Path, ...]:
        return (self.places.state / "ollama.log",)

    note_contact = ServiceFactory.note_contact
    note_registry = ServiceFactory.note_registry
    model_folders = ServiceFactory.model_folders

    pull_book = ServiceFactory.pull_book
    queue_lock = ServiceFactory.queue_lock
    zone = ServiceFactory.zone
    tariff = ServiceFactory.tariff

    def advisor(self) -> Any:
        return self

    def judge(self, name: str, _profile: MachineProfile) -> Opinion:
        return Opinion(name)

    def pull_guard(self) -> PullGuard:
        return PullGuard(self.model_folders, awake=lambda _: nullcontext())

    def machine_profile(self) -> MachineProfile:
        card = Device("gpu", "Card", "cuda", 10 << 30, None)
        return MachineProfile("m", "linux", 32 << 30, 32 << 30, CpuProfile(), devices=(card,))


class Line:
    """The command line on a bench."""

    def __init__(self, root: Path, fake: FakeOllama) -> None:
        self.bench = Bench(root, fake.url)

    def __call__(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        code = run(list(words), self.bench, out)  # type: ignore[arg-type]  # as much of a workshop as is needed
        return code, out.getvalue()

    def document(self, verb: str, *words: str) -> Any:
        code, text = self(verb, *words, "--json")
        document = json.loads(text)
        wrong = document.get("error", {}).get("code") in {"invalid_name", "bad_address"}
        assert code == (2 if wrong else 1 if "error" in document else 0)
        jsonschema.validate(document, schema("error" if "error" in document else verb))
        return document


def schema(verb: str) -> Any:
    found = json.loads((SCHEMAS / f"{verb}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


@pytest.fixture
def line(fake: FakeOllama, tmp_path: Path) -> Line:
    return Line(tmp_path, fake)


def test_models(fake: FakeOllama, line: Line) -> None:
    assert line.document("models")["models"] == []
    assert "No models are installed" in line("models")[1]
    fake.install("llama3.2:3b", size=2_019_393_189)
    fake.install("cloudy:1b", remote_host="https://far.example")
    fake.start("llama3.2:3b")
    document = line.document("models")
    assert [m["loaded"] for m in document["models"]] == [True, False]
    assert document["models"][0]["modified_at"] == "2026-11-23T15:17:29Z"
    assert document["server"] == {"url": fake.url, "kind": "ollama", "version": "0.33.0"}
    text = line("models")[1]
    assert "llama3.2:3b  2.0 GB" in text
    assert "runs on https://far.example" in text
    assert "Ollama 0.33.0" in text


def test_ps(fake: FakeOllama, line: Line) -> None:
    assert "No model is loaded" in line("ps")[1]
    fake.install("a:1b")
    fake.vram_share = 0.5
    fake.start("a:1b", context=8192, keep="30m")
    model = line.document("ps")["models"][0]
    assert (model["name"], model["context_length"]) == ("a:1b", 8192)
    assert model["expires_at"].endswith("Z")
    text = line("ps")[1]
    assert "50%" in text
    assert "8,192" in text
    assert "30 min" in text or "29 min" in text


def test_ps_tells_the_context_in_force_asked_and_trained(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b", trained_context=40960)
    fake.install("b:1b", trained_context=512)
    line("load", "a:1b", "--context", "16384", "--remember")
    fake.start("b:1b", context=512)
    fake.start("a:1b", context=2048)
    server = line.bench.server()
    server.remove("b:1b")  # stays loaded, and the server cannot say more of it
    told = [
        (m["context_length"], m["asked_context"], m["trained_context"]) for m in line.document("ps")["models"]
    ]
    assert told == [(16384, 16384, 40960), (512, None, None), (2048, 16384, 40960)]
    rows = [row.split() for row in line("ps")[1].splitlines()]
    assert rows[2][-4:-2] == ["–", "–"]


@pytest.mark.skipif(sys.platform == "win32", reason="the account's services are systemd's")
def test_server_settings_are_shown_changed_and_read_back(line: Line, tmp_path: Path) -> None:
    verb, log = "server-settings", tmp_path / "ollama.log"
    line.bench.environ["HOME"] = str(tmp_path)
    unit = tmp_path / ".config/systemd/user/ollama.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    document = line.document(verb)
    assert (document["place"], document["read_back"]) == ("user_service", False)
    assert "cannot be read here" in line(verb)[1]
    change = ("--set", "OLLAMA_MAX_QUEUE=64", "--set", "OLLAMA_UNHEARD_OF=x")
    assert line.document(verb, *change)["error"]["code"] == "needs_yes"
    assert not (unit.parent / "ollama.service.d").exists()
    done = line.document(verb, *change, "--yes")
    assert (done["written"], done["commands"][-1]) == (True, "systemctl --user restart ollama")
    assert line(verb, *change, "--yes")[1] == "It is set so already.\n"
    log.write_text('msg="server config" env="map[OLLAMA_MAX_QUEUE:512 OLLAMA_NOPRUNE:true]"\n')
    told = {v["name"]: v for v in line.document(verb)["variables"]}
    assert (told["OLLAMA_MAX_QUEUE"]["in_force"], told["OLLAMA_MAX_QUEUE"]["as_set"]) == ("512", False)
    assert told["OLLAMA_UNHEARD_OF"]["set"] == "x"
    assert "512 (not as set)" in line(verb)[1]
    assert line.document(verb, "--set", "OLLAMA_HOST=0.0.0.0", "--yes")["error"]["code"] == "not_ours"
    assert line.document(verb, "--set", "OLLAMA_HOST")["error"]["code"] == "bad_value"


def test_variables_of_a_server_that_is_ours_are_kept_in_the_settings(line: Line, tmp_path: Path) -> None:
    (tmp_path / "managed-server.json").touch()
    line("server-settings", "--set", "OLLAMA_NUM_PARALLEL=2", "--set", "OLLAMA_NOPRUNE=1")
    done = line.document("server-settings", "--unset", "OLLAMA_NOPRUNE")
    assert (done["place"], done["written"]) == ("managed", True)
    kept = load_settings(line.bench.places.settings_file).settings.server_values
    assert [(item.name, item.value) for item in kept] == [("OLLAMA_NUM_PARALLEL", "2")]


def test_ps_of_a_model_kept_for_ever(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    line("load", "a:1b", "--keep", "forever")
    assert line.document("ps")["models"][0]["expires_at"] is None
    assert "until unloaded" in line("ps")[1]


def test_load(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b", trained_context=4096)
    document = line.document("load", "a:1b", "--context", "32768", "--keep", "1h")
    assert document["context_clipped"] is True
    assert document["loaded"]["context_length"] == 4096
    code, text = line("load", "a:1b", "--context", "32768")
    assert code == 0
    assert "a:1b is loaded" in text
    assert "4,096 instead of the 32,768" in text


def test_what_was_chosen_for_a_model_is_remembered(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    fake.install("b:1b")
    line("load", "a:1b", "--context", "2048", "--keep", "forever", "--remember")
    line("unload")
    line("switch", "a:1b")
    line("load", "b:1b")
    assert fake.loads == [("a:1b", 2048), ("a:1b", 2048), ("b:1b", 4096)]
    assert [m["expires_at"] is None for m in line.document("ps")["models"]] == [True, False]
    assert line.document("load", "a:1b", "--context", "1024")["loaded"]["context_length"] == 1024
    line("load", "a:1b", "--remember")
    assert fake.loads[-1] == ("a:1b", 4096)


def test_a_switch_takes_the_name_that_follows_along(
    fake: FakeOllama, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.install("a:1b")
    fake.install("b:1b")
    file = line.bench.places.settings_file
    line("switch", "a:1b")
    assert "now:latest" not in fake.installed_names
    save_settings(file, Settings(alias=Alias(True, "now")))
    line("switch", "a:1b")
    line("switch", "b:1b")
    assert load_settings(file).settings.alias.model == "b:1b"
    line("remove", "b:1b", "--yes")
    assert fake.installed_names == ["a:1b"]
    fake.install("now")
    assert line("switch", "a:1b")[0] == 0
    assert "did not make" in capsys.readouterr().err
    assert "now:latest" in fake.installed_names


def test_unload(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    fake.install("b:1b")
    fake.start("a:1b")
    fake.start("b:1b")
    assert line.document("unload", "a:1b") == {"schema": 1, "unloaded": ["a:1b"], "kept": []}
    assert line("unload") == (0, "b:1b is unloaded.\n")
    assert fake.running_names == []
    assert line.document("unload")["unloaded"] == []
    assert "No model is loaded" in line("unload")[1]


@pytest.mark.parametrize(("size", "first"), [(2_000_000_000, False), (6_000_000_000, True)])
def test_switch_orders_by_room(fake: FakeOllama, line: Line, size: int, first: bool) -> None:
    fake.install("old:1b", size=size)
    fake.install("new:1b", size=size)
    fake.start("old:1b")
    document = line.document("switch", "new:1b")
    assert document["unloaded_first"] is first
    assert document["unloaded"] == ["old:1b"]
    assert document["loaded"]["name"] == "new:1b"
    assert line("switch", "old:1b")[1].splitlines()[-1] == "new:1b is unloaded."


def test_switch_that_fails_says_what_is_loaded_now(fake: FakeOllama, line: Line) -> None:
    fake.install("old:1b", size=6_000_000_000)
    fake.install("new:1b", size=6_000_000_000)
    fake.start("old:1b")
    fake.load_errors["new:1b"] = OOM
    error = line.document("switch", "new:1b")["error"]
    assert error["code"] == "out_of_memory"
    assert "old:1b was unloaded for it and is loaded again" in error["message"]


def test_fault_14_remove_asks_by_name(
    fake: FakeOllama, line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.install("a:1b")
    fake.install("b:1b")
    fake.start("a:1b")
    error = line.document("remove", "a:1b")["error"]
    assert error["code"] == "needs_yes"
    assert "a:1b (2.0 GB)" in error["message"]
    for answer, code, left in (("n\n", 1, 2), ("y\n", 0, 1)):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        assert line("remove", "a:1b")[0] == code
        assert "Delete a:1b (2.0 GB)" in capsys.readouterr().err
        assert len(fake.installed_names) == left
    assert fake.running_names == [], "a loaded model is unloaded first"
    document = line.document("remove", "b:1b", "--yes")
    assert document == {"schema": 1, "removed": "b:1b", "size_bytes": 2_000_000_000, "was_loaded": False}
    assert line.document("remove", "b:1b", "--yes")["error"]["code"] == "unknown_model"


def test_pull_streams_lines(fake: FakeOllama, line: Line) -> None:
    fake.offer("a:1b")
    code, text = line("pull", "a:1b", "--json")
    records = [json.loads(row) for row in text.splitlines()]
    for record in records:
        jsonschema.validate(record, schema("pull"))
    assert code == 0
    assert [record["done"] for record in records] == [False] * (len(records) - 1) + [True]
    assert records[-1]["error"] is None
    assert records[-1]["completed_bytes"] == 2_000_000_000
    fake.offer("b:1b")
    assert line("pull", "b:1b") == (0, "b:1b is installed.\n")
    assert line.bench.contacted.hosts == [(read_address("x").host, "model")] * 2


def test_a_list_of_hosts_that_cannot_be_written_stops_no_download(fake: FakeOllama, line: Line) -> None:
    fake.offer("a:1b")
    line.bench.contacted.problem = Problem("The file is locked.", "Wait.", "jobs")
    assert line("pull", "a:1b")[0] == 0


def test_pull_that_fails_ends_with_the_error(fake: FakeOllama, line: Line) -> None:
    code, text = line("pull", "nosuch:1b", "--json")
    last = json.loads(text.splitlines()[-1])
    jsonschema.validate(last, schema("pull"))
    assert code == 1
    assert last["done"] is True
    assert last["error"]["code"] == "unknown_model"
    assert line("pull", "nosuch:1b")[0] == 1


def test_pull_that_is_interrupted(fake: FakeOllama, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_self: object, _server: object, pull: QueuedPull, publish: Any, *_: object) -> None:
        publish(PullState(pull.model, "pulling x", 5, 10))
        raise KeyboardInterrupt

    monkeypatch.setattr(PullGuard, "run", interrupted)
    code, text = line("pull", "a:1b", "--json")
    last = json.loads(text.splitlines()[-1])
    assert code == 130
    assert (last["done"], last["cancelled"], last["completed_bytes"]) == (True, True, 5)
    assert "What has arrived is kept" in line("pull", "a:1b")[1]


@pytest.mark.parametrize("name", ["registry.example/me/model", "hf.co/me/model:Q4"])
def test_fault_16_another_registry_is_asked_about(fake: FakeOllama, line: Line, name: str) -> None:
    fake.offer(name)
    error = line.document("pull", name)["error"]
    assert error["code"] == "needs_yes"
    assert name.split("/", maxsplit=1)[0] in error["message"]
    assert fake.requests == []
    assert line.bench.contacted.hosts == []
    assert line("pull", name, "--yes")[0] == 0
    assert line.bench.contacted.hosts == [(name.split("/", maxsplit=1)[0], "model")]


def test_ollamas_own_registry_is_not_asked_about(fake: FakeOllama, line: Line) -> None:
    name = f"{read_address('x').host}/library/a:1b"
    fake.offer(name)
    assert line("pull", name)[0] == 0


def test_fault_66_at_the_command_line(
    fake: FakeOllama, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = DamagedLayer("template", tmp_path / "blob")
    damaged.file.write_bytes(b"damaged")
    found = lambda *_, **__: (damaged,) if damaged.file.exists() else ()  # noqa: E731 - one line
    monkeypatch.setattr("wattlight.cli.verb_pull.damaged_layers", found)
    monkeypatch.setattr("wattlight.services.models.guard.damaged_layers", found)
    fake.offer("a:1b")
    code, text = line("pull", "a:1b", "--json")
    last = json.loads(text.splitlines()[-1])
    assert (code, last["done"], last["error"]["code"]) == (1, True, "damaged_layers")
    assert line("pull", "a:1b", "--repair")[0] == 0
    assert not damaged.file.exists()


@pytest.mark.parametrize("verb", ["load", "unload", "switch", "remove", "pull"])
@pytest.mark.parametrize("name", ["../../etc/passwd", "a\nb", "<img src=x>", "a%2e%2e/b"])
def test_fault_16_impossible_names_are_one_sentence(
    fake: FakeOllama, line: Line, verb: str, name: str
) -> None:
    error = line.document(verb, name)["error"]
    assert error["code"] == "invalid_name"
    assert not any(request.method != "GET" for request in fake.requests)


@pytest.mark.parametrize("verb", ["models", "ps", "unload"])
def test_fault_01_and_02_at_the_command_line(fake: FakeOllama, line: Line, verb: str) -> None:
    fake.faults["*"] = faulty_answers.html
    assert line.document(verb)["error"]["code"] == "foreign_server"
    fake.close()
    error = line.document(verb)["error"]
    assert error["code"] == "no_server"
    assert error["next"]


def test_host_by_name_and_by_address(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    for host in ("box", "the box", fake.url, f"127.0.0.1:{fake.port}"):
        assert len(line.document("models", "--host", host)["models"]) == 1
    assert line.document("models", "--host", "u:p@box")["error"]["code"] == "bad_address"


def test_wrong_use_exits_2(line: Line) -> None:
    assert line("load", "--json")[0] == 2
    assert line("load", "a:1b", "--context", "-5", "--json")[0] == 2
    assert line("load", "a:1b", "--context", "many", "--json")[0] == 2


def test_hostile_names_in_a_table(fake: FakeOllama, line: Line) -> None:
    fake.install("\x1b[31mred:1b")
    fake.install("模型:1b")
    text = line("models")[1]
    assert "\x1b" not in text
    assert "模型:1b" in text


def test_columns_line_up_with_wide_characters() -> None:
    assert aligned([("模", "x"), ("abc", "y")]) == ["模   x", "abc  y"]
    assert aligned([("a", "1"), ("b", "100")], frozenset({1})) == ["a    1", "b  100"]
    assert aligned([]) == []


def test_progress_text() -> None:
    assert progress_text(PullState("m", "pulling manifest")) == "m: pulling manifest"
    text = progress_text(PullState("m", "pulling ab", 500_000_000, 2_000_000_000, 10_000_000))
    assert text == "m:  25%  0.5 GB of 2.0 GB  10.0 MB/s, 2 min left"
    assert progress_text(PullState("m", "verifying", 5, 5)).endswith("verifying")
    of_two = PullState(
        "m",
        "pulling ab",
        500_000_000,
        2_000_000_000,
        10_000_000,
        layers=(LayerState("ab", 5 * 10**8, 10**9),),
    )
    assert progress_text(of_two).endswith("2 min left  this file 50% of 1.0 GB")


def test_quiet_says_names_alone(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    fake.install("b:2b")
    assert line("models", "-q") == (0, "a:1b\nb:2b\n")
    assert line("load", "b:2b", "--keep", "-1m", "-q") == (0, "")
    assert line("ps", "--quiet") == (0, "b:2b\n")
    assert fake.requests[-1].path == "/api/ps"
    assert next(r.body["keep_alive"] for r in fake.requests if r.path == "/api/generate") == "-1m"
    assert line("unload", "-q") == (0, "")
    assert line("remove", "a:1b", "--yes", "-q") == (0, "")
    for wrong in ("soon", "5 minutes", "1d"):
        assert line("load", "b:2b", "--keep", wrong)[0] == 2


def test_figures_that_cannot_be_are_a_dash(fake: FakeOllama, line: Line) -> None:
    one = {"name": "x:1b", "digest": "d", "expires_at": "2319-01-01T00:00:00Z"}
    for size, vram in ((5, 9), (0, 0), (0, 7)):
        told = {"models": [{**one, "size": size << 30, "size_vram": vram << 30}]}
        fake.faults["/api/ps"] = lambda handler, told=told: handler.json(200, told)
        cells = line("ps")[1].splitlines()[1].split()
        assert cells[-4:-2] == ["–", "–"]
        assert "%" not in " ".join(cells)
        model = line.document("ps")["models"][0]
        assert model["size_vram_bytes"] is None
        assert (model["size_bytes"] is None) is (size == 0)


def test_a_model_past_its_end_is_at_work(fake: FakeOllama, line: Line) -> None:
    fake.install("a:1b")
    gone = {"name": "a:1b", "size": 9, "size_vram": 9, "digest": "d", "expires_at": "2020-01-01T00:00:00Z"}
    fake.faults["/api/ps"] = lambda handler: handler.json(200, {"models": [gone]})
    assert line("ps")[1].splitlines()[1].endswith("–")


def test_a_pull_that_the_list_does_not_show_failed(fake: FakeOllama, line: Line) -> None:
    fake.offer("tiny:1b", size=1000)
    fake.faults["/api/tags"] = lambda handler: handler.json(200, {"models": []})
    code, text = line("pull", "tiny:1b", "--json")
    last = json.loads(text.splitlines()[-1])
    assert (code, last["error"]["code"]) == (1, "not_listed")
    fake.faults.clear()
    assert line("pull", "tiny:1b", "--repair") == (
        0,
        "tiny:1b is installed.\nThe files of tiny:1b cannot be seen from here, so they were not checked.\n",
    )


def test_a_damaged_model_that_is_not_listed_can_be_removed(fake: FakeOllama, line: Line) -> None:
    words = "invalid character 'x' looking for beginning of value"
    fake.install("hurt:1b")
    fake.faults["/api/tags"] = lambda handler: handler.json(200, {"models": []})
    fake.faults["/api/show"] = lambda handler: handler.json(500, {"error": words})
    assert line("remove", "hurt:1b", "--yes")[0] == 0
    assert fake.installed_names == []
    fake.faults["/api/delete"] = lambda handler: handler.json(500, {"error": words})
    error = line.document("remove", "hurt:1b", "--yes")["error"]
    assert "--repair" in error["next"]
    assert "Remove" not in error["next"]


class Offers:
    """A registry that has another version of every model."""

    def manifest(self, name: str) -> Manifest:
        if name.startswith("mine"):
            raise RegistryProblem("Nothing of that name.", "", "unknown_model")
        layer = {
            "mediaType": "application/vnd.ollama.image.model",
            "digest": "sha256:" + "a" * 64,
            "size": 5 * 10**9,
        }
        return parse_manifest(json.dumps({"schemaVersion": 2, "layers": [layer]}).encode())


def test_updates_are_listed_with_what_they_take(line: Line, fake: FakeOllama) -> None:
    fake.install("llama3.2:3b")
    fake.install("mine:latest")
    line.bench.registry = Offers  # type: ignore[attr-defined]
    document = line.document("updates")
    (update,) = document["updates"]
    assert (update["model"], update["fetch_bytes"], update["exact"]) == ("llama3.2:3b", 5 * 10**9, False)
    assert document["not_in_registry"] == ["mine:latest"]
    _, text = line("updates")
    assert "llama3.2:3b: newer version, at most 5.0 GB to fetch" in text
    assert line.bench.contacted.hosts == [], "the registry notes the hosts that it asks, and no others"
    assert line("updates", "llama9")[0] == 1
    assert not any(request.path == "/api/pull" for request in fake.requests)


def test_updates_are_taken_after_a_yes_and_what_was_there_is_kept(line: Line, fake: FakeOllama) -> None:
    fake.install("llama3.2:3b")
    fake.offer("llama3.2:3b", size=5_000_000)
    line.bench.registry = Offers  # type: ignore[attr-defined]
    assert line("updates", "--take")[0] == 1, "nobody said yes"
    assert not any(request.path == "/api/pull" for request in fake.requests)
    code, _ = line("updates", "--take", "--keep-old", "--yes")
    assert code == 0
    assert len(fake.installed_names) == 2
    assert any(request.path == "/api/pull" for request in fake.requests)
