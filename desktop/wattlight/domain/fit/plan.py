"""Everything that is settled before layers are distributed: context, slots, devices, batch, cells."""

from dataclasses import replace
from typing import NamedTuple

from ..values import Device, MachineProfile
from .cache import KV_TYPES, UnknownCacheType, is_quantised
from .constants import MEASURED_FROM, MIB, EngineConstants, constants_for, version_number
from .prepared import PreparedModel
from .result import FitOptions
from .server_rules import (
    available_bytes,
    batch_size,
    choose_devices,
    crude_estimate,
    default_context,
    effective_context,
    flash_attention,
    flash_setting,
    free_bytes,
    projector_on_device,
    slots,
    usable_devices,
)
from .sizing import Sizer


class Plan(NamedTuple):
    """The settled parameters of one load. ``frees`` and ``limits`` are bytes per device;
    ``measured``: the rules of this server and processor were measured."""

    constants: EngineConstants
    devices: tuple[Device, ...]
    backend: str
    frees: list[int]
    limits: list[int]
    projector: int
    estimate: int
    available: int
    asked: int
    context: int
    slots: int
    kv_type: str
    quantised: bool
    flash: bool | None
    batch: int
    cells: int
    window: int
    measured: bool

    def sizer(self, prepared: PreparedModel) -> Sizer:
        flash = self.flash is not False
        pad = self.constants.row_pad
        return Sizer(
            prepared.rules,
            prepared.weights(self.backend, pad),
            prepared.cache(self.kv_type, flash, pad),
            self.backend,
            self.batch,
            self.cells,
            self.window,
            self.slots,
            flash,
            self.quantised,
        )


class Surroundings:
    """What depends on the machine alone, worked out once per machine and kept with the model."""

    __slots__ = ("available", "constants", "frees", "measured", "profile", "total_bytes", "usable")

    def __init__(self, profile: MachineProfile) -> None:
        self.profile = profile
        self.constants = constants_for(profile.server.version)
        self.usable = usable_devices(profile)
        self.available = available_bytes(self.usable, profile)
        self.frees = [free_bytes(device) for device in self.usable]
        self.total_bytes = sum(device.memory_total_bytes or 0 for device in self.usable)
        version = version_number(profile.server.version)
        self.measured = (version is None or version >= MEASURED_FROM) and not profile.cpu.amx


def surroundings(prepared: PreparedModel, profile: MachineProfile) -> Surroundings:
    """The machine's facts, remembered for as long as the same profile is asked about."""
    seen = prepared.seen
    if not isinstance(seen, Surroundings) or seen.profile is not profile:
        seen = prepared.seen = Surroundings(profile)
    return seen


class Planner:
    """A machine and options with what does not depend on the context worked out once."""

    __slots__ = ("around", "constants", "flash_asked", "kv_type", "options", "quantised", "slots", "usable")

    def __init__(self, prepared: PreparedModel, profile: MachineProfile, options: FitOptions) -> None:
        server = profile.server
        self.around = around = surroundings(prepared, profile)
        self.options = options
        self.constants = around.constants
        self.kv_type = options.kv_type or server.kv_cache_type
        if self.kv_type not in KV_TYPES:
            self.kv_type = self.kv_type.lower()
            if self.kv_type not in KV_TYPES:
                raise UnknownCacheType(self.kv_type)
        self.quantised = is_quantised(self.kv_type)
        self.usable = _freed(around.usable, options) if options.unloaded else around.usable
        self.slots = slots(prepared, options.parallel, server.num_parallel, self.constants)
        self.flash_asked = options.flash_attention or server.flash_attention

    def plan(self, prepared: PreparedModel, asked: int | None) -> Plan:
        """The parameters for a context of ``asked`` tokens; None takes the server's default."""
        options, constants, np = self.options, self.constants, self.slots
        around, usable = self.around, self.usable
        if asked is None:
            asked = default_context(around.total_bytes, constants)
        context = effective_context(prepared, asked, constants)
        estimate = crude_estimate(prepared, context * np)
        devices: tuple[Device, ...] = ()
        available, frees = 0, []
        if options.gpu_layers != 0 and usable:
            devices = choose_devices(usable, around.profile, estimate, options.spread, constants)
            if devices is around.usable:
                available, frees = around.available, around.frees
            else:
                available = available_bytes(devices, around.profile)
                frees = [free_bytes(device) for device in devices]
        setting = flash_setting(self.flash_asked, devices)
        flash = flash_attention(setting, devices, prepared, self.quantised)
        batch = options.batch or batch_size(
            prepared, context * np, estimate, available, setting == "off", devices, context, constants
        )
        pad = constants.cache_pad
        cells = -(-context * np // pad) * pad
        if np > 1:
            cells = -(-(cells // np) // pad) * pad
        batch = min(batch, cells * np)
        windowed = prepared.arch.window
        margin, projector = constants.fit_margin_bytes, 0
        if prepared.projector_bytes and projector_on_device(prepared, devices, options.gpu_layers, constants):
            projector = prepared.projector_bytes
            margin = -(-(projector + constants.projector_headroom_bytes) // MIB) * MIB
        return Plan(
            constants,
            devices,
            devices[0].backend if devices else "cpu",
            frees,
            [free - margin for free in frees],
            projector,
            estimate,
            available,
            asked,
            context,
            np,
            self.kv_type,
            self.quantised,
            flash,
            batch,
            cells,
            -(-min(cells, windowed + batch) // pad) * pad if windowed else 0,
            around.measured,
        )


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
