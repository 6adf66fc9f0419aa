"""Other kinds of server than Ollama, as real ones answered: which kind it is, what it has, runs and can."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import LLAMA_UNKNOWN, LM_STUDIO_LIST, RecordedServer
from wattlight.domain.servers import ABILITIES, Can, ServerKind, ServerPart, ServerStatus, kind_name
from wattlight.runtime import AnswerRequest, ModelServer, RuntimeProblem, connect, look
from wattlight.settings import ServerAddress

TRAPS = ("/metrics", "/slots", "/tokenize", "/health", "/sleep", "/wake_up", "/v1/chat", "/models/load")
"""Pages that load, wake, evict or keep a model awake in one kind or another."""
NOT_A_TRAP = ("/health/liveliness",)
NO_KEY = (401, {"error": "Unauthorized"})
UNEXPECTED = (200, {"error": "Unexpected endpoint or method. (GET /x)"})
LM_STUDIO_OLD = (200, {"object": "list", "data": [{"id": "small-3b", "state": "loaded", "arch": "llama"}]})


@dataclass(frozen=True)
class Case:
    """One server: its pages, and what is true of it."""

    kind: ServerKind
    pages: dict[str, Any]
    unknown: Any
    installed: tuple[str, ...]
    loaded: tuple[str, ...] = ()
    version: str | None = None
    context: int | None = None


def llama(name: str, props: str, **facts: Any) -> Case:
    pages = {
        "GET /v1/models": f"llamacpp/{name}",
        "GET /props": f"llamacpp/{props}",
        "POST /v1/chat/completions": "llamacpp/chat_stream",
    }
    facts = {"installed": ("tiny-b",), "version": "b0-unknown", **facts}
    return Case(ServerKind.LLAMA_CPP, pages, LLAMA_UNKNOWN, **facts)


def router(name: str, **facts: Any) -> Case:
    pages = {
        "GET /props": "llamacpp_router/props_router",
        "POST /v1/chat/completions": "llamacpp/chat_stream",
    }
    pages |= {f"GET {path}": f"llamacpp_router/{name}" for path in ("/models", "/v1/models")}
    return Case(ServerKind.LLAMA_ROUTER, pages, LLAMA_UNKNOWN, version="b0-unknown", **facts)


VLLM = {
    "GET /v1/models": "vllm/v1_models",
    "GET /version": "vllm/version",
    "POST /v1/chat/completions": "vllm/chat_stream",
}
LITELLM = {
    "GET /v1/models": "litellm/v1_models",
    "GET /v1/model/info": "litellm/model_info",
    "GET /health/liveliness": "litellm/health_liveliness",
    "POST /v1/chat/completions": "litellm/chat_local_stream",
}
THREE = ("broken", "tiny-a", "tiny-b")
CASES = {
    "llama.cpp at work": llama("v1_models", "props_busy", loaded=("tiny-b",), context=1024),
    "llama.cpp asleep": llama("v1_models_sleeping", "props_sleeping"),
    "llama.cpp newer": llama(
        "xllamacpp_v1_models", "xllamacpp_props", installed=("tiny-a",), loaded=("tiny-a",), context=1024
    ),
    "router": router("models", installed=THREE, loaded=("tiny-a",), context=512),
    "router, one loading": router("v1_models_loading", installed=THREE),
    "router, one asleep": router("models_sleeping", installed=("sub-b", "tiny-a")),
    "router, one failed": router("models_after_failure", installed=THREE),
    "vLLM": Case(
        ServerKind.VLLM, VLLM, (404, {"detail": "Not Found"}), ("tiny-hf",), ("tiny-hf",), "0.32.0", 1024
    ),
    "LM Studio": Case(
        ServerKind.LM_STUDIO,
        {
            "GET /v1/models": (200, {"object": "list", "data": [{"id": "someone/small-3b"}]}),
            "GET /api/v1/models": (200, LM_STUDIO_LIST),
            "POST /v1/chat/completions": "vllm/chat_stream",
        },
        UNEXPECTED,
        ("someone/small-3b", "text-embedding-small"),
        ("someone/small-3b",),
        context=8192,
    ),
    "LM Studio before 0.4": Case(
        ServerKind.LM_STUDIO,
        {
            "GET /v1/models": (200, {"object": "list", "data": [{"id": "small-3b"}]}),
            "GET /api/v0/models": LM_STUDIO_OLD,
            "POST /v1/chat/completions": "vllm/chat_stream",
        },
        UNEXPECTED,
        ("small-3b",),
        ("small-3b",),
    ),
    "LiteLLM": Case(
        ServerKind.LITELLM,
        LITELLM,
        (404, {"detail": "Not Found"}),
        ("local", "local-llamacpp", "local-down", "cloud", "local-embed"),
    ),
    "another": Case(
        ServerKind.OPENAI,
        {
            "GET /v1/models": (200, {"object": "list", "data": [{"id": "some/model"}, {"id": "other"}]}),
            "POST /v1/chat/completions": "vllm/chat_stream",
        },
        (404, {"detail": "Not Found"}),
        ("some/model", "other"),
    ),
}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def fake(case: Case) -> Iterator[RecordedServer]:
    with RecordedServer(case.pages, case.unknown) as server:
        yield server


@pytest.fixture
def server(fake: RecordedServer) -> ModelServer:
    return look(connect(ServerAddress(url=fake.url), {}))


def test_its_kind_models_and_state_are_told_and_nothing_is_woken(
    case: Case, fake: RecordedServer, server: ModelServer
) -> None:
    state = server.state()
    state = server.state(state, part=ServerPart.LOADED)
    assert server.kind is case.kind
    assert state.status is ServerStatus.READY, state.message
    assert tuple(m.name for m in state.installed) == case.installed
    assert tuple(m.name for m in state.running) == case.loaded
    assert state.version == case.version
    assert {m.context_length for m in state.running} <= {case.context}
    paths = [line.split(" ")[1] for line in fake.asked]
    woken = [path for path in paths if path.startswith(TRAPS) and path not in NOT_A_TRAP]
    assert woken == []
    assert not any(line.startswith("POST") for line in fake.asked)


def test_who_does_not_tell_what_is_loaded_is_not_shown_with_nothing_loaded(
    case: Case, server: ModelServer
) -> None:
    state = server.state()
    if server.can(Can.TELL_LOADED):
        assert state.resident == state.running
    else:
        assert state.resident is None


def test_what_the_kind_cannot_do_is_said_in_one_sentence(server: ModelServer, fake: RecordedServer) -> None:
    acts: dict[Can, Callable[[], object]] = {
        Can.LOAD: lambda: server.load("x"),
        Can.UNLOAD: lambda: server.unload("x"),
        Can.PULL: lambda: server.pull("x"),
        Can.REMOVE: lambda: server.remove("x"),
        Can.COPY: lambda: server.copy("x", "y"),
        Can.DESCRIBE: lambda: server.describe("x"),
        Can.KEEP: lambda: server.require(Can.KEEP),
    }
    before = len(fake.asked)
    for what, act in acts.items():
        if server.can(what):
            continue
        with pytest.raises(RuntimeProblem) as caught:
            act()
        assert caught.value.code == "cannot"
        assert str(caught.value).count(".") <= 2 + str(caught.value).count("llama.cpp")
    assert len(fake.asked) == before


def test_it_answers_with_the_servers_own_counters(case: Case, server: ModelServer) -> None:
    pieces = list(server.answer(AnswerRequest(case.installed[0], "hello", max_tokens=6, steady=True)))
    end = pieces[-1].end
    assert end is not None
    assert end.reason == "length"
    assert end.counters.output_tokens
    assert end.counters.prompt_tokens
    assert "".join(piece.text for piece in pieces)


def test_a_model_that_is_not_there_is_named(case: Case, server: ModelServer) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        list(server.answer(AnswerRequest("nosuch:1b", "hello")))
    assert caught.value.code == "unknown_model"
    assert "nosuch:1b" in caught.value.message
    with pytest.raises(RuntimeProblem):
        server.check_installed("nosuch:1b")
    server.check_installed(case.installed[0])


def test_every_kind_has_its_abilities_and_a_name() -> None:
    assert set(ABILITIES) == set(ServerKind)
    assert all(kind_name(kind) for kind in ServerKind)


def test_ollama_is_found_by_one_question() -> None:
    with FakeOllama() as fake:
        server = connect(ServerAddress(url=fake.url), {})
        assert look(server) is server
        assert [request.path for request in fake.requests] == ["/api/version"]


@pytest.mark.parametrize(
    ("pages", "unknown", "kind"),
    [
        (
            {"GET /v1/models": "vllm/key_models_nokey", "GET /version": "vllm/version"},
            NO_KEY,
            ServerKind.VLLM,
        ),
        (
            {"GET /v1/models": "llamacpp/xllamacpp_v1_models_nokey"},
            "llamacpp/xllamacpp_v1_models_nokey",
            ServerKind.LLAMA_CPP,
        ),
        (
            {
                "GET /v1/models": "litellm/v1_models_nokey",
                "GET /health/liveliness": "litellm/health_liveliness",
            },
            NO_KEY,
            ServerKind.LITELLM,
        ),
        ({"GET /v1/models": NO_KEY}, (404, {"detail": "Not Found"}), ServerKind.OPENAI),
    ],
)
def test_a_kind_is_known_behind_its_key_and_says_that_it_wants_one(
    pages: dict[str, Any], unknown: Any, kind: ServerKind
) -> None:
    with RecordedServer(pages, unknown) as fake:
        server = look(connect(ServerAddress(url=fake.url), {}))
        assert server.kind is kind
        state = server.state()
    assert state.status is ServerStatus.ERROR
    assert state.resident is None
    if kind is not ServerKind.LITELLM:  # which answers 500 without a key
        assert "key" in (state.message or "")


@pytest.mark.parametrize(
    "unknown", [(200, b"<html>hello</html>"), (404, b"nothing"), (200, {"hello": 1}), (500, b"")]
)
def test_what_is_no_server_of_models_stays_unknown(unknown: Any) -> None:
    with RecordedServer({}, unknown) as fake:
        server = connect(ServerAddress(url=fake.url), {})
        assert look(server) is server
        assert server.state().status in {ServerStatus.FOREIGN, ServerStatus.ERROR}
