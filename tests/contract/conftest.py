"""Two servers that must behave alike: the fake, always, and a real Ollama when it is named.

WATTLIGHT_TEST_OLLAMA is the URL of a real server on this computer that may be used for tests;
WATTLIGHT_TEST_MODEL the name of a tiny model it can pull (from a loopback registry, say). Models other
than this one and those of the suite's own registry are left alone.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.runtime import OllamaServer, RuntimeProblem, connect
from wattlight.settings import ServerAddress

URL = os.environ.get("WATTLIGHT_TEST_OLLAMA", "")
MODEL = os.environ.get("WATTLIGHT_TEST_MODEL", "")


@dataclass(frozen=True)
class Place:
    """A server and a model it can pull."""

    server: OllamaServer
    model: str
    is_real: bool


def _server(url: str) -> OllamaServer:
    return connect(ServerAddress(url=url), {})


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real_ollama)])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A server without the test's model, before and after."""
    if request.param == "fake":
        with FakeOllama() as fake:
            fake.offer("tiny:latest", size=5_000_000, trained_context=4096)
            yield Place(_server(fake.url), "tiny:latest", False)
        return
    if not URL or not MODEL:
        pytest.skip("WATTLIGHT_TEST_OLLAMA and WATTLIGHT_TEST_MODEL are not set")
    place = Place(_server(URL), MODEL, True)
    _clear(place)
    yield place
    _clear(place)


def _clear(place: Place) -> None:
    with suppress(RuntimeProblem):
        place.server.unload(place.model)
    with suppress(RuntimeProblem):
        place.server.remove(place.model)
