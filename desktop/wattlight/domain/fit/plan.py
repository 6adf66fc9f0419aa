"""Everything that is settled before layers are distributed: context, slots, devices, batch, cells."""

from dataclasses import replace
from typing import NamedTuple

from wattlight.domain.values import Device, MachineProfile

from .cache import KV_TYPES, is_quantised
from .constants import MIB, EngineConstants, constants_for
from .prepared import PreparedModel
from .problems import UnknownCacheType
from .result import FitOptions
from .server_rules import (
    available_bytes,
    batch_size,
    choose_devices,
    crude_estimate,
    default_context,
    effective_context,
    flash_attention,
    free_bytes,
    projector_on_device,
    slots,
    usable_devices,
)
from .sizing import Sizer


class Plan(NamedTuple):
    """The settled parameters of one load. ``frees`` and ``limits`` are bytes per device."""

    constants: EngineConstants
    devices: tuple[Device, ...]
    backend: str
    frees: list[int]
    limits: list[int]
    margin: int
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

    def sizer(self, prepared: PreparedModel) -> Sizer:
        """The arithmetic for these parameters."""
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


class Machine:
    """A machine and options with what does not depend on the context worked out once."""

    __slots__ = ("constants", "flash_asked", "kv_type", "options", "profile", "quantised", "slots", "usable")

    def __init__(self, prepared: PreparedModel, profile: MachineProfile, options: FitOptions) -> None:
        server = profile.server
        self.profile = profile
        self.options = options
        self.constants = constants_for(server.version)
        self.kv_type = (options.kv_type or server.kv_cache_type).lower()
        if self.kv_type not in KV_TYPES:
            raise UnknownCacheType(self.kv_type)
        self.quantised = is_quantised(self.kv_type)
        self.usable = _freed(usable_devices(profile), options)
        self.slots = slots(prepared, options.parallel, server.num_parallel, self.constants)
        self.flash_asked = options.flash_attention or server.flash_attention

    def plan(self, prepared: PreparedModel, asked: int | None) -> Plan:
        """The parameters for a context of ``asked`` tokens; None takes the server's default."""
        options, constants, np = self.options, self.constants, self.slots
        if asked is None:
            asked = default_context(self.usable, constants)
        context = effective_context(prepared, asked, constants)
        estimate = crude_estimate(prepared, context * np)
        devices: tuple[Device, ...] = ()
        if options.gpu_layers != 0:
            devices = choose_devices(self.usable, self.profile, estimate, options.spread, constants)
        available = available_bytes(devices, self.profile) if devices else 0
        flash = flash_attention(self.flash_asked, devices, prepared, self.quantised)
        batch = options.batch or batch_size(
            prepared,
            context * np,
            estimate,
            available,
            flash is None or (self.flash_asked == "off" and not flash),
            devices,
            context,
            constants,
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
        frees = [free_bytes(device) for device in devices]
        return Plan(
            constants,
            devices,
            devices[0].backend if devices else "cpu",
            frees,
            [free - margin for free in frees],
            margin,
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
        )


def _freed(devices: tuple[Device, ...], options: FitOptions) -> tuple[Device, ...]:
    """The devices with the memory of the models to be unloaded counted as free."""
    if not options.unloaded:
        return devices
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
