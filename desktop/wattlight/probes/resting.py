"""Rows of devices that are not asked now: asleep, waking up, reserved."""

from dataclasses import replace

from .memory_cache import DeviceCache, Remembered
from .report import Accelerator, AcceleratorMemory

REMEMBERED = "remembered from when it was awake"
NOT_REMEMBERED = "its size is seen only while it is awake, and is then remembered"


def resting_row(base: Accelerator, state: str, reason: str, cache: DeviceCache) -> Accelerator:
    """``base`` with nothing read, the remembered name and memory size, and the reason everywhere."""
    known = cache.get(base.id, base.pci_id or "")
    total = known.memory_total_bytes if known else None
    return replace(
        base,
        name=known.name if known else base.name,
        name_source=known.name_source if known else base.name_source,
        state=state,
        compute_capability=known.capability if known else base.compute_capability,
        memory=AcceleratorMemory(
            dedicated_total_bytes=total,
            dedicated_total_source=REMEMBERED if total else None,
            llm_total_bytes=total,
            cached=total is not None,
            reason=None if total is not None else NOT_REMEMBERED if state == "asleep" else reason,
        ),
        power_reason=reason,
        utilization_reason=reason,
    )


def remember(row: Accelerator, cache: DeviceCache) -> None:
    """Keep name and memory size for the time the device sleeps."""
    total = row.memory.dedicated_total_bytes
    if total is not None and not row.memory.unified:
        facts = Remembered(row.pci_id or "", row.name, row.name_source, total, row.compute_capability)
        cache.put(row.id, facts)
