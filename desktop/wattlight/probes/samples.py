"""A tick as the sampler wants it: from the probes' rows to device samples, contained parts marked."""

from dataclasses import replace

from wattlight.domain.values import (
    CpuProfile,
    Device,
    DeviceSample,
    MachineProfile,
    MemorySample,
    Quality,
    Scope,
)

from .apple.chip import WHOLE_ID
from .device_table import facts_for
from .report import Accelerator, Battery, CpuPower, EnergyZone, HardwareReport, Memory

BATTERY_ID = "battery"
CPU_ID = "cpu"


def device_samples(
    accelerators: tuple[Accelerator, ...], cpu: CpuPower, battery: Battery, boot_id: str
) -> tuple[DeviceSample, ...]:
    """All power-drawing parts.

    ``contained_in`` follows package < psys < battery and package < APU < battery. Graphics of an AMD or Intel
    processor without a reading of their own draw on the package.
    """
    system = BATTERY_ID if battery.discharge_w is not None else None
    psys = next((z.id for z in cpu.zones if z.label == "psys" and z.power_w is not None), None)
    apu = next((a.id for a in accelerators if a.scope is Scope.PACKAGE and a.power_w is not None), None)
    module = next((a.id for a in accelerators if a.scope is Scope.MODULE and a.power_w is not None), None)
    package_id = next((z.id for z in cpu.zones if z.scope is Scope.PACKAGE), None if cpu.zones else CPU_ID)
    parts = []
    for row in accelerators:
        inside = psys if row.vendor == "apple" and psys else system
        silent = row.power_w is None and row.counter_mj is None
        if silent and row.kind == "integrated" and row.vendor in {"amd", "intel"}:
            inside = package_id or inside
        parts.append(_accelerator(row, row.contained_in or inside, boot_id))
    package = next((z for z in cpu.zones if z.scope is Scope.PACKAGE and z.power_w is None), None)
    for zone in cpu.zones:
        if zone.label == "psys":
            inside = system
        elif zone.label == "dram":
            inside = psys or module or system
        else:
            inside = psys or apu or module or system
        parts.append(_zone(zone, inside, cpu, boot_id))
        if zone is package:
            parts[-1] = replace(parts[-1], estimate_w=cpu.estimate_w)
    if not cpu.zones:
        parts.append(_cpu(cpu, apu or module or system))
    if battery.present:
        parts.append(_battery(battery))
    return tuple(parts)


def cpu_reason(reason: str | None) -> str | None:
    """The sentence for a processor's (or platform's) missing power."""
    return _CPU_REASONS.get(reason or "", reason)


_CPU_REASONS = {
    "permission": "This user may not read the processor energy counter (see 'wattlight doctor').",
    "no powercap": "No readable power sensor for the processor on this computer.",
    "no package zone": "No readable power sensor for the processor on this computer.",
    "needs a second reading": "The first reading of an energy counter gives no watts yet.",
    "the counter stands still": "The processor's energy counter stands still.",
    "no answer": "The processor's power sensor does not answer.",
}


def memory_sample(memory: Memory) -> MemorySample | None:
    """Memory for the sampler; None when it is not known."""
    parts = (memory.total_bytes, memory.available_bytes, memory.llm_total_bytes, memory.llm_available_bytes)
    known = [part for part in parts if part is not None]
    return MemorySample(*known) if len(known) == 4 else None


def _accelerator(row: Accelerator, inside: str | None, boot_id: str) -> DeviceSample:
    memory = row.memory
    total = memory.dedicated_total_bytes if not memory.unified else memory.llm_total_bytes
    used = memory.dedicated_used_bytes if not memory.unified else None
    return DeviceSample(
        device_id=row.id,
        name=row.name,
        kind="gpu",
        vendor=row.vendor,
        power_w=row.power_w,
        counter_mj=row.counter_mj,
        counter_epoch=f"{boot_id} {row.counter_epoch}".strip() if row.counter_mj is not None else "",
        limit_w=row.power_limit_w,
        scope=row.scope,
        source=row.power_source or "",
        quality=row.quality,
        reason=row.power_reason,
        asleep=row.state == "asleep",
        contained_in=inside,
        utilisation_percent=row.utilization_pct,
        temperature_c=row.temperature_c,
        memory_total_bytes=total,
        memory_used_bytes=used,
        memory_free_bytes=memory.llm_available_bytes,
        processes=row.processes,
        estimate_w=row.estimate_w,
    )


def _zone(zone: EnergyZone, inside: str | None, cpu: CpuPower, boot_id: str) -> DeviceSample:
    names = {"psys": "Whole platform", "dram": "Memory modules", "ane": "Neural engine"}
    counts = zone.counts
    return DeviceSample(
        device_id=zone.id,
        name="Whole Mac (estimate)" if zone.id == WHOLE_ID else names.get(zone.label, "Processor"),
        kind="system" if zone.label == "psys" else "cpu",
        vendor="cpu",
        power_w=zone.power_w,
        counter_mj=None if counts is None else int(counts * zone.unit_j * 1000),
        counter_epoch=boot_id if counts is not None else "",
        counter_range_mj=None if zone.range_counts is None else int(zone.range_counts * zone.unit_j * 1000),
        limit_w=cpu.limit_w if zone.scope is Scope.PACKAGE else None,
        scope=zone.scope,
        source=cpu.source or "",
        quality=Quality.COUNTER if counts is not None else Quality.SAMPLED if zone.power_w else None,
        reason=cpu_reason(zone.reason),
        contained_in=inside,
    )


def _cpu(cpu: CpuPower, inside: str | None) -> DeviceSample:
    return DeviceSample(
        device_id=CPU_ID,
        name="Processor",
        kind="cpu",
        vendor="cpu",
        power_w=cpu.package_w,
        limit_w=cpu.limit_w,
        scope=Scope.PACKAGE if cpu.package_w is not None else None,
        source=cpu.source or "",
        quality=cpu.quality,
        reason=cpu_reason(cpu.reason),
        contained_in=inside,
        estimate_w=cpu.estimate_w,
    )


def _battery(battery: Battery) -> DeviceSample:
    flowing = battery.discharge_w
    return DeviceSample(
        device_id=BATTERY_ID,
        name="Battery",
        kind="battery",
        vendor="battery",
        power_w=flowing,
        scope=Scope.SYSTEM if flowing is not None else None,
        source=battery.source or "",
        quality=Quality.SAMPLED if flowing is not None else None,
        reason=battery.reason,
    )


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
