"""``hardware`` for a person: what is there, what a model may use, what can be measured and what not."""

from wattlight.domain.values import Quality
from wattlight.i18n import duration, gib, number, percent, tr, watts
from wattlight.probes import Accelerator, Battery, CpuPower, HardwareReport, Memory

from .columns import aligned
from .hardware_words import cpu_power_reason, kind_word, scope_word, state_word


def hardware_lines(report: HardwareReport) -> list[str]:
    """The lines to print."""
    lines = [tr("This computer"), *_indented(_computer(report))]
    lines += ["", tr("Accelerators")]
    if not report.accelerators:
        lines.append("  " + tr("none that a model can use"))
    for row in sorted(report.accelerators, key=lambda row: row.kind == "integrated"):
        lines += [f"  {row.name}", *_indented(_accelerator(row), 4)]
    lines += ["", tr("Power of the processor"), *_indented(_cpu(report.cpu_power))]
    lines += ["", tr("Battery"), *_indented(_battery(report.battery))]
    notes = _notes(report)
    if notes:
        lines += ["", tr("Good to know"), *(f"  - {note}" for note in notes)]
    return lines


def _indented(rows: list[tuple[str, str]], by: int = 2) -> list[str]:
    return [" " * by + line for line in aligned(rows)]


def _computer(report: HardwareReport) -> list[tuple[str, str]]:
    environment = report.environment
    system = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}.get(environment.os, environment.os)
    cores = (
        tr("{count} logical processors", count=number(environment.cpu_cores)) if environment.cpu_cores else ""
    )
    rows = [
        (tr("Processor"), ", ".join(w for w in (environment.cpu_name or tr("unknown"), cores) if w)),
        (tr("System"), " ".join(w for w in (system, environment.kernel or "") if w)),
        (tr("Memory"), _memory(report.memory)),
    ]
    if report.memory.llm_available_bytes is not None:
        room = tr(
            "{free} of {total} ({reserve} stay with the system)",
            free=gib(report.memory.llm_available_bytes),
            total=gib(report.memory.llm_total_bytes),
            reserve=gib(report.memory.reserve_bytes),
        )
        rows.append((tr("For models"), room))
    return rows


def _memory(memory: Memory) -> str:
    if memory.total_bytes is None:
        return tr("unknown: {reason}", reason=memory.reason or tr("the system does not say"))
    text = tr("{free} free of {total}", free=gib(memory.available_bytes), total=gib(memory.total_bytes))
    if memory.limit_bytes is not None and memory.limit_bytes == memory.total_bytes:
        text += tr(" (limited to that; the computer has {total})", total=gib(memory.host_total_bytes))
    return text


def _accelerator(row: Accelerator) -> list[tuple[str, str]]:
    kind = f"{kind_word(row.kind)}, {state_word(row.state)}"
    rows = [(tr("Kind"), kind), (tr("Memory"), _device_memory(row)), (tr("Power"), _power(row))]
    heat = _heat(row)
    if row.utilization_pct is not None:
        rows.append((tr("Load"), ", ".join([percent(row.utilization_pct / 100), *heat])))
    elif heat:
        rows.append((tr("Heat"), ", ".join(heat)))
    if row.processes:
        names = [f"{p.name or tr('process {id}', id=p.pid)} {gib(p.memory_bytes)}" for p in row.processes[:4]]
        rows.append((tr("In use by"), ", ".join(names)))
    return rows


def _device_memory(row: Accelerator) -> str:
    memory = row.memory
    if memory.llm_total_bytes is None:
        return tr("unknown: {reason}", reason=memory.reason or tr("not reported"))
    free = memory.llm_available_bytes
    total = gib(memory.llm_total_bytes)
    text = tr("{total}, {free} free for a model", total=total, free=gib(free)) if free is not None else total
    if memory.unified:
        return tr("{amount}; shared with the processor", amount=text)
    if memory.cached:
        return tr("{amount} (remembered from when it was awake)", amount=text)
    if free is None and memory.dedicated_used_lower_bound_bytes is not None:
        held = gib(memory.dedicated_used_lower_bound_bytes)
        return tr("{amount}, at least {held} in use", amount=text, held=held)
    return text if free is not None else tr("{amount}; {reason}", amount=text, reason=memory.reason or "")


def _power(row: Accelerator) -> str:
    if row.power_w is None:
        reason = row.power_reason or tr("not reported")
        if row.estimate_w:
            low, high = (watts(edge) for edge in row.estimate_w)
            return tr("not measured ({reason}); estimated {low} to {high}", reason=reason, low=low, high=high)
        return tr("not measured: {reason}", reason=reason)
    words = [watts(row.power_w)]
    if row.power_limit_w is not None:
        words.append(tr("of at most {limit}", limit=watts(row.power_limit_w)))
    error = f", ±{percent(row.error_fraction)}" if row.error_fraction else ""
    return f"{' '.join(words)} ({scope_word(row.power_scope)}{error})"


def _heat(row: Accelerator) -> list[str]:
    found = []
    if row.temperature_c is not None:
        found.append(f"{number(row.temperature_c)} °C")
    if row.hotspot_c is not None:
        found.append(tr("hottest spot {value} °C", value=number(row.hotspot_c)))
    if row.memory_temperature_c is not None:
        found.append(tr("memory {value} °C", value=number(row.memory_temperature_c)))
    if row.fan_rpm is not None:
        found.append(tr("fan {value} rpm", value=number(row.fan_rpm)))
    return found


def _cpu(cpu: CpuPower) -> list[tuple[str, str]]:
    rows = []
    if cpu.package_w is not None:
        how = tr("energy counter") if cpu.quality is Quality.COUNTER else tr("sensor")
        rows.append((tr("Processor"), f"{watts(cpu.package_w)} ({how})"))
    else:
        rows.append((tr("Processor"), tr("not measured: {reason}", reason=cpu_power_reason(cpu.reason))))
        if cpu.estimate_w:
            low, high = (watts(edge) for edge in cpu.estimate_w)
            rows.append(("", tr("estimated {low} to {high}", low=low, high=high)))
    if cpu.psys_w is not None:
        rows.append((tr("Platform"), tr("{power} (contains the processor)", power=watts(cpu.psys_w))))
    if cpu.dram_w is not None:
        rows.append((tr("Memory"), watts(cpu.dram_w)))
    return rows


def _battery(battery: Battery) -> list[tuple[str, str]]:
    if not battery.present:
        return [(tr("none"), "")]
    state = {
        "discharging": tr("in use"),
        "charging": tr("charging"),
        "full": tr("full"),
        "not charging": tr("not charging"),
    }.get(battery.state or "", tr("state unknown"))
    level = tr("unknown") if battery.percent is None else percent(battery.percent / 100)
    rows = [(tr("Level"), f"{level}, {state}")]
    if battery.discharge_w is not None:
        rows.append((tr("Draw"), tr("{power} (the whole computer)", power=watts(battery.discharge_w))))
    elif battery.charge_w is not None:
        rows.append((tr("Charging"), tr("with {power}", power=watts(battery.charge_w))))
    elif battery.reason:
        rows.append((tr("Draw"), tr("not measured: {reason}", reason=battery.reason)))
    if battery.seconds_left is not None:
        rows.append((tr("Lasts"), tr("about {time}", time=duration(battery.seconds_left))))
    return rows


def _notes(report: HardwareReport) -> list[str]:
    notes = list(report.environment.messages) + list(report.memory.messages)
    for row in report.accelerators:
        notes += [f"{row.name}: {said}" for said in row.messages]
    notes += [tr("No accelerator: {name}.", name=name) for name in report.ignored_adapters]
    notes += [
        tr("The sensor '{name}' answers slowly; nobody waits for it.", name=n) for n in report.slow_sensors
    ]
    return list(dict.fromkeys(notes))
