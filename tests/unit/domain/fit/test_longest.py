"""The most context that stays on the GPU, against every context asked for by itself."""

from typing import Any

import pytest

from fakes import fit_truth
from wattlight.domain.fit import FitOptions, Verdict, fit, graph, largest_context, prepare
from wattlight.domain.fit.longest import no_larger
from wattlight.domain.fit.plan import Planner
from wattlight.domain.values import Device, MachineProfile

GIB = 1 << 30
STEP = 256


def cards(count: int, gib: int) -> MachineProfile:
    devices = tuple(
        Device(f"gpu{i}", f"card {i}", "cuda", gib * GIB, gib * GIB - (500 << 20)) for i in range(count)
    )
    return MachineProfile("desk", "linux", 128 * GIB, 100 * GIB, devices=devices)


def mac(gib: int) -> MachineProfile:
    room = gib * GIB * 3 // 4
    device = Device("metal0", "Apple", "metal", room, room, unified=True)
    return MachineProfile("mac", "macos", gib * GIB, room + GIB, devices=(device,))


MACHINES = {"two cards": cards(2, 8), "one card": cards(1, 16), "mac": mac(24)}


@pytest.mark.parametrize("machine", list(MACHINES))
@pytest.mark.parametrize("name", ["gemma3-12b", "nemo", "phi4-mini", "granite4-tiny-h", "deepseek2lite"])
def test_it_and_every_stretch_below_it_fits_and_the_next_step_does_not(name: str, machine: str) -> None:
    model, here = prepare(fit_truth.shape(name)), MACHINES[machine]
    top = (model.context_trained or 0) // STEP * STEP
    found = largest_context(model, here) or 0

    def whole(context: int) -> bool:
        return fit(model, here, FitOptions(context=context)).verdict is Verdict.FULL_GPU

    looked_at = {*range(STEP, found, max(STEP, found // 60 // STEP * STEP)), found} - {0}
    assert [context for context in looked_at if not whole(context)] == []
    if len(here.devices) == 1:  # on two the engine may still find another way to split it
        assert found == top or not whole(found + STEP)


@pytest.mark.parametrize("machine", ["two cards", "mac"])
def test_few_contexts_are_laid_out(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, here, laid = prepare(fit_truth.shape("ministral-3-3b")), MACHINES[machine], []
    layout = graph.BufferLayout.__init__

    def counted(self: graph.BufferLayout, *args: Any) -> None:
        laid.append(args)
        layout(self, *args)

    monkeypatch.setattr(graph.BufferLayout, "__init__", counted)
    assert largest_context(model, here)
    assert 0 < len(laid) <= 8


def test_a_larger_batch_does_not_stand_for_a_smaller_one_with_more_cells() -> None:
    model, here = prepare(fit_truth.shape("nemo")), MACHINES["one card"]
    view = Planner(model, here, FitOptions())
    plan = view.plan(8192)
    half, twice = plan.batch // 2, 2 * plan.cells
    own, borrowing = model.buffers, prepare(fit_truth.shape("gemma4-e4b")).buffers
    assert borrowing.borrows and not own.borrows
    assert not prepare(fit_truth.shape("qwen35-27b")).buffers.borrows, "recurrent blocks read no cache"
    assert no_larger(plan._replace(batch=half, cells=twice), plan, own)
    assert no_larger(plan._replace(batch=half, cells=twice), plan, borrowing)
    assert not no_larger(plan._replace(batch=half, cells=twice + 256), plan, own)
    assert not no_larger(plan._replace(batch=half, cells=twice, kv_type="q8_0"), plan, own)
    assert not no_larger(plan._replace(batch=2 * plan.batch, cells=plan.cells // 4), plan, own)
    both = plan._replace(devices=plan.devices * 2)
    assert not no_larger(both._replace(batch=half, cells=twice), both, borrowing)


def test_a_device_that_reads_the_cache_of_another_takes_more_with_more_cells() -> None:
    """A smaller batch with more cells was said to fit where a larger one with fewer did."""
    model, here = prepare(fit_truth.shape("gemma4-e4b")), cards(3, 24)
    found = largest_context(model, here, FitOptions(parallel=4))
    assert found is not None
    assert found < (model.context_trained or 0)
