"""The machine profile: what the memory and speed models need of a hardware report."""

from wattlight.domain.values import CpuProfile, Device, MachineProfile

from .device_table import facts_for
from .report import Accelerator, HardwareReport

_UNIFIED_CPU_WORDS = ("RYZEN AI MAX", "Apple M", "GB10")


def machine_profile(report: HardwareReport, name: str) -> MachineProfile:
    """The profile of the reported machine.

    A device is left out when no engine can use it by default or at all: integrated chips without a known
    pool, cards that are reserved or lost, and the parent of slices (its slices are listed).
    """
    memory = report.memory
    parents = {row.contained_in for row in report.accelerators if row.kind == "slice"}
    rows = [row for row in report.accelerators if _usable(row) and row.id not in parents]
    rows.sort(key=lambda row: row.kind == "integrated")
    devices = tuple(_device(row) for row in rows)
    return MachineProfile(
        name=name,
        os=report.environment.os,
        ram_total_bytes=memory.total_bytes or 0,
        ram_available_bytes=memory.available_bytes or 0,
        cpu=CpuProfile(report.environment.amx, _cpu_bandwidth(report)),
        devices=devices,
    )


def _usable(row: Accelerator) -> bool:
    if not row.usable:
        return False
    return row.kind != "integrated" or row.memory.llm_total_bytes is not None


def _device(row: Accelerator) -> Device:
    """The device; where use by others is hidden, what is known to be used is taken off."""
    memory = row.memory
    free = memory.llm_available_bytes
    known_use = memory.dedicated_used_lower_bound_bytes
    if free is None and not memory.unified and memory.llm_total_bytes is not None and known_use is not None:
        free = max(0, memory.llm_total_bytes - known_use)
    return Device(
        id=row.uuid or row.id,
        name=row.name,
        backend=row.backend,
        memory_total_bytes=memory.llm_total_bytes,
        memory_free_bytes=free,
        unified=memory.unified,
        integrated=row.kind == "integrated",
        compute_capability=row.compute_capability or row.gfx_target,
        bandwidth_gbs=row.bandwidth_gbs,
    )


def _cpu_bandwidth(report: HardwareReport) -> float | None:
    """Known only where processor and GPU share a memory whose speed is fixed by the chip."""
    for row in report.accelerators:
        if row.memory.unified and row.bandwidth_gbs is not None and row.kind == "integrated":
            return row.bandwidth_gbs
    name = report.environment.cpu_name or ""
    if any(word.lower() in name.lower() for word in _UNIFIED_CPU_WORDS):
        facts = facts_for(name)
        return facts.bandwidth_gbs if facts else None
    return None
