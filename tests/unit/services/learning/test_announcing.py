"""Predictions of loads from exact shapes, and the server that announces loads."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.fit_truth import shape
from wattlight.domain.fit import PreparedModel, Verdict, prepare
from wattlight.domain.learning import Prediction
from wattlight.domain.shape import ShapeSource
from wattlight.domain.state import RunningModel
from wattlight.domain.values import CpuProfile, Device, MachineProfile, ServerProfile
from wattlight.runtime import Endpoint, ModelServer, OllamaServer
from wattlight.services.learning import AnnouncingServer, Foreteller, LoadLearner

GIB = 1 << 30
NOW = datetime(2026, 11, 24, tzinfo=UTC)
CARD = Device("gpu-0", "RTX", "cuda", 24 * GIB, 23 * GIB, compute_capability="8.9")
MACHINE = MachineProfile("pc", "linux", 64 * GIB, 48 * GIB, CpuProfile(), ServerProfile("0.33.0"), (CARD,))


@pytest.fixture(scope="module")
def llama() -> PreparedModel:
    return prepare(shape("llama31-8b"))


def foreteller(model: PreparedModel | None, machine: MachineProfile | None = MACHINE) -> Foreteller:
    return Foreteller(lambda _name: model, lambda: machine)


def test_a_load_is_foretold_by_its_exact_shape(llama: PreparedModel) -> None:
    found = foreteller(llama).before("llama3.1:8b", 8192)
    assert found is not None
    assert (found.architecture, found.device, found.context) == ("llama", "RTX", 8192)
    assert found.verdict is Verdict.FULL_GPU
    # measured on the real engine: weights, cache and compute buffer of this model at 8192 tokens
    assert found.used_bytes == pytest.approx(4617396480 + 1073741824 + 243290240, rel=0.002)


def test_a_load_by_others_is_foretold_as_if_its_memory_were_free(llama: PreparedModel) -> None:
    before = foreteller(llama).before("llama3.1:8b", 8192)
    full = replace(MACHINE, devices=(replace(CARD, memory_free_bytes=17 * GIB),))
    model = RunningModel("llama3.1:8b", "d1", 6 * GIB, 6 * GIB, 8192)
    after = foreteller(llama, full).after(model)
    assert after == before
    two = replace(MACHINE, devices=(CARD, replace(CARD, id="gpu-1")))
    assert foreteller(llama, two).after(model) is None


def test_what_is_not_known_is_not_foretold(llama: PreparedModel) -> None:
    guess = prepare(replace(llama.shape, source=ShapeSource.CATALOGUE))
    model = RunningModel("m", "d", 1, 1, 8192)
    for oracle in (foreteller(None), foreteller(llama, None), foreteller(guess)):
        assert oracle.before("m", 8192) is None
        assert oracle.after(model) is None
    odd = replace(MACHINE, server=ServerProfile("0.33.0", kv_cache_type="q9_9"))
    assert foreteller(llama, odd).before("m", 8192) is None


class Listener(LoadLearner):
    """Hears of loads."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Prediction]] = []

    def expect(self, model: str, prediction: Prediction, at: datetime) -> None:
        self.heard.append((model, prediction))


def test_loads_are_announced_and_everything_else_is_passed_on(llama: PreparedModel) -> None:
    with FakeOllama() as fake:
        fake.install("llama3.1:8b")
        fake.offer("qwen3:8b")
        plain = OllamaServer(Endpoint("http", "127.0.0.1", fake.port))
        heard = Listener()
        server: ModelServer = AnnouncingServer(plain, heard, foreteller(llama), lambda: NOW)
        loaded = server.load("llama3.1:8b", context_length=4096)
        assert loaded is not None
        assert [(name, p.context) for name, p in heard.heard] == [("llama3.1:8b", 4096)]
        assert server.url == plain.url
        assert server.version() == plain.version()
        assert server.installed() == plain.installed()
        assert [m.name for m in server.running()] == ["llama3.1:8b"]
        assert server.show("llama3.1:8b") == plain.show("llama3.1:8b")
        assert server.state().running[0].name == "llama3.1:8b"
        server.unload("llama3.1:8b")
        assert server.running() == ()
        assert list(server.pull("qwen3:8b"))[-1].done
        server.remove("qwen3:8b")
        assert len(server.installed()) == 1
        unknown: Any = AnnouncingServer(plain, heard, foreteller(None), lambda: NOW)
        unknown.load("llama3.1:8b")
        assert len(heard.heard) == 1
