"""What lay in the accelerators' memory at one moment, and what a load added to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.state import RunningModel
from wattlight.i18n import tr

from ..power import MachineSample

GPU = "gpu"


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """One accelerator. ``runner_bytes`` and ``other_bytes`` by the driver's list of processes; None if the
    driver did not name the memory of each (Windows, containers, many integrated GPUs)."""

    id: str
    used_bytes: int | None
    runner_bytes: int | None
    other_bytes: int | None


@dataclass(frozen=True, slots=True)
class MemoryLook:
    """All accelerators, and the digests of the models loaded then."""

    at: datetime
    devices: tuple[DeviceLook, ...]
    loaded: frozenset[str]


@dataclass(frozen=True, slots=True)
class UsedMemory:
    """What a load took; ``used_bytes`` None with a sentence why."""

    used_bytes: int | None
    source: str = ""
    reason: str | None = None


def look_at(sample: MachineSample, running: Iterable[RunningModel]) -> MemoryLook:
    """The look that a sample of the machine and a list of loaded models make."""
    devices = []
    for device in sample.devices:
        if device.kind != GPU or device.memory.used_bytes is None:
            continue
        known = all(process.memory_bytes is not None for process in device.processes)
        runners = sum(p.memory_bytes or 0 for p in device.processes if p.is_server)
        others = sum(p.memory_bytes or 0 for p in device.processes if not p.is_server)
        devices.append(
            DeviceLook(
                device.id,
                device.memory.used_bytes,
                runners if known else None,
                others if known else None,
            )
        )
    return MemoryLook(sample.at, tuple(devices), frozenset(model.digest for model in running))


def used_between(before: MemoryLook, after: MemoryLook) -> UsedMemory:
    """What was added on all accelerators from one look to the other.

    The list of processes is believed when it shows a runner afterwards; it tells the runner's memory whatever
    other programs do. Else the driver's used memory is compared.
    """
    if not after.devices:
        return UsedMemory(None, reason=tr("No accelerator reports its memory."))
    earlier = {device.id: device for device in before.devices}
    if earlier.keys() != {device.id for device in after.devices}:
        return UsedMemory(None, reason=tr("An accelerator came or went during the load."))
    if lists_processes(after):
        added = sum((d.runner_bytes or 0) - (earlier[d.id].runner_bytes or 0) for d in after.devices)
        return _positive(added, "driver, by process")
    added = sum((d.used_bytes or 0) - (earlier[d.id].used_bytes or 0) for d in after.devices)
    return _positive(added, "driver, free memory")


def lists_processes(look: MemoryLook) -> bool:
    """The driver names each process's memory there: a runner is seen with some."""
    return any(device.runner_bytes for device in look.devices)


def _positive(added: int, source: str) -> UsedMemory:
    if added <= 0:
        return UsedMemory(None, reason=tr("The driver shows no memory taken by the load."))
    return UsedMemory(added, source)
