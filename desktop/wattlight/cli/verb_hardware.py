"""``hardware``: what this computer has. Also for a recorded tree of files, for development."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wattlight.domain.fit import left_out
from wattlight.domain.machine_file import machine_document
from wattlight.domain.values import DeviceSample, Figure, MachineProfile, Problem, clean_text
from wattlight.i18n import gib, joined, number, percent, tr, trn, watts
from wattlight.paths import replacing
from wattlight.probes import HardwareReport, Memory, Prober
from wattlight.services.fit_words import machine_sentences

from .hardware_power import battery_rows, cpu_rows, plug_document, plug_rows
from .options import seconds
from .output import Call, Document, aligned, pick, plain, refuse_own

DIGITS = 4
"""After the point, of watts and all else in the document."""


def hardware_document(report: HardwareReport, profile: MachineProfile | None = None) -> Document:
    """The whole report. Bytes, watts, percent, degrees Celsius; always the same keys.

    ``profile`` adds what the server's settings make of it.
    """
    why = {} if profile is None else {device.id: code for device, code in left_out(profile)}
    cpu = report.cpu_power
    package = cpu.package
    return {
        "accelerators": [
            _row_document(row) | {"server_leaves_out": why.get(row.id)} for row in report.accelerators
        ],
        "server_notes": [] if profile is None else list(machine_sentences(profile)),
        "ignored_adapters": list(report.ignored_adapters),
        "memory": _without_bytes(plain(report.memory, DIGITS)),
        "cpu_power": {
            **_figure(package, "package_w", "source", "reason"),
            **pick(cpu, "core_w uncore_w dram_w psys_w scope limit_w", DIGITS),
            "quality": None if package.value is None else plain(package.quality),
            "estimate_w": _edges(cpu.estimate_w),
        },
        **pick(report, "battery environment slow_sensors", DIGITS),
        "plug": None if report.plug is None else plug_document(report.plug, DIGITS),
    }


def _row_document(row: DeviceSample) -> Document:
    device, power = row.device, row.power
    known = power.value is not None
    return {
        **pick(device, "id vendor name name_source driver pci_id uuid gfx_target", DIGITS),
        **pick(device, "compute_capability bandwidth_gbs", DIGITS),
        "kind": device.form,
        "backend": device.backend or None,
        "memory": _without_bytes(plain(row.memory)),
        **_figure(power, "power_w", "power_source", "power_reason"),
        "power_quality": plain(power.quality) if known else None,
        "power_error": power.error_fraction if known else None,
        "power_limit_w": plain(row.limit_w, DIGITS),
        **_figure(row.load, "utilization_pct", "utilization_source", "utilization_reason"),
        **pick(row, "state power_scope gpu_only_w temperature_c temperature_label hotspot_c fan_rpm", DIGITS),
        **pick(row, "memory_temperature_c processes_reason contained_in usable slowed_by messages", DIGITS),
        "energy_mj": row.counter_mj,
        "estimate_w": _edges(row.estimate_w),
        "estimate_source": row.estimate_source if row.estimate_w else None,
        "processes": [
            pick(p, "pid memory_bytes") | {"name": p.name or None, "busy_pct": plain(p.busy_percent, 1)}
            for p in row.processes
        ],
    }


def _figure(figure: Figure, value: str, source: str, reason: str) -> Document:
    """A figure under the three names it has in the document."""
    return {value: plain(figure.value, DIGITS), source: figure.source or None, reason: figure.reason}


def _without_bytes(document: Document) -> Document:
    return {name.removesuffix("_bytes"): value for name, value in document.items()}


def _edges(estimate: tuple[float, float] | None) -> Any:
    return plain(estimate, 1) if estimate else None


SECOND_LOOK_S = 0.3
"""Pause before the second look, where power comes from counters (they move every 1-100 ms)."""


class BadTree(Problem):
    """The recorded tree cannot be used."""

    code = "bad_tree"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print a machine profile (for --machine of other verbs) as JSON",
    )
    parser.add_argument(
        "--sysroot", metavar="DIR", help="developers: look at the recorded /sys, /proc below DIR"
    )
    parser.add_argument("--then", metavar="DIR2", help="developers: the same machine a moment later")
    parser.add_argument(
        "--dt", metavar="SECONDS", type=seconds, help="developers: time between DIR and DIR2 (default 1)"
    )
    parser.add_argument("--trace-opens", metavar="FILE", help="developers: write each file opened to FILE")


def run(args: Namespace, call: Call) -> None:
    trace: list[str] = []
    try:
        _look(args, call, trace.append)
    finally:
        if args.trace_opens:
            _write_trace(args.trace_opens, trace, call)


def _look(args: Namespace, call: Call, trace: Callable[[str], None]) -> None:
    clock = _StepClock() if args.sysroot else None
    root = _folder(args.sysroot) if args.sysroot else None
    then, step_s = _second(args)
    prober = call.workshop.prober(root, trace, clock)
    try:
        report = prober.report()
        if then is not None and clock is not None:
            clock.step(step_s)
            prober.move(then)
            report = prober.report()
        elif root is None and not args.profile and prober.has_counters():
            time.sleep(SECOND_LOOK_S)
            report = prober.report()
        _print(args, call, prober, report)
    finally:
        prober.close()


def _print(args: Namespace, call: Call, prober: Prober, report: HardwareReport) -> None:
    if args.profile:
        document = machine_document(prober.profile())
        document.pop("schema", None)
        call.out.document(document)
    elif call.as_json:
        call.out.document(hardware_document(report, prober.profile()))
    else:
        call.out.lines(hardware_lines(report, prober.profile(), call.out.room))


def _second(args: Namespace) -> tuple[Path | None, float]:
    if args.then is None:
        return None, 0.0
    if not args.sysroot:
        raise BadTree(tr("--then needs --sysroot."), tr("Give the first recorded tree with --sysroot."))
    step_s = 1.0 if args.dt is None else args.dt
    if not 0 < step_s < 1e9:
        raise BadTree(
            tr("--dt is not a time in seconds."), tr("Give the seconds between the two trees, like --dt 1.")
        )
    return _folder(args.then), step_s


def _folder(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        raise BadTree(
            tr("{name} is not a folder.", name=clean_text(name)), tr("Give a folder that holds sys and proc.")
        )
    return folder


def _write_trace(name: str, lines: list[str], call: Call) -> None:
    refuse_own(name, call)
    try:
        text = "".join(f"{line}\n" for line in lines)
        with replacing(Path(name)) as part:
            part.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadTree(
            tr(
                "The trace cannot be written to {name} ({reason}).",
                name=clean_text(name),
                reason=error.strerror,
            ),
            tr("Choose another file."),
        ) from error


class _StepClock:
    """Time of a recorded tree: stands still until told."""

    def __init__(self) -> None:
        self._now_s = 1000.0

    def __call__(self) -> float:
        return self._now_s

    def step(self, more_s: float) -> None:
        self._now_s += more_s


def kind_word(kind: str) -> str:
    return {
        "discrete": tr("graphics card"),
        "integrated": tr("part of the processor"),
        "slice": tr("slice of a card"),
    }.get(kind, kind)


def state_word(state: str) -> str:
    return {
        "active": tr("awake"),
        "asleep": tr("asleep (and left alone)"),
        "lost": tr("stopped responding"),
        "unavailable": tr("not available to programs"),
    }.get(state, state)


def scope_word(scope: str | None) -> str:
    text = (scope or "").lower()
    if text.startswith("whole apu package"):
        return tr("processor and graphics together")
    if text.startswith("module"):
        return tr("module: processor and GPU together")
    if text.startswith("gpu board"):
        return tr("whole card")
    if text in {"gpu only", "gpu rail", "gpu package"}:
        return tr("GPU chip alone")
    return scope or tr("coverage unknown")


def hardware_lines(
    report: HardwareReport, profile: MachineProfile | None = None, room: int | None = None
) -> list[str]:
    unused = set() if profile is None else {device.id for device, _ in left_out(profile)}
    lines = [tr("This computer"), *_indented(_computer(report), room=room)]
    lines += ["", tr("Accelerators")]
    if not report.accelerators:
        lines.append("  " + tr("none that a model can use"))
    for row in sorted(report.accelerators, key=lambda row: row.device.integrated):
        lines += [f"  {row.name}", *_indented(_accelerator(row, row.id not in unused), 4, room)]
    lines += ["", tr("Power of the processor"), *_indented(cpu_rows(report.cpu_power), room=room)]
    lines += ["", tr("Battery"), *_indented(battery_rows(report.battery), room=room)]
    if report.plug is not None:
        lines += ["", tr("At the wall"), *_indented(plug_rows(report.plug), room=room)]
    notes = [*_notes(report), *([] if profile is None else machine_sentences(profile))]
    if notes:
        lines += ["", tr("Good to know"), *(f"  - {note}" for note in notes)]
    return lines


def _indented(rows: list[tuple[str, str]], by: int = 2, room: int | None = None) -> list[str]:
    return [" " * by + line for line in aligned(rows, room=None if room is None else room - by, headed=False)]


def _computer(report: HardwareReport) -> list[tuple[str, str]]:
    environment = report.environment
    system = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}.get(environment.os, environment.os)
    cores = (
        trn("{count} logical processor", "{count} logical processors", environment.cpu_cores)
        if environment.cpu_cores
        else ""
    )
    rows = [
        (tr("Processor"), joined(w for w in (environment.cpu_name or tr("unknown"), cores) if w)),
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
        return tr("unknown: {reason}", reason=tr(memory.reason) or tr("the system does not say"))
    text = tr("{free} free of {total}", free=gib(memory.available_bytes), total=gib(memory.total_bytes))
    if memory.limit_bytes is not None and memory.limit_bytes == memory.total_bytes:
        text += tr(" (limited to that; the computer has {total})", total=gib(memory.host_total_bytes))
    return text


def _accelerator(row: DeviceSample, offered: bool) -> list[tuple[str, str]]:
    kind = f"{kind_word(row.device.form)}, {state_word(row.state)}"
    rows = [(tr("Kind"), kind), (tr("Memory"), _device_memory(row, offered)), (tr("Power"), _power(row))]
    heat = _heat(row)
    if row.load.value is not None:
        rows.append((tr("Utilization"), joined([percent(row.load.value / 100), *heat])))
    elif heat:
        rows.append((tr("Heat"), joined(heat)))
    if row.processes:
        names = [f"{p.name or tr('process {id}', id=p.pid)} {gib(p.memory_bytes)}" for p in row.processes[:4]]
        rows.append((tr("In use by"), joined(names)))
    return rows


def _device_memory(row: DeviceSample, offered: bool) -> str:
    memory = row.memory
    if memory.llm_total_bytes is None:
        return tr("unknown: {reason}", reason=tr(memory.reason) or tr("not reported"))
    free = memory.llm_available_bytes
    total = gib(memory.llm_total_bytes)
    if not offered:
        return tr("{total}; the server does not use it (see below)", total=total)
    text = tr("{total}, {free} free for a model", total=total, free=gib(free)) if free is not None else total
    if memory.unified and memory.dedicated_total_bytes:
        own = gib(memory.dedicated_total_bytes)
        return tr("{amount}; {own} its own, the rest shared with the processor", amount=text, own=own)
    if memory.unified:
        return tr("{amount}; shared with the processor", amount=text)
    if memory.cached:
        return tr("{amount} (remembered from when it was awake)", amount=text)
    if free is None and memory.dedicated_used_lower_bound_bytes is not None:
        held = gib(memory.dedicated_used_lower_bound_bytes)
        return tr("{amount}, at least {held} in use", amount=text, held=held)
    return text if free is not None else tr("{amount}; {reason}", amount=text, reason=tr(memory.reason))


def _power(row: DeviceSample) -> str:
    if row.power_w is None:
        reason = tr(row.power.reason) or tr("not reported")
        if row.estimate_w:
            low, high = (watts(edge) for edge in row.estimate_w)
            return tr("not measured ({reason}); estimated {low} to {high}", reason=reason, low=low, high=high)
        return tr("not measured: {reason}", reason=reason)
    words = [watts(row.power_w)]
    if row.limit_w is not None:
        words.append(tr("of at most {limit}", limit=watts(row.limit_w)))
    error = f", ±{percent(row.power.error_fraction)}" if row.power.error_fraction else ""
    return f"{' '.join(words)} ({scope_word(row.power_scope)}{error})"


def _heat(row: DeviceSample) -> list[str]:
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


def _notes(report: HardwareReport) -> list[str]:
    notes = [tr(said) for said in (*report.environment.messages, *report.memory.messages)]
    for row in report.accelerators:
        notes += [f"{row.name}: {tr(said)}" for said in row.messages]
    notes += [tr("No accelerator: {name}.", name=name) for name in report.ignored_adapters]
    notes += [
        tr("The sensor '{name}' answers slowly; it is not waited for.", name=n) for n in report.slow_sensors
    ]
    return list(dict.fromkeys(notes))
