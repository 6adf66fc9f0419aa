"""A tick as the sampler wants it: from the probes' rows to device samples, contained parts marked."""

from dataclasses import replace

from wattlight.domain.power import measured
from wattlight.domain.values import (
    CpuProfile,
    Device,
    DeviceSample,
    MachineProfile,
    MemorySample,
    Quality,
    Scope,
    ServerProfile,
)
from wattlight.i18n import tr

from .device_table import facts_for
from .report import Battery, CpuPower, HardwareReport, Memory, cpu_reason

BATTERY_ID = "battery"
CPU_ID = "cpu"


def device_samples(
    accelerators: tuple[DeviceSample, ...], cpu: CpuPower, battery: Battery, boot_id: str
) -> tuple[DeviceSample, ...]:
    """All power-drawing parts, each with what contains it.

    ``contained_in`` follows package < psys < battery and package < APU < battery. Graphics of an AMD or Intel
    processor without a reading of their own draw on the package.
    """
    zones = cpu.zones or (_processor(cpu),)
    system = BATTERY_ID if battery.whole_w is not None else None
    psys = next((z.id for z in zones if z.kind == "system" and z.power_w is not None), None)
    apu, module = (
        next((a.id for a in accelerators if a.power.scope is scope and a.power_w is not None), None)
        for scope in (Scope.PACKAGE, Scope.MODULE)
    )
    packages = [z for z in zones if z.id == CPU_ID or z.power.scope is Scope.PACKAGE]
    estimated = next((z for z in packages if z.power_w is None), None)
    parts = []
    for row in accelerators:
        inside = psys if row.device.vendor == "apple" and psys else system
        silent = row.power_w is None and row.counter_mj is None
        if packages and silent and row.device.integrated and row.device.vendor in {"amd", "intel"}:
            inside = packages[0].id
        parts.append(_placed(row, row.contained_in or inside, boot_id))
    for zone in zones:
        inside = module or system
        if zone.kind == "system":
            inside = system
        elif not zone.id.startswith(_MEMORY_IDS):
            inside = apu or inside
        if zone.kind != "system" and psys:
            inside = psys
        part = replace(zone, estimate_w=cpu.estimate_w) if zone is estimated and cpu.estimate_w else zone
        if zone in packages and cpu.others_percent is not None:
            part = replace(part, others_percent=cpu.others_percent)
        parts.append(_placed(part, inside, boot_id))
    if battery.present:
        device = Device(BATTERY_ID, "Battery", kind="battery", vendor="battery")
        source = battery.source or ""
        reason = tr("the adapter is too weak and the battery helps") if battery.helps else battery.reason
        power = measured(battery.whole_w, source, Scope.SYSTEM, Quality.SAMPLED, reason)
        parts.append(DeviceSample(device, power))
    return tuple(parts)


def _placed(part: DeviceSample, inside: str | None, boot_id: str) -> DeviceSample:
    epoch = "" if part.counter_mj is None else f"{boot_id} {part.counter_epoch}".strip()
    if inside == part.contained_in and epoch == part.counter_epoch:
        return part
    return replace(part, contained_in=inside, counter_epoch=epoch)


def within(plug: DeviceSample, parts: tuple[DeviceSample, ...]) -> tuple[DeviceSample, ...]:
    """The parts with the plug that gives all of them their power."""
    return (plug, *(part if part.contained_in else replace(part, contained_in=plug.id) for part in parts))


def _processor(cpu: CpuPower) -> DeviceSample:
    device = Device(CPU_ID, "Processor", kind="cpu", vendor="cpu")
    power = replace(cpu.package, reason=cpu_reason(cpu.package.reason))
    return DeviceSample(device, power, closed=cpu.closed, limit_w=cpu.limit_w)


_MEMORY_IDS = ("rapl:dram", "apple:dram")


def memory_sample(memory: Memory) -> MemorySample | None:
    """Memory for the sampler; None when it is not known."""
    parts = (memory.total_bytes, memory.available_bytes, memory.llm_total_bytes, memory.llm_available_bytes)
    known = [part for part in parts if part is not None]
    return MemorySample(*known) if len(known) == 4 else None


_UNIFIED_CPU_WORDS = ("RYZEN AI MAX", "Apple M", "GB10")


def machine_profile(report: HardwareReport, name: str, server: ServerProfile | None = None) -> MachineProfile:
    """The profile of the reported machine, with the settings of its server.

    A device is left out when no engine can use it by default or at all: integrated chips without a known
    pool, cards that are reserved or lost, and the parent of slices (its slices are listed).
    """
    memory = report.memory
    parents = {row.contained_in for row in report.accelerators if row.device.sliced}
    rows = [row for row in report.accelerators if _usable(row) and row.id not in parents]
    rows.sort(key=lambda row: row.device.integrated)
    return MachineProfile(
        name=name,
        os=report.environment.os,
        ram_total_bytes=memory.total_bytes or 0,
        ram_available_bytes=memory.available_bytes or 0,
        cpu=CpuProfile(report.environment.amx, _cpu_bandwidth(report)),
        server=server or ServerProfile(),
        devices=tuple(_described(row) for row in rows),
    )


def _usable(row: DeviceSample) -> bool:
    return row.usable and (not row.device.integrated or row.memory.llm_total_bytes is not None)


def _described(row: DeviceSample) -> Device:
    """The device with its memory; where use by others is hidden, what is known to be used is taken off."""
    memory, device = row.memory, row.device
    free = memory.llm_available_bytes
    known_use = memory.dedicated_used_lower_bound_bytes
    if free is None and not memory.unified and memory.llm_total_bytes is not None and known_use is not None:
        free = max(0, memory.llm_total_bytes - known_use)
    return replace(
        device,
        memory_total_bytes=memory.llm_total_bytes,
        memory_free_bytes=free,
        memory_own_bytes=memory.dedicated_total_bytes if memory.unified else None,
        unified=memory.unified,
        compute_capability=device.compute_capability or device.gfx_target,
    )


def _cpu_bandwidth(report: HardwareReport) -> float | None:
    """Known only where processor and GPU share a memory whose speed is fixed by the chip."""
    for row in report.accelerators:
        if row.memory.unified and row.device.integrated and row.device.bandwidth_gbs is not None:
            return row.device.bandwidth_gbs
    name = report.environment.cpu_name or ""
    if any(word.lower() in name.lower() for word in _UNIFIED_CPU_WORDS):
        facts = facts_for(name)
        return facts.bandwidth_gbs if facts else None
    return None
