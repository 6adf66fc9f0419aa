"""What a device's card tells beside its draw: memory and who holds it, heat, clocks, driver."""

from wattlight.domain.values import Device, DeviceSample, GpuProcess, MemorySample, clean_sentence, clean_text
from wattlight.i18n import gib, joined, number, percent, tr, watts

from .running import MemoryBarView, bar_of, free_text
from .words import DASH, scope_text

Fact = tuple[str, str]
"""What it is, and what is known of it: a dash with its reason where that is nothing."""
SHOWN_PROCESSES = 4
"""Programs with a name of their own; the others are counted together."""
LEAST_BYTES = 64 << 20
"""Programs that hold less are not named: every window of a desktop holds a little."""


def sample_facts(sample: DeviceSample, bandwidth_gbs: float | None = None) -> tuple[Fact, ...]:
    """The lines of a device that answers. ``bandwidth_gbs``: of a processor, which has none of its own."""
    facts = [*_work(sample), (tr("Power limit"), _limit(sample)), *_heat(sample), *_held(sample)]
    if sample.kind in {"battery", "wall"}:
        facts = []
    if sample.power.scope is not None and sample.kind != "wall":  # its name says what hangs on it
        facts.append((tr("Sensor covers"), scope_text(sample.power.scope)))
    return (*(fact for fact in facts if fact[1]), *device_facts(sample.device, bandwidth_gbs))


def device_facts(device: Device, bandwidth_gbs: float | None = None) -> tuple[Fact, ...]:
    """What does not change while the program runs."""
    facts = []
    bandwidth = device.bandwidth_gbs or bandwidth_gbs
    if bandwidth is not None:
        facts.append((tr("Memory bandwidth"), tr("{n} GB/s", n=number(bandwidth))))
    if device.driver:
        facts.append((tr("Driver"), clean_text(device.driver, 60)))
    elif device.kind == "gpu" and device.vendor == "nvidia":
        facts.append((tr("Driver"), _dash(tr("its version is not reported"))))
    return tuple(facts)


def _dash(reason: str) -> str:
    return tr("{dash} ({reason})", dash=DASH, reason=reason)


def _work(sample: DeviceSample) -> list[Fact]:
    if sample.load.value is not None:
        return [(tr("Busy"), percent(sample.load.value / 100))]
    return [(tr("Busy"), _dash(clean_sentence(tr(sample.load.reason), 120)))] if sample.load.reason else []


def _limit(sample: DeviceSample) -> str:
    """The limit in force, and the share of it that is drawn."""
    if sample.limit_w is None:
        return _dash(tr("not reported")) if sample.kind == "gpu" and not sample.asleep else ""
    if sample.power_w is None or sample.limit_w <= 0:
        return watts(sample.limit_w)
    share = percent(sample.power_w / sample.limit_w)
    return tr("{limit}, {share} of it drawn", limit=watts(sample.limit_w), share=share)


def _heat(sample: DeviceSample) -> list[Fact]:
    words = [] if sample.temperature_c is None else [tr("{t} °C", t=number(sample.temperature_c))]
    if sample.hotspot_c is not None:
        words.append(tr("hottest spot {value} °C", value=number(sample.hotspot_c)))
    if sample.memory_temperature_c is not None:
        words.append(tr("memory {value} °C", value=number(sample.memory_temperature_c)))
    if sample.fan_rpm is not None:
        words.append(tr("fan {value} rpm", value=number(sample.fan_rpm)))
    if not words and sample.kind == "gpu" and not sample.asleep:
        words = [_dash(tr("not reported"))]
    causes = {"heat": tr("heat"), "power": tr("the power limit")}
    slowed = joined(causes[cause] for cause in sample.slowed_by if cause in causes)
    return [(tr("Temperature"), joined(words)), (tr("Clocks held down by"), slowed)]


def _held(sample: DeviceSample) -> list[Fact]:
    """Which programs hold its memory, the largest first."""
    if sample.kind != "gpu" or sample.asleep:
        return []
    programs = _programs(sample.processes)
    named = [f"{name} {gib(size)}" for name, size in programs[:SHOWN_PROCESSES]]
    if rest := programs[SHOWN_PROCESSES:]:
        named.append(tr("others {size}", size=gib(sum(size for _, size in rest))))
    reason = clean_sentence(tr(sample.processes_reason), 160) if sample.processes_reason else ""
    if not named:
        return [(tr("Memory held by"), _dash(reason))] if reason else []
    return [(tr("Memory held by"), joined((joined(named), reason) if reason else named))]


def _programs(processes: tuple[GpuProcess, ...]) -> list[tuple[str, int]]:
    """Processes of one name are one program."""
    held: dict[str, int] = {}
    for process in processes:
        name = clean_text(process.name, 40) or tr("process {id}", id=process.pid)
        held[name] = held.get(name, 0) + (process.memory_bytes or 0)
    return sorted(((n, s) for n, s in held.items() if s >= LEAST_BYTES), key=lambda item: -item[1])


def device_bar(sample: DeviceSample, ram: MemorySample | None = None) -> MemoryBarView | None:
    """How full it is: what model servers hold, and what everything else does; of a processor the RAM."""
    memory = sample.memory
    if sample.kind == "cpu" and ram is not None:
        return _bar([(tr("RAM in use"), ram.total_bytes - ram.available_bytes, "other")], ram.total_bytes)
    total, used = memory.total_bytes, memory.used_bytes
    if memory.unified and total and memory.llm_available_bytes is not None:
        used = total - memory.llm_available_bytes
    if not total or used is None:
        return None
    models = memory.server_holds_bytes
    if models is None and any(p.is_server and p.memory_bytes for p in sample.processes):
        models = sum(p.memory_bytes or 0 for p in sample.processes if p.is_server)
    if models is None:
        return _bar([(tr("used"), used, "weights")], total)
    models = min(models, used)
    parts = [(tr("models"), models, "weights"), (tr("driver and other programs"), used - models, "other")]
    return _bar(parts, total)


def _bar(parts: list[tuple[str, int, str]], total: int) -> MemoryBarView:
    return bar_of(parts, total, free_text(total, sum(size for _, size, _ in parts)))
