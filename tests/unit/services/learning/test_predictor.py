"""Predictions of loads from exact shapes."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.fit_truth import shape
from wattlight.domain.fit import PreparedModel, Verdict, prepare
from wattlight.domain.shape import ShapeSource
from wattlight.domain.state import AppState, HostState, RunningModel, ServerState
from wattlight.domain.values import LOCAL_HOST, CpuProfile, Device, MachineProfile, ServerProfile
from wattlight.services.learning import LoadPredictor

GIB = 1 << 30
CARD = Device("gpu-0", "RTX", "cuda", 24 * GIB, 23 * GIB, compute_capability="8.9")
MACHINE = MachineProfile("pc", "linux", 64 * GIB, 48 * GIB, CpuProfile(), ServerProfile("0.33.0"), (CARD,))


@pytest.fixture(scope="module")
def llama() -> PreparedModel:
    return prepare(shape("llama31-8b"))


class Known:
    """As much of factory, hub and meter as is used: one installed model, one machine."""

    def __init__(self, model: PreparedModel | None, machine: MachineProfile | None) -> None:
        self._model, self._machine = model, machine
        self.state = AppState((HostState(LOCAL_HOST, "here", ServerState("x")),))

    def advisor(self) -> "Known":
        return self

    def prepared(self, _name: str, _digest: str) -> PreparedModel | None:
        return self._model

    def fresh_profile(self) -> MachineProfile | None:
        return self._machine


def predictor(model: PreparedModel | None, machine: MachineProfile | None = MACHINE) -> LoadPredictor:
    known: Any = Known(model, machine)
    return LoadPredictor(known, known, known)


def test_a_load_is_foretold_by_its_exact_shape(llama: PreparedModel) -> None:
    found = predictor(llama).before("llama3.1:8b", 8192)
    assert found is not None
    assert (found.architecture, found.device, found.context) == ("llama", "RTX", 8192)
    assert found.verdict is Verdict.FULL_GPU
    # measured on the real engine: weights, cache and compute buffer of this model at 8192 tokens
    assert found.used_bytes == pytest.approx(4617396480 + 1073741824 + 243290240, rel=0.002)


def test_a_load_by_others_is_foretold_as_if_its_memory_were_free(llama: PreparedModel) -> None:
    before = predictor(llama).before("llama3.1:8b", 8192)
    full = replace(MACHINE, devices=(replace(CARD, memory_free_bytes=17 * GIB),))
    model = RunningModel("llama3.1:8b", "d1", 6 * GIB, 6 * GIB, 8192)
    after = predictor(llama, full).after(model)
    assert after == before
    two = replace(MACHINE, devices=(CARD, replace(CARD, id="gpu-1")))
    assert predictor(llama, two).after(model) is None


def test_what_is_not_known_is_not_foretold(llama: PreparedModel) -> None:
    guess = prepare(replace(llama.shape, source=ShapeSource.CATALOGUE))
    model = RunningModel("m", "d", 1, 1, 8192)
    for oracle in (predictor(None), predictor(llama, None), predictor(guess)):
        assert oracle.before("m", 8192) is None
        assert oracle.after(model) is None
    odd = replace(MACHINE, server=ServerProfile("0.33.0", kv_cache_type="q9_9"))
    assert predictor(llama, odd).before("m", 8192) is None
