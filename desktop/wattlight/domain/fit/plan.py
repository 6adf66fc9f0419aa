"""Everything that is settled before layers are distributed: context, slots, devices, batch, cells."""

from dataclasses import replace
from typing import NamedTuple

from ..values import Device, MachineProfile
from .block_facts import Setting
from .cache import KV_TYPES, UnknownCacheType, is_quantised
from .constants import (
    KNOWN_UNTIL,
    MEASURED_FROM,
    MIB,
    EngineConstants,
    constants_for,
    has_own_engine,
    version_number,
)
from .draft_memory import DraftMemory, draft_memory
from .drafts import Draft, draft_of
from .prepared import PreparedModel
from .result import ContextSource, FitOptions
from .server_rules import (
    Group,
    batch_size,
    choose_devices,
    crude_estimate,
    default_context,
    effective_context,
    flash_attention,
    flash_setting,
    free_bytes,
    maps_file,
    projector_on_device,
    slots,
    usable_devices,
)
from .sizing import Sizer
from .weights import ALIGNMENT


class Plan(NamedTuple):
    """The settled parameters of one load. ``frees`` and ``limits`` are bytes per device;
    ``mapped``: the model file is memory-mapped; ``measured``: the rules of this server and processor were
    measured; ``draft`` lies on the last device."""

    constants: EngineConstants
    devices: tuple[Device, ...]
    backend: str
    frees: list[int]
    limits: list[int]
    projector: int
    mapped: bool
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
    draft_types: tuple[str, str]
    draft: Draft | None = None
    draft_memory: DraftMemory | None = None
    v_type: str = ""

    def sizer(self, prepared: PreparedModel, kind: type[Sizer] = Sizer) -> Sizer:
        """Of the model, or (with a cache and a window of its own) of the draft's file."""
        flash = self.flash is not False
        pad, cuda = self.constants.row_pad, self.backend in {"cuda", "rocm"}
        return kind(
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
    """What depends on the machine alone, worked out once per machine and kept with the model.

    ``whole``: all usable devices; ``limits``: bytes the engine fills on each of them at most.
    """

    __slots__ = (
        "constants",
        "limits",
        "measured",
        "nothing",
        "overhead",
        "profile",
        "targets",
        "tier",
        "whole",
    )

    def __init__(self, profile: MachineProfile) -> None:
        self.profile = profile
        self.constants = constants_for(profile.server.version)
        self.whole = Group(usable_devices(profile), profile, self.constants)
        self.nothing = Group((), profile, self.constants)
        self.targets = [mib * MIB for mib in profile.server.fit_target_mib]
        self.overhead = profile.server.gpu_overhead_bytes if has_own_engine(profile.server.version) else 0
        self.limits = self.limits_of(self.whole, self.constants.fit_margin_bytes)
        self.tier = default_context(self.whole.devices, profile.server, self.constants)
        version = version_number(profile.server.version)
        known = version is None or MEASURED_FROM <= version < KNOWN_UNTIL
        self.measured = known and not profile.cpu.amx

    def limits_of(self, group: Group, margin: int) -> list[int]:
        """Bytes the engine fills on each device at most, where it keeps ``margin`` free.

        A person's own figures replace that; the last of them is for all devices behind it too.
        """
        if targets := self.targets:
            return [free - targets[min(i, len(targets) - 1)] for i, free in enumerate(group.frees)]
        return [free - margin - self.overhead for free in group.frees]


def surroundings(prepared: PreparedModel, profile: MachineProfile) -> Surroundings:
    """The machine's facts, remembered for as long as the same profile is asked about."""
    seen = prepared.seen
    if not isinstance(seen, Surroundings) or seen.profile is not profile:
        latest = _latest[0]
        if latest is None or latest.profile is not profile:
            latest = _latest[0] = Surroundings(profile)
        seen = prepared.seen = latest
    return seen


_latest: list[Surroundings | None] = [None]
"""Many models are asked about on one machine."""


class Chosen(NamedTuple):
    """What the server picks for a context; the fields are those of ``Plan``."""

    context: int
    estimate: int
    group: Group
    flash: bool | None
    batch: int
    cells: int


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
        "whole",
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
        self.whole = around.whole
        if options.unloaded:
            self.whole = Group(_freed(self.whole.devices, options), profile, self.constants)
        self.slots = slots(prepared, options.parallel, server.num_parallel, self.constants)
        self.flash_asked = options.flash_attention or server.flash_attention

    def plan(self, asked: int | None) -> Plan:
        """The parameters for a context of ``asked`` tokens; None takes the server's default."""
        prepared, options, constants = self.model, self.options, self.constants
        around = self.around
        source = ContextSource.ASKED
        if asked is None:
            asked, source = around.tier, ContextSource.TIER
            if around.profile.server.context_length:
                asked, source = around.profile.server.context_length, ContextSource.SETTING
            if prepared.shape.context_set:
                asked, source = prepared.shape.context_set, ContextSource.MODEL
        chosen = self.choice(asked)
        group, projector = chosen.group, 0
        if prepared.projector_bytes and projector_on_device(prepared, group, options.gpu_layers, constants):
            projector = prepared.projector_bytes
            margin = -(-(projector + constants.projector_headroom_bytes) // MIB) * MIB
            limits = around.limits_of(group, margin)
        elif group is around.whole:
            limits = around.limits
        else:
            limits = around.limits_of(group, constants.fit_margin_bytes)
        plan = Plan(
            constants,
            group.devices,
            group.backend,
            group.frees,
            limits,
            projector,
            maps_file(around.profile, group, prepared, chosen.estimate, options.gpu_layers, constants),
            asked,
            source,
            chosen.context,
            self.slots,
            self.kv_type,
            self.quantised,
            chosen.flash,
            chosen.batch,
            chosen.cells,
            window_cells(prepared, chosen.cells, chosen.batch, constants.cache_pad),
            around.measured,
            self.draft_types,
        )
        return plan.with_draft(self.draft) if self.draft else plan

    def choice(self, asked: int) -> Chosen:
        """What the server picks for a context of ``asked`` tokens."""
        prepared, options, constants, np = self.model, self.options, self.constants, self.slots
        around, whole = self.around, self.whole
        context = effective_context(prepared, asked, constants)
        estimate = crude_estimate(prepared, context * np)
        group = around.nothing
        if options.gpu_layers != 0 and whole.devices:
            spread = options.spread or around.profile.server.spread
            group = choose_devices(whole, estimate, spread, constants)
        flash_word = flash_setting(self.flash_asked, group)
        flash = flash_attention(flash_word, group, prepared, self.quantised)
        batch = options.batch or batch_size(
            prepared, context * np, estimate, flash_word == "off", group, context, constants
        )
        pad = constants.cache_pad
        cells = -(-context * np // pad) * pad
        if np > 1:
            cells = -(-(cells // np) // pad) * pad
        return Chosen(context, estimate, group, flash, min(batch, cells * np), cells)


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
