"""The most tokens of context with which a model stays wholly on the GPU."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..values import MachineProfile
from .draft_memory import beside
from .graph import Buffers
from .layering import fits, split_by_free
from .plan import Plan, Planner
from .prepared import PreparedModel
from .result import FitOptions
from .sizing import Share, Taken

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
    if not view.whole.devices:
        return None
    step = view.constants.cache_pad
    top = (prepared.arch.context_trained or _NO_LIMIT) // step
    search = _Search(view, step)
    stretches = search.stretches(top)
    broken = search.first_without_room(stretches)
    if broken is not None:
        top = _last_with_room(broken.start, broken.end, search.room)
    return top * step or None


class _SameChoice(NamedTuple):
    """Contexts (in steps) with the same choice of devices and batch."""

    start: int
    end: int
    batch: int


class _Laid(NamedTuple):
    """What was laid out: its plan and the compute buffers on its devices."""

    plan: Plan
    compute: tuple[int, ...]


class _Search:
    def __init__(self, view: Planner, step: int) -> None:
        self._view, self._step = view, step
        self._rooms: dict[int, int] = {}
        self._laid: list[_Laid] = []

    def stretches(self, top: int) -> list[_SameChoice]:
        """All contexts up to ``top``, in order."""
        view, step, start = self._view, self._step, 1
        edges = sorted({above // view.slots // step for above, _ in view.constants.batch_steps} | {top})
        found = []
        for edge in edges:
            stop = min(edge, top)
            while start <= stop:
                first = view.choice(start * step)
                end = _last(start, stop, partial(self._same_choice, first.batch, first.group.devices))
                found.append(_SameChoice(start, end, first.batch))
                start = end + 1
        return found

    def _same_choice(self, batch: int, devices: object, steps: int) -> bool:
        other = self._view.choice(steps * self._step)
        return other.batch == batch and other.group.devices == devices

    def first_without_room(self, stretches: list[_SameChoice]) -> _SameChoice | None:
        """The first stretch that does not fit to its end; the largest are laid out first, for the others."""
        broken: _SameChoice | None = None
        for stretch in sorted(stretches, key=lambda item: (-item.batch * item.end, -item.end)):
            if broken is not None and stretch.start > broken.start:
                continue
            if not self._surely(stretch.end) and self.room(stretch.end) < 0:
                broken = stretch
        return broken

    def _surely(self, steps: int) -> bool:
        """It fits even with the buffers of something larger that was laid out."""
        plan, buffers = self._view.plan(steps * self._step), self._view.model.buffers
        return any(
            laid.plan.devices == plan.devices
            and no_larger(plan, laid.plan, buffers)
            and self._spare(plan, self._measured(plan, laid.compute)) >= 0
            for laid in self._laid
        )

    def room(self, steps: int) -> int:
        """Bytes to spare on the fullest device with everything on devices; negative if it does not fit."""
        found = self._rooms.get(steps)
        if found is None:
            found = self._rooms[steps] = self._room(self._view.plan(steps * self._step))
        return found

    def _room(self, plan: Plan) -> int:
        if not plan.devices or plan.flash is None:
            return -1
        taken = self._measured(plan)
        self._laid.append(_Laid(plan, tuple(use.compute for use in taken)))
        return self._spare(plan, taken)

    def _measured(self, plan: Plan, compute: tuple[int, ...] | None = None) -> list[Taken]:
        return plan.sizer(self._view.model).measure(self._shares(plan), compute)

    def _spare(self, plan: Plan, taken: list[Taken]) -> int:
        """Bytes to spare on the fullest device where it takes ``taken``; negative if it does not fit."""
        limits = plan.frees if self._view.options.gpu_layers is not None else plan.limits
        if plan.draft is not None and plan.draft_memory is not None:
            sizer = plan.sizer(self._view.model)
            more = beside(plan.draft, plan.draft_memory, sizer, self._shares(plan)).devices
            both = [use.plus(extra) for use, extra in zip(taken, more, strict=True)]
            if not fits(both, plan.frees):
                return -1 - max(use.total - free for use, free in zip(both, plan.frees, strict=True))
        least = min(limit - use.total for use, limit in zip(taken, limits, strict=True))
        return max(0, least) if fits(taken, limits) else min(-1, least)

    def _shares(self, plan: Plan) -> list[Share]:
        units = self._view.model.arch.layers + 1
        return [Share(units)] if len(plan.frees) == 1 else split_by_free(units, plan.frees)


def no_larger(plan: Plan, other: Plan, buffers: Buffers) -> bool:
    """No value of a pass is larger than in ``other``: masks grow with batch and cells, cached rows that a
    device reads of another's with the cells alone."""
    if plan.batch > other.batch:
        return False
    masks_only = plan.flash is True and plan.kv_type == "f16"
    if masks_only and len(plan.devices) > 1:
        masks_only = not buffers.borrows
    if masks_only and plan.batch * plan.cells <= other.batch * other.cells:
        return True
    return plan.cells <= other.cells


def _last_with_room(low: int, high: int, room: Callable[[int], int]) -> int:
    """Largest n in low..high with ``room``, which falls nearly in a line; low - 1 if there is none at low."""
    at_low = room(low)
    if at_low < 0:
        return low - 1
    at_high = room(high)
    if at_high >= 0:
        return high
    looks = 0
    while high - low > 1:
        looks += 1
        guess = low + (high - low) * at_low // (at_low - at_high)
        if looks % 3 == 0:  # where it is no line, halving ends it
            guess = (low + high) // 2
        guess = min(max(guess, low + 1), high - 1)
        found = room(guess)
        if found >= 0:
            low, at_low = guess, found
        else:
            high, at_high = guess, found
    return low


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
