"""Which server, model and context the ready lines get; the verb and the page show the same."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fakes import made_up_day
from fakes.fake_ollama import FakeOllama
from wattlight.cli import run
from wattlight.domain.servers import ServerKind
from wattlight.domain.state import (
    AppState,
    CountingState,
    HostState,
    InstalledModel,
    ServerState,
    ServerStatus,
)
from wattlight.domain.values import HostId
from wattlight.services.connecting import EMBEDDING, USUAL_CONTEXT, filled, snippets, target_of
from wattlight.services.factory import ServiceFactory
from wattlight.settings import Alias
from wattlight.viewmodels.connect import connect_view
from wattlight.viewmodels.scene import Scene

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "connect.json").read_text(encoding="utf-8")
)
SCENE = made_up_day.evening()


def with_server(state: AppState, **changed: Any) -> AppState:
    return replace(state, hosts=(replace(state.local, server=replace(state.local.server, **changed)),))


def test_the_loaded_model_with_its_context_comes_first() -> None:
    loaded = SCENE.state.local.server.running[0]
    target = target_of(SCENE.state)
    assert (target.model, target.context) == (loaded.name, loaded.context_length)
    assert target.url == SCENE.state.local.server.url and not target.counted
    resting = target_of(with_server(SCENE.state, running=()))
    assert resting.model == SCENE.state.local.server.installed[0].name and resting.context == USUAL_CONTEXT
    assert target_of(SCENE.state, "current").model == "current"
    assert target_of(SCENE.state, "current", "gpt-oss:20b").model == "gpt-oss:20b"


def test_a_model_for_vectors_is_no_model_to_talk_to() -> None:
    models = (
        InstalledModel("mxbai-embed-large:latest", "d", 1),
        InstalledModel("all-minilm:22m", "e", 1, "bert"),
    )
    target = target_of(with_server(SCENE.state, installed=models, running=()))
    assert target.model == "" and target.embedding == "mxbai-embed-large:latest" and target.embedding_there
    assert target_of(SCENE.state).embedding == EMBEDDING


def test_what_is_counted_goes_through_the_relay() -> None:
    on = replace(SCENE.state, counting=CountingState(True, "http://127.0.0.1:11435", 11435))
    view = connect_view(replace(SCENE, state=on), "openai")
    assert "http://127.0.0.1:11435/v1" in view.text
    assert any("counted" in need for need in view.needs)


def scene_with_alias(digest: str) -> Scene:
    settings = replace(SCENE.settings, alias=Alias(True, "current", "qwen3:8b", digest))
    return replace(SCENE, settings=settings)


def test_the_name_that_follows_is_offered_once_it_is_there() -> None:
    assert connect_view(scene_with_alias("")).model == "qwen3:8b"
    view = connect_view(scene_with_alias("d" * 64))
    assert view.model == "current" and view.models[0].value == "current"
    assert connect_view(scene_with_alias("d" * 64), model="gpt-oss:20b").model == "gpt-oss:20b"


def test_what_must_be_there_first_is_said() -> None:
    view = connect_view(SCENE, "milvus")
    assert any(EMBEDDING in need for need in view.needs) and "milvus-lite" in view.install
    assert any("tools" in need for need in connect_view(SCENE, "continue").needs)
    nothing = replace(SCENE, state=with_server(SCENE.state, installed=(), running=()))
    view = connect_view(nothing, "openai")
    assert "MODEL" in view.text and view.empty and view.models == ()
    assert connect_view(SCENE, "no such program").program == "curl"


def called(words: list[str], url: str, home: Path) -> tuple[int, str]:
    out = io.StringIO()
    factory = ServiceFactory({"WATTLIGHT_HOME": str(home), "OLLAMA_HOST": url, "PATH": ""})
    return run(words, factory, out), out.getvalue()


def test_the_verb_writes_a_whole_file_and_says_the_rest_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        code, text = called(["connect", "litellm"], fake.url, tmp_path)
        assert code == 0 and yaml.safe_load(text)["model_list"][0]["model_name"] == "assistant"
        assert "pip install 'litellm[proxy]'" in capsys.readouterr().err
        code, text = called(["connect", "litellm", "-q"], fake.url, tmp_path)
        assert capsys.readouterr().err == ""
        code, text = called(["connect", "--json"], fake.url, tmp_path)
        document = json.loads(text)
        jsonschema.validate(document, SCHEMA)
        assert document["model"] == "qwen3:8b" and all(item["text"] for item in document["snippets"])
        assert fake.loads == []


def test_wrong_names_and_a_server_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = "http://127.0.0.1:9"
    assert called(["connect", "fax"], away, tmp_path)[0] == 2
    assert "curl" in capsys.readouterr().err
    assert called(["connect", "openai"], away, tmp_path)[0] == 1
    assert "127.0.0.1:9" in capsys.readouterr().err
    code, text = called(["connect", "openai", "--model", "a:1b"], away, tmp_path)
    assert code == 0 and '"a:1b"' in text
    code, text = called(["connect", "--json"], away, tmp_path)
    assert code == 0 and json.loads(text)["model"] == ""
    with FakeOllama() as empty:
        assert called(["connect", "curl"], empty.url, tmp_path)[0] == 1


def test_another_host_has_its_own_models_kind_and_key() -> None:
    models = (InstalledModel("org/model", "d", 1),)
    url = "https://box.example:8000"
    host = HostState(
        HostId("box"), "Box", ServerState(url, ServerStatus.READY, None, models, kind=ServerKind.VLLM)
    )
    state = replace(SCENE.state, hosts=(*SCENE.state.hosts, host))
    counted = replace(state, counting=CountingState(True, "http://127.0.0.1:11435", 11435))
    target = target_of(counted, "current", at=host, keyed=True)
    assert (target.url, target.model, target.counted) == ("https://box.example:8000", "org/model", False)
    keys = {snippet.key for snippet in snippets(target)}
    assert "openai" in keys and "ollama" not in keys
    lines = filled(next(s for s in snippets(target) if s.key == "openai"), target)
    assert '"YOUR_KEY"' in lines and "https://box.example:8000/v1" in lines
    view = connect_view(replace(SCENE, state=counted), "openai", "", "box")
    assert [choice.text for choice in view.hosts] == [SCENE.state.local.name, "Box"] and view.host == "box"
    assert "box.example" in view.text
    assert connect_view(SCENE).hosts == ()


def test_ollama_behind_a_key_is_used_by_clients_that_send_one() -> None:
    host = replace(SCENE.state.local, id=HostId("far"))
    state = replace(SCENE.state, hosts=(*SCENE.state.hosts, host))
    assert "ollama" in {s.key for s in snippets(target_of(state, at=host))}
    assert "ollama" not in {s.key for s in snippets(target_of(state, at=host, keyed=True))}
