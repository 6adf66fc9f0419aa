"""Everything that is settled before layers are distributed: context, slots, devices, batch, cells."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ..values import Device, MachineProfile
from .block_facts import Setting
from .cache import KV_TYPES, UnknownCacheType, is_quantised
from .constants import KNOWN_UNTIL, MEASURED_FROM, MIB, EngineConstants, constants_for, version_number
from .draft_memory import DraftMemory, beside, draft_memory
from .drafts import Draft, draft_of
from .layering import fits, split_by_free
from .prepared import PreparedModel
from .result import ContextSource, FitOptions
from .server_rules import (
    available_bytes,
    batch_size,
    choose_devices,
    crude_estimate,
    default_context,
    effective_context,
    fit_margins,
    flash_attention,
    flash_setting,
    free_bytes,
    projector_on_device,
    slots,
    usable_devices,
)
from .sizing import Share, Sizer
from .weights import ALIGNMENT


class Plan(NamedTuple):
    """The settled parameters of one load. ``frees`` and ``limits`` are bytes per device;
    ``measured``: the rules of this server and processor were measured; ``draft`` lies on the last device."""

    constants: EngineConstants
    devices: tuple[Device, ...]
    backend: str
    frees: list[int]
    limits: list[int]
    projector: int
    estimate: int
    available: int
    asked: int
    context_source: ContextSource
    context: int
    slots: int
    kv_type: str
    quantised: bool
    flash: bool | None
    batch: int
    cells: int
    window: int
    measured: bool
    draft: Draft | None = None
    draft_memory: DraftMemory | None = None
    v_type: str = ""
    draft_types: tuple[str, str] = ("f16", "f16")

    def sizer(self, prepared: PreparedModel) -> Sizer:
        """Of the model, or (with a cache and a window of its own) of the draft's file."""
        flash = self.flash is not False
        pad, cuda = self.constants.row_pad, self.backend in {"cuda", "rocm"}
        return Sizer(
            prepared.buffers,
            prepared.weights(self.backend, pad),
            prepared.cache(self.kv_type, flash, pad, self.v_type),
            self.backend,
            Setting(
                self.batch,
                self.cells,
                self.window,
                self.slots,
                KV_TYPES[self.kv_type],
                flash,
                self.kv_type != "f16" and cuda and flash,
                ALIGNMENT.get(self.backend, 64),
                self.backend == "metal",
                prepared.embedding_only,
                prepared.vocabulary if prepared.embedding_only and prepared.arch.has_cache else 0,
            ),
            self.quantised,
            self.draft.states if self.draft else 1,
            prepared.drafts,
        )

    def with_draft(self, draft: Draft) -> "Plan":
        """The same load with ``draft`` beside the model, its part added to the last device's margin."""
        keys, values = self.draft_types
        own = self._replace(
            kv_type=keys,
            v_type=values,
            quantised=is_quantised(keys) or is_quantised(values),
            window=window_cells(draft.model, self.cells, self.batch, self.constants.cache_pad),
        )
        memory = draft_memory(draft, own.sizer(draft.model), len(self.devices) > 1, self.draft_types)
        limits = [*self.limits[:-1], self.limits[-1] - memory.measured] if self.limits else []
        return self._replace(limits=limits, draft=draft, draft_memory=memory)


def window_cells(prepared: PreparedModel, cells: int, batch: int, pad: int) -> int:
    """Cells of a windowed block's cache, 0 without a window."""
    window = prepared.arch.window
    return -(-min(cells, window + batch) // pad) * pad if window else 0


class Surroundings:
    """What depends on the machine alone, worked out once per machine and kept with the model."""

    __slots__ = ("available", "constants", "frees", "measured", "profile", "tier", "usable")

    def __init__(self, profile: MachineProfile) -> None:
        self.profile = profile
        self.constants = constants_for(profile.server.version)
        self.usable = usable_devices(profile)
        self.available = available_bytes(self.usable, profile)
        self.frees = [free_bytes(device) for device in self.usable]
        self.tier = default_context(self.usable, profile.server, self.constants)
        version = version_number(profile.server.version)
        known = version is None or MEASURED_FROM <= version < KNOWN_UNTIL
        self.measured = known and not profile.cpu.amx


def surroundings(prepared: PreparedModel, profile: MachineProfile) -> Surroundings:
    """The machine's facts, remembered for as long as the same profile is asked about."""
    seen = prepared.seen
    if not isinstance(seen, Surroundings) or seen.profile is not profile:
        seen = prepared.seen = Surroundings(profile)
    return seen


class Planner:
    """A machine and options with what does not depend on the context worked out once."""

    __slots__ = (
        "around",
        "constants",
        "draft",
        "draft_types",
        "flash_asked",
        "kv_type",
        "model",
        "options",
        "quantised",
        "slots",
        "usable",
    )

    def __init__(self, prepared: PreparedModel, profile: MachineProfile, options: FitOptions) -> None:
        """``model`` is ``prepared`` as it is loaded: with its drafting blocks where they are used."""
        server = profile.server
        self.around = around = surroundings(prepared, profile)
        self.options = options
        self.draft = draft_of(prepared, options)
        self.model = self.draft.main if self.draft else prepared
        self.constants = around.constants
        self.kv_type = options.kv_type or server.kv_cache_type
        if self.kv_type not in KV_TYPES:
            self.kv_type = self.kv_type.lower()
            if self.kv_type not in KV_TYPES:
                raise UnknownCacheType(self.kv_type)
        self.quantised = is_quantised(self.kv_type)
        self.draft_types = server.draft_cache_types
        for kind in self.draft_types if self.draft else ():
            if kind not in KV_TYPES:
                raise UnknownCacheType(kind)
        self.usable = _freed(around.usable, options) if options.unloaded else around.usable
        self.slots = slots(prepared, options.parallel, server.num_parallel, self.constants)
        self.flash_asked = options.flash_attention or server.flash_attention

    def plan(self, asked: int | None, drafts: bool = True) -> Plan:
        """The parameters for a context of ``asked`` tokens; None takes the server's default.

        Without ``drafts`` a draft is left out, which changes neither batch nor devices.
        """
        prepared, options, constants, np = self.model, self.options, self.constants, self.slots
        around, usable = self.around, self.usable
        source = ContextSource.ASKED
        if asked is None:
            asked, source = around.tier, ContextSource.TIER
            if around.profile.server.context_length:
                asked, source = around.profile.server.context_length, ContextSource.SETTING
            if prepared.shape.context_set:
                asked, source = prepared.shape.context_set, ContextSource.MODEL
        context = effective_context(prepared, asked, constants)
        estimate = crude_estimate(prepared, context * np)
        devices: tuple[Device, ...] = ()
        available, frees = 0, []
        if options.gpu_layers != 0 and usable:
            spread = options.spread or around.profile.server.spread
            devices = choose_devices(usable, around.profile, estimate, spread, constants)
            if devices is around.usable:
                available, frees = around.available, around.frees
            else:
                available = available_bytes(devices, around.profile)
                frees = [free_bytes(device) for device in devices]
        flash_word = flash_setting(self.flash_asked, devices)
        flash = flash_attention(flash_word, devices, prepared, self.quantised)
        batch = options.batch or batch_size(
            prepared, context * np, estimate, available, flash_word == "off", devices, context, constants
        )
        pad = constants.cache_pad
        cells = -(-context * np // pad) * pad
        if np > 1:
            cells = -(-(cells // np) // pad) * pad
        batch = min(batch, cells * np)
        margin, projector = constants.fit_margin_bytes, 0
        if prepared.projector_bytes and projector_on_device(prepared, devices, options.gpu_layers, constants):
            projector = prepared.projector_bytes
            margin = -(-(projector + constants.projector_headroom_bytes) // MIB) * MIB
        margins = fit_margins(around.profile.server, len(devices), margin)
        plan = Plan(
            constants,
            devices,
            devices[0].backend if devices else "cpu",
            frees,
            [free - kept for free, kept in zip(frees, margins, strict=True)],
            projector,
            estimate,
            available,
            asked,
            source,
            context,
            np,
            self.kv_type,
            self.quantised,
            flash,
            batch,
            cells,
            window_cells(prepared, cells, batch, pad),
            around.measured,
            draft_types=self.draft_types,
        )
        return plan.with_draft(self.draft) if self.draft and drafts else plan


def _freed(devices: tuple[Device, ...], options: FitOptions) -> tuple[Device, ...]:
    """The devices with the memory of the models to be unloaded counted as free."""
    more = dict(options.unloaded)
    return tuple(
        replace(
            device,
            memory_free_bytes=min(device.memory_total_bytes or 1 << 62, free_bytes(device) + more[device.id]),
        )
        if device.id in more
        else device
        for device in devices
    )


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
            end = _last(start, stop, partial(_same_choice, view, step, view.plan(start * step, drafts=False)))
            full = _last_with_room(start, end, partial(_room, view, step))
            best = max(best, full if full >= start else 0)
            if full < end:
                return best * step or None
            start = end + 1
    return best * step or None


def _same_choice(view: Planner, step: int, first: Plan, other: int) -> bool:
    """The server picks the same batch and devices for another context (in steps)."""
    second = view.plan(other * step, drafts=False)
    return first.batch == second.batch and first.devices == second.devices


def _room(view: Planner, step: int, steps: int) -> int:
    """Bytes to spare on the fullest device with everything on devices; negative if it does not fit."""
    plan = view.plan(steps * step)
    if not plan.devices or plan.flash is None:
        return -1
    sizer = plan.sizer(view.model)
    units = sizer.layers + 1
    shares = [Share(units)] if len(plan.frees) == 1 else split_by_free(units, plan.frees)
    limits = plan.frees if view.options.gpu_layers is not None else plan.limits
    taken = sizer.measure(shares)
    if plan.draft is not None and plan.draft_memory is not None:
        more = beside(plan.draft, plan.draft_memory, sizer, shares).devices
        both = [use.plus(extra) for use, extra in zip(taken, more, strict=True)]
        if not fits(both, plan.frees):
            return -1 - max(use.total - free for use, free in zip(both, plan.frees, strict=True))
    least = min(limit - use.total for use, limit in zip(taken, limits, strict=True))
    return max(0, least) if fits(taken, limits) else min(-1, least)


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
