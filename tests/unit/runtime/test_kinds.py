"""Other kinds of server: the router's load and unload, what is believed and what not, faults on the way."""

import threading
from dataclasses import replace

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import LLAMA_UNKNOWN, LM_STUDIO_LIST, FakeRouter, RecordedServer, recorded
from wattlight.domain.servers import ServerKind, ServerPart, ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import AnswerRequest, ModelServer, RuntimeProblem, connect, look
from wattlight.services.current import Servers
from wattlight.services.models import switch, unload, unload_all
from wattlight.settings import ServerAddress

LLAMA = {
    "GET /v1/models": "llamacpp/v1_models",
    "GET /props": "llamacpp/props_busy",
    "POST /v1/chat/completions": "llamacpp/chat_stream",
}


def at(fake: RecordedServer) -> ModelServer:
    return look(connect(ServerAddress(url=fake.url), {}))


def loaded(server: ModelServer) -> list[str]:
    return [model.name for model in server.running()]


def test_a_load_of_the_router_is_over_when_its_list_says_so() -> None:
    with FakeRouter() as fake:
        server = at(fake)
        model = server.load("tiny-b")
        assert model is not None
        assert model.name == "tiny-b"
        assert fake.states["tiny-b"] == "loaded"
        assert fake.asked.count("GET /models") > 3, "it was looked at until it was loaded"
        again = server.load("tiny-b", keep_alive="5m", context_length=4096)
        assert again is not None
        assert again.context_length == 512, "as the server has it, not as asked"


def test_a_load_that_fails_after_success_is_told_with_its_code() -> None:
    with FakeRouter() as fake, pytest.raises(RuntimeProblem) as caught:
        at(fake).load("broken")
    assert caught.value.code == "not_loaded"
    assert "code 1" in caught.value.message


def test_an_earlier_failure_does_not_end_the_next_load() -> None:
    with FakeRouter() as fake:
        server = at(fake)
        fake.failed.add("tiny-a")
        assert server.load("tiny-a") is not None


def test_a_load_can_be_cancelled() -> None:
    cancel = threading.Event()
    with FakeRouter() as fake:
        server = at(fake)
        fake.slow = 10_000
        threading.Timer(0.2, cancel.set).start()
        with pytest.raises(RuntimeProblem) as caught:
            server.load("tiny-a", cancel=cancel)
        assert caught.value.code == "cancelled"


def test_a_sleeping_model_is_not_loaded_and_a_load_wakes_it() -> None:
    with FakeRouter() as fake:
        server = at(fake)
        fake.states["tiny-a"] = "sleeping"
        assert loaded(server) == []
        server.load("tiny-a")
        assert loaded(server) == ["tiny-a"]


def test_unload_returns_when_the_process_has_ended() -> None:
    with FakeRouter() as fake:
        server = at(fake)
        server.load("tiny-a")
        server.unload("tiny-a")
        assert fake.states["tiny-a"] == "unloaded"
        server.unload("tiny-a")  # nothing to do, and no error
        with pytest.raises(RuntimeProblem) as caught:
            server.unload("nosuch")
        assert caught.value.code == "unknown_model"


def test_switch_where_the_router_itself_pushes_the_other_out() -> None:
    with FakeRouter(most=1) as fake:
        server = at(fake)
        server.load("tiny-a")
        result = switch(server, "tiny-b", lambda _model, _running: True)
        assert result.loaded is not None
        assert loaded(server) == ["tiny-b"]
        assert unload(server, "tiny-b").unloaded == ("tiny-b",)
        assert unload_all(server).unloaded == ()


def test_one_model_servers_cannot_switch_and_nothing_is_asked_of_them() -> None:
    with RecordedServer(LLAMA, LLAMA_UNKNOWN) as fake:
        server = at(fake)
        before = len(fake.asked)
        for act in (lambda: switch(server, "x", lambda *_: None), lambda: unload_all(server)):
            with pytest.raises(RuntimeProblem) as caught:
                act()
            assert caught.value.code == "cannot"
        assert len(fake.asked) == before


def test_vllm_that_says_it_sleeps_is_still_shown_as_loaded() -> None:
    pages = {
        "GET /v1/models": "vllm/v1_models",
        "GET /version": "vllm/version",
        "GET /is_sleeping": "vllm/is_sleeping_after",
    }
    with RecordedServer(pages) as fake:
        server = at(fake)
        (model,) = server.running()
        assert model.said_asleep
        fake.pages["GET /is_sleeping"] = "vllm/is_sleeping"
        assert not server.running()[0].said_asleep
        del fake.pages["GET /is_sleeping"]
        server.running()
        asked = fake.asked.count("GET /is_sleeping")
        server.running()
        assert fake.asked.count("GET /is_sleeping") == asked, "who does not tell is not asked again"


def test_an_adapter_is_part_of_its_model() -> None:
    data = [dict(item) for item in recorded()["vllm/v1_models"]["body"]["data"]]
    data.append({**data[0], "id": "my-adapter", "root": "adapters/mine", "parent": "tiny-hf"})
    pages = {"GET /v1/models": (200, {"object": "list", "data": data}), "GET /version": "vllm/version"}
    with RecordedServer(pages) as fake:
        assert loaded(at(fake)) == ["tiny-hf"]


class LmStudio(RecordedServer):
    """Does what its documentation says of load and unload."""

    def __init__(self) -> None:
        unknown = (200, {"error": "Unexpected endpoint or method."})
        super().__init__({"GET /v1/models": (200, {"data": [{"id": "someone/small-3b"}]})}, unknown)
        self.held = {"someone/small-3b": 8192}

    def respond(self, request: str, body: object) -> tuple[int, dict[str, str], bytes]:
        if isinstance(body, dict) and request == "POST /api/v1/models/load":
            self.held[body["model"]] = body.get("context_length", 4096)
        if isinstance(body, dict) and request == "POST /api/v1/models/unload":
            del self.held[body["instance_id"]]
        models = [
            {
                **item,
                "loaded_instances": [
                    {"id": key, "config": {"context_length": n}}
                    for key, n in self.held.items()
                    if key == item["key"]
                ],
            }
            for item in LM_STUDIO_LIST["models"]
        ]
        self.pages["GET /api/v1/models"] = (200, {"models": models})
        for what in ("load", "unload"):
            self.pages[f"POST /api/v1/models/{what}"] = (200, {"status": "done"})
        return super().respond(request, body)


def test_lm_studio_loads_unloads_and_loads_anew_for_another_context() -> None:
    with LmStudio() as fake:
        server = at(fake)
        assert server.kind is ServerKind.LM_STUDIO
        server.load("someone/small-3b")
        assert "POST /api/v1/models/load" not in fake.asked, "it would be loaded twice"
        model = server.load("someone/small-3b", context_length=16_384)
        assert model is not None
        assert model.context_length == 16_384
        assert fake.asked.count("POST /api/v1/models/unload") == 1
        result = switch(server, "text-embedding-small", lambda *_: True)
        assert result.unloaded == ("someone/small-3b",)
        assert list(fake.held) == ["text-embedding-small"]
        assert server.trained_context("text-embedding-small") == 2048


def test_an_older_lm_studio_says_that_it_is_too_old() -> None:
    pages = {
        "GET /v1/models": (200, {"data": []}),
        "GET /api/v0/models": (200, {"data": [{"id": "small", "state": "not-loaded"}]}),
    }
    with RecordedServer(pages, (200, {"error": "Unexpected endpoint or method."})) as fake:
        server = at(fake)
        assert loaded(server) == []
        with pytest.raises(RuntimeProblem) as caught:
            server.load("small")
        assert caught.value.code == "old_server"


def test_litellm_says_which_names_leave_the_computer() -> None:
    info = {
        "data": [
            {"model_name": "here", "litellm_params": {"model": "ollama/a", "api_base": "http://127.0.0.1:1"}},
            {"model_name": "usual", "litellm_params": {"model": "ollama_chat/b"}},
            {"model_name": "cloud", "litellm_params": {"model": "openai/big"}},
            {"model_name": "both", "litellm_params": {"model": "x", "api_base": "http://127.0.0.1:1"}},
            {"model_name": "both", "litellm_params": {"model": "x", "api_base": "https://far.example/v1"}},
        ]
    }
    names = ("here", "usual", "cloud", "both")
    pages = {
        "GET /v1/models": (200, {"data": [{"id": name, "owned_by": "openai"} for name in names]}),
        "GET /v1/model/info": (200, info),
        "GET /health/liveliness": "litellm/health_liveliness",
    }
    with RecordedServer(pages) as fake:
        server = at(fake)
        hosts = {model.name: model.remote_host for model in server.installed()}
        assert hosts == {"here": None, "usual": None, "cloud": "openai", "both": "far.example"}
        with pytest.raises(RuntimeProblem) as caught:
            server.check_local("both")
        assert caught.value.code == "cloud_model"


def test_a_stream_that_the_router_cuts_is_no_whole_answer() -> None:
    with RecordedServer(
        {**LLAMA, "POST /v1/chat/completions": "llamacpp_router/stream_cut_by_unload"}
    ) as fake:
        pieces = at(fake).answer(AnswerRequest("tiny-b", "hello"))
        with pytest.raises(RuntimeProblem):
            list(pieces)


def test_another_kind_at_the_same_address_is_noticed_by_the_next_look() -> None:
    with FakeOllama() as ollama, RecordedServer(LLAMA, LLAMA_UNKNOWN) as fake:
        servers = Servers((ServerAddress(url=fake.url),), {})
        state = servers.state(LOCAL_HOST)
        assert (state.kind, state.status) == (ServerKind.LLAMA_CPP, ServerStatus.READY)
        fake.pages = {"GET /models": "llamacpp_router/models", "GET /v1/models": "llamacpp_router/models"}
        state = servers.state(LOCAL_HOST, state, part=ServerPart.LOADED)
        assert (state.kind, len(state.installed)) == (ServerKind.LLAMA_ROUTER, 3), "its lists are its own"
        fake.pages = {"GET /v1/models": "vllm/v1_models", "GET /version": "vllm/version"}
        fake.unknown = (404, {"detail": "Not Found"})
        state = servers.state(LOCAL_HOST, state, part=ServerPart.LOADED)
        assert state.kind is ServerKind.VLLM
        fake.pages = {
            "GET /api/version": "ollama/version",
            "GET /api/tags": "ollama/api_tags",
            "GET /api/ps": "ollama/api_ps",
            "GET /v1/models": (200, {"data": [{"id": "a", "owned_by": "library"}]}),
        }
        state = servers.state(LOCAL_HOST, state, part=ServerPart.LOADED)
        assert (state.kind, state.status) == (ServerKind.OLLAMA, ServerStatus.READY)
        servers.set_addresses((ServerAddress(url=ollama.url),))
        assert servers.state(LOCAL_HOST, state).kind is ServerKind.OLLAMA


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ((200, b'{"data": [' + b'{"id": "x"},' * 900_000 + b"{}]}"), ServerStatus.ERROR),
        ((302, b"", {"Location": "http://192.0.2.1/v1/models"}), ServerStatus.FOREIGN),
        ((200, b"<html>"), ServerStatus.FOREIGN),
        ((200, {"data": "no list"}), ServerStatus.FOREIGN),
        ((500, {"error": {"message": "\x1b[31mboom"}}), ServerStatus.ERROR),
    ],
)
def test_fault_05_lists_that_cannot_be_are_refused(page: object, status: ServerStatus) -> None:
    with RecordedServer(LLAMA, LLAMA_UNKNOWN) as fake:
        server = at(fake)
        ready = server.state()
        fake.pages["GET /v1/models"] = page
        state = server.state(ready)
    assert state.status is status
    assert "\x1b" not in (state.message or "")
    assert state.resident is None


def test_names_that_lie_are_shown_cleaned_and_sent_as_they_are() -> None:
    name = "evil\x1b[2J\n<img>"
    pages = {
        "GET /v1/models": (200, {"data": [{"id": name}, {"id": ""}, {"id": 7}, {"id": "x" * 30_000}]}),
        "POST /v1/chat/completions": "vllm/chat_stream",
    }
    with RecordedServer(pages) as fake:
        server = at(fake)
        (model,) = server.installed()
        assert "\x1b" not in model.name
        list(server.answer(AnswerRequest(model.name, "hello")))
        assert fake.bodies[-1]["model"] == name


def test_a_key_goes_to_its_own_server_only_and_into_no_sentence() -> None:
    with RecordedServer(LLAMA, LLAMA_UNKNOWN) as fake:
        server = look(connect(ServerAddress(url=fake.url), {}, "Bearer s3cret"))
        assert server.state().status is ServerStatus.READY
        assert set(fake.tokens) == {"Bearer s3cret"}
        fake.pages["GET /v1/models"] = (401, {"error": {"message": "Invalid API Key"}})
        state: ServerState = server.state()
    assert "does not accept the key" in (state.message or "")
    assert "s3cret" not in repr(state)
    assert replace(state, message=None).status is ServerStatus.ERROR


@pytest.mark.parametrize("status", [401, 403])
def test_what_refuses_every_page_is_no_kind_of_server(status: int) -> None:
    """A gateway in front of Ollama that answers in JSON was taken for a server of another kind."""
    with RecordedServer({}, (status, {"error": "unauthorized"})) as fake:
        server = at(fake)
        assert server.kind is ServerKind.OLLAMA
        state = server.state()
        assert state.status is ServerStatus.ERROR
        assert "OpenAI" not in (state.message or "")
