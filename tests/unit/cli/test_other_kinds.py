"""The verbs on servers of other kinds: what they tell is shown, what they cannot is one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.command_line import Line
from fakes.recorded_servers import LLAMA_UNKNOWN, FakeRouter, RecordedServer

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
LLAMA = {"GET /v1/models": "llamacpp/xllamacpp_v1_models", "GET /props": "llamacpp/xllamacpp_props"}


@pytest.fixture
def router() -> Iterator[FakeRouter]:
    with FakeRouter() as fake:
        yield fake


@pytest.fixture
def llama() -> Iterator[RecordedServer]:
    with RecordedServer(LLAMA, LLAMA_UNKNOWN) as fake:
        yield fake


def test_load_switch_unload_on_a_router(router: FakeRouter, tmp_path: Path) -> None:
    line = Line(tmp_path, router.url)
    assert line.document("load", "tiny-a")["loaded"]["name"] == "tiny-a"
    switched = line.document("switch", "tiny-b")
    assert switched["loaded"]["name"] == "tiny-b"
    assert switched["unloaded"] == ["tiny-a"]
    (model,) = line.document("ps")["models"]
    assert (model["name"], model["size_bytes"], model["digest"]) == ("tiny-b", None, None)
    assert line.document("unload")["unloaded"] == ["tiny-b"]
    code, text = line("load", "broken")
    assert code == 1
    assert text == ""


def test_models_of_a_router(router: FakeRouter, tmp_path: Path) -> None:
    line = Line(tmp_path, router.url)
    router.states["tiny-a"] = "loaded"
    document = line.document("models")
    assert document["server"]["kind"] == "llama.cpp-router"
    assert [(m["name"], m["loaded"]) for m in document["models"]][1:] == [
        ("tiny-b", False),
        ("broken", False),
    ]
    assert {m["size_bytes"] for m in document["models"]} == {5_061_632, None}
    code, text = line("models")
    assert code == 0
    assert "3 models, on llama.cpp (router)" in text
    assert "Ollama" not in text


@pytest.mark.parametrize(
    "words",
    [
        ("load", "tiny-a"),
        ("unload",),
        ("switch", "tiny-a"),
        ("pull", "llama3.2:3b"),
        ("remove", "tiny-a", "--yes"),
        ("updates",),
    ],
)
def test_a_verb_that_the_kind_cannot_do_says_so(
    llama: RecordedServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    document = Line(tmp_path, llama.url).document(*words)
    assert document["error"]["code"] == "cannot"
    assert document["error"]["message"].startswith("llama.cpp ")
    assert all(line.startswith("GET /") for line in llama.asked)


@pytest.mark.parametrize("option", [("--keep", "5m"), ("--context", "4096")])
def test_what_the_router_would_ignore_is_refused(
    router: FakeRouter, tmp_path: Path, option: tuple[str, str]
) -> None:
    assert Line(tmp_path, router.url).document("load", "tiny-a", *option)["error"]["code"] == "cannot"
    assert router.states["tiny-a"] == "unloaded"


def test_a_server_that_tells_nothing_of_memory(llama: RecordedServer, tmp_path: Path) -> None:
    line = Line(tmp_path, llama.url)
    code, text = line("ps")
    assert code == 0
    assert "tiny-a" in text
    assert "1,024" in text
    assert "until unloaded" not in text
    assert "does not tell memory" in text
    assert line.document("ps")["models"][0]["trained_context"] == 4096


def test_a_model_that_says_it_sleeps(tmp_path: Path) -> None:
    pages = {
        "GET /v1/models": "vllm/v1_models",
        "GET /version": "vllm/version",
        "GET /is_sleeping": "vllm/is_sleeping_after",
    }
    with RecordedServer(pages) as fake:
        text = Line(tmp_path, fake.url)("ps")[1]
    assert "tiny-hf says it sleeps" in text


def test_who_does_not_tell_what_is_loaded(tmp_path: Path) -> None:
    pages = {"GET /v1/models": (200, {"data": [{"id": "some/model"}]})}
    with RecordedServer(pages) as fake:
        line = Line(tmp_path, fake.url)
        assert line.document("models")["models"][0]["loaded"] is None
        assert "does not tell which models are loaded" in line("models")[1]
        assert line.document("ps")["error"]["code"] == "cannot"


def test_doctor_names_the_kind(llama: RecordedServer, tmp_path: Path) -> None:
    findings = {f["code"]: f["text"] for f in Line(tmp_path, llama.url).document("doctor")["findings"]}
    assert findings["server"].startswith("llama.cpp answers")
    assert "converts" not in findings
