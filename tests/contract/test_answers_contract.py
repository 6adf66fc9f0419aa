"""Answers and their counters, directly and through the relay, on the fake and on a real Ollama."""

import json
import queue
from collections.abc import Iterator
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from wattlight.domain.tokens import TokenUse
from wattlight.runtime import AnswerRequest
from wattlight.runtime.passthrough import PassThroughServer

from .conftest import Place

TOKENS = 12
LIMIT_S = 60


@pytest.fixture
def real(place: Place) -> Place:
    """A server with its model pulled."""
    assert list(place.server.pull(place.model))[-1].done
    return place


@pytest.fixture
def relay(real: Place) -> Iterator[tuple[PassThroughServer, "queue.Queue[TokenUse]"]]:
    """A relay in front of it, and what it counted."""
    uses: queue.Queue[TokenUse] = queue.Queue()
    server = PassThroughServer(real.server.endpoint, 0, uses.put)
    server.start()
    yield server, uses
    server.stop()


def post(port: int, path: str, body: dict[str, object]) -> bytes:
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "contract/1.0 (test)"},
    )
    with build_opener(ProxyHandler({})).open(request, timeout=LIMIT_S) as answer:
        data: bytes = answer.read()
    return data


def test_an_answer_ends_with_its_counters(real: Place) -> None:
    question = AnswerRequest(real.model, "the water", 1024, TOKENS, steady=True)
    pieces = list(real.server.answer(question))
    end = pieces[-1].end
    assert end is not None
    assert end.counters.output_tokens == TOKENS
    assert end.counters.output_ns and end.counters.prompt_ns
    assert end.reason == "length"
    assert "".join(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("path", "body", "timed"),
    [
        ("/api/generate", {"prompt": "the water", "options": {"num_predict": TOKENS, "seed": 3}}, True),
        (
            "/api/generate",
            {"prompt": "the water", "stream": False, "options": {"num_predict": TOKENS, "seed": 3}},
            True,
        ),
        (
            "/api/chat",
            {"messages": [{"role": "user", "content": "hi"}], "options": {"num_predict": TOKENS, "seed": 3}},
            True,
        ),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": "hi"}], "max_tokens": TOKENS, "seed": 3},
            False,
        ),
        (
            "/v1/chat/completions",
            {
                "messages": [{"role": "user", "content": "hi"}],
                "max_tokens": TOKENS,
                "seed": 3,
                "stream": True,
                "stream_options": {"include_usage": True},
            },
            False,
        ),
        ("/v1/completions", {"prompt": "the water", "max_tokens": TOKENS, "seed": 3}, False),
    ],
)
def test_the_relay_counts_what_the_server_counted(
    real: Place,
    relay: tuple[PassThroughServer, "queue.Queue[TokenUse]"],
    path: str,
    body: dict[str, object],
    timed: bool,
) -> None:
    server, uses = relay
    answer = post(server.port, path, {"model": real.model, **body})
    use = uses.get(timeout=LIMIT_S)
    assert (use.client, use.path, use.status, use.complete) == ("contract", path, 200, True)
    assert use.counters.output_tokens == TOKENS
    assert use.counters.prompt_tokens
    assert bool(use.counters.output_ns) == timed
    assert use.model.encode() in answer
    assert str(TOKENS).encode() in answer


def test_lists_are_the_same_through_the_relay(
    real: Place, relay: tuple[PassThroughServer, "queue.Queue[TokenUse]"]
) -> None:
    opener = build_opener(ProxyHandler({}))
    bodies = [
        opener.open(f"http://127.0.0.1:{port}/api/tags", timeout=LIMIT_S).read()
        for port in (real.server.endpoint.port, relay[0].port)
    ]
    assert bodies[0] == bodies[1]
    assert relay[1].empty()
