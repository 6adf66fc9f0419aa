"""How often the server is asked whether a model is gone: soon at first, then at leisure."""

from threading import Event

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.domain.state import RunningModel
from wattlight.runtime import OllamaServer, connect
from wattlight.settings import ServerAddress


class Waits(Event):
    """Notes how long it was waited for, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout or 0.0)
        return False


def test_the_looks_grow_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOllama() as fake:
        fake.install("a:1b")
        fake.start("a:1b")
        server = connect(ServerAddress(url=fake.url), {})
        waits = Waits()
        found = server.running()
        left = [found] * 7 + [()]
        monkeypatch.setattr(OllamaServer, "_loaded", lambda *_: _first(left.pop(0)))
        server.unload("a:1b", waits)
    assert waits.asked == [0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.1]


def _first(models: tuple[RunningModel, ...]) -> RunningModel | None:
    return models[0] if models else None
