"""The largest context at which a model stays wholly on the GPU."""

from collections.abc import Callable
from functools import partial

from ..values import MachineProfile
from .draft_memory import beside
from .layering import fits, split_by_free
from .plan import Planner
from .prepared import PreparedModel
from .result import FitOptions
from .sizing import Share

_DEFAULTS = FitOptions()
_NO_LIMIT = 1 << 20
"""Context searched up to where the header does not say what the model was trained for."""


def largest_context(
    prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None
) -> int | None:
    """Largest multiple of 256 at which it, and everything smaller, stays wholly on the GPU; None if none.

    Never above the trained context. The server's choice of batch and devices changes with the context, so
    memory does not simply grow with it: each stretch with the same choice is searched on its own.
    """
    options = options or _DEFAULTS
    if options.gpu_layers is not None and options.gpu_layers <= prepared.arch.layers:
        return None
    view = Planner(prepared, machine, options)
    if not view.usable:
        return None
    step = view.constants.cache_pad
    top = (prepared.arch.context_trained or _NO_LIMIT) // step
    edges = sorted({above // view.slots // step for above, _ in view.constants.batch_steps} | {top})
    best, start = 0, 1
    for edge in edges:
        stop = min(edge, top)
        while start <= stop:
            end = _last(start, stop, partial(_same_choice, view, step, start))
            full = _last(start, end, partial(_is_full, view, step))
            best = max(best, full if full >= start else 0)
            if full < end:
                return best * step or None
            start = end + 1
    return best * step or None


def _same_choice(view: Planner, step: int, one: int, other: int) -> bool:
    """The server picks the same batch and devices for both contexts (in steps)."""
    first, second = view.plan(one * step), view.plan(other * step)
    return first.batch == second.batch and first.devices == second.devices


def _is_full(view: Planner, step: int, steps: int) -> bool:
    plan = view.plan(steps * step)
    if not plan.devices or plan.flash is None:
        return False
    sizer = plan.sizer(view.model)
    units = sizer.layers + 1
    shares = [Share(units)] if len(plan.frees) == 1 else split_by_free(units, plan.frees)
    limits = plan.frees if view.options.gpu_layers is not None else plan.limits
    taken = sizer.measure(shares)
    if plan.draft is not None and plan.draft_memory is not None:
        more = beside(plan.draft, plan.draft_memory, sizer, shares).devices
        if not fits([use.plus(extra) for use, extra in zip(taken, more, strict=True)], plan.frees):
            return False
    return fits(taken, limits)


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Largest n in low..high for which ``holds`` (true first, then false); low - 1 if it does not at low."""
    if not holds(low):
        return low - 1
    if holds(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
