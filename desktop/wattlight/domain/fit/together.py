"""Models loaded one after the other: whether each finds room beside those before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ..servers import ServerKind
from ..values import Device, MachineProfile
from .engine import fit
from .plan import Planner
from .prepared import PreparedModel
from .result import FitOptions, FitResult, Verdict
from .server_rules import free_bytes, usable_devices

if TYPE_CHECKING:
    from ..state import ServerState


class RoomBeside(StrEnum):
    """How a model stands beside those before it."""

    FITS = "fits"
    PARTLY = "partly"
    """Not all of it would be on the accelerators: the server unloads others before it divides a model."""
    CROWDED = "crowded"
    """It would fit, but the server estimates it larger, and takes only a share of what is free."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Together:
    """``results`` and ``rooms`` in the order in which the models are loaded.

    ``used_bytes`` of ``total_bytes``: of the accelerators where there are any, else of the RAM.
    """

    results: tuple[FitResult, ...]
    rooms: tuple[RoomBeside, ...]
    used_bytes: int
    total_bytes: int

    @property
    def fits(self) -> bool:
        return all(room is RoomBeside.FITS for room in self.rooms)


def fit_together(
    models: Sequence[PreparedModel], machine: MachineProfile, options: Sequence[FitOptions]
) -> Together:
    """Load ``models``, each with its options, one after the other on ``machine`` as it is now.

    The first one may be divided between accelerators and RAM; what comes after it may not, and has to pass
    the server's own estimate (its ``sched.go``: ``requireFull`` once another model is loaded).

    Raises:
        UnknownCacheType: the engine does not know the type of cache asked for.
    """
    results: list[FitResult] = []
    rooms: list[RoomBeside] = []
    left = machine
    for model, wanted in zip(models, options, strict=True):
        result = fit(model, left, wanted)
        rooms.append(_room(model, left, wanted, result, bool(results)))
        results.append(result)
        left = _after(left, result)
    usable = usable_devices(machine)
    if usable:
        used = sum(result.gpu_bytes + result.projector_bytes for result in results)
        return Together(tuple(results), tuple(rooms), used, sum(d.memory_total_bytes or 0 for d in usable))
    used = sum(result.needed_bytes for result in results)
    return Together(tuple(results), tuple(rooms), used, machine.ram_total_bytes)


def _room(
    model: PreparedModel, machine: MachineProfile, options: FitOptions, result: FitResult, beside: bool
) -> RoomBeside:
    if result.verdict is Verdict.NO:
        return RoomBeside.NONE
    if not beside or not usable_devices(machine):
        return RoomBeside.FITS
    if result.verdict is not Verdict.FULL_GPU:
        return RoomBeside.PARTLY
    planner = Planner(model, machine, options)
    chosen = planner.choice(result.context)
    share = chosen.group.available * planner.constants.batch_fit_percent // 100
    return RoomBeside.CROWDED if chosen.estimate > share else RoomBeside.FITS


def _after(machine: MachineProfile, result: FitResult) -> MachineProfile:
    """The machine with what ``result`` takes taken off what is free."""
    taken = {use.id: use.total_bytes for use in result.devices}
    if result.devices:
        taken[result.devices[0].id] += result.projector_bytes
    shared = 0

    def less(device: Device) -> Device:
        nonlocal shared
        size = taken.get(device.id, 0)
        if device.integrated or device.unified:
            shared += size
        return replace(device, memory_free_bytes=max(0, free_bytes(device) - size)) if size else device

    devices = tuple(less(device) for device in machine.devices)
    left = max(0, machine.ram_available_bytes - result.host_bytes - shared)
    return replace(machine, devices=devices, ram_available_bytes=left)


def without_models(profile: MachineProfile, server: "ServerState") -> MachineProfile:
    """``profile`` with the server's version, and what its loaded models hold counted as free.

    What the server reports on accelerators is given back to the devices in proportion to what is used of
    each; what it reports beyond that, to the RAM. Never more than a device or the RAM has.
    """
    running = server.running
    on_gpu = sum(model.size_vram_bytes for model in running)
    in_ram = sum(max(0, model.size_bytes - model.size_vram_bytes) for model in running)
    used = [_used(device) for device in profile.devices]
    whole = sum(used)
    devices = tuple(
        device
        if device.memory_free_bytes is None or not whole
        else replace(device, memory_free_bytes=device.memory_free_bytes + min(part, on_gpu * part // whole))
        for device, part in zip(profile.devices, used, strict=True)
    )
    if not whole:
        in_ram += on_gpu
    available = min(profile.ram_total_bytes, profile.ram_available_bytes + in_ram)
    told = server.version if server.kind is ServerKind.OLLAMA else None
    settings = replace(profile.server, version=told or profile.server.version)
    return replace(profile, ram_available_bytes=available, devices=devices, server=settings)


def _used(device: Device) -> int:
    if device.memory_total_bytes is None or device.memory_free_bytes is None:
        return 0
    return max(0, device.memory_total_bytes - device.memory_free_bytes)
