"""A fake server for the use cases on models."""

import threading
from collections.abc import Iterator

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.runtime import OllamaServer, connect
from wattlight.settings import ServerAddress


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    before = set(threading.enumerate())
    with FakeOllama() as server:
        yield server
    left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    assert not left, f"threads outlived the test: {left}"


@pytest.fixture
def server(fake: FakeOllama) -> OllamaServer:
    return connect(ServerAddress(url=fake.url), {})
