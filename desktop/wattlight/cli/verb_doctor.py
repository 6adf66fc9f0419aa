"""``doctor``: what is missing, and the one step that would add it. Nothing is changed by it."""

import getpass
import os
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import DeviceSample, Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import Places, open_regular
from wattlight.probes import HardwareReport, cpu_reason, server_log
from wattlight.runtime import parse_endpoint
from wattlight.services.factory import ServiceFactory
from wattlight.services.serving import conversion, exposure
from wattlight.settings import load_settings
from wattlight.store import LedgerProblem, MeterLock, open_reader

from .output import Call, Document, plain
from .verb_hardware import SECOND_LOOK_S


class Level(StrEnum):
    FINE = "fine"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    ``command`` is what the person may run (never run by us), ``undo`` what takes it back, ``effect`` what
    it changes for whom.
    """

    code: str
    level: Level
    text: str
    command: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    effect: str = ""


def hardware_findings(report: HardwareReport, user: str, group: str) -> Iterator[Finding]:
    """Findings about accelerators, sensors and memory, in the order of the report."""
    if not report.accelerators:
        yield Finding("no_gpu", Level.NOTE, tr("No GPU found. Models run on the CPU."))
    for row in report.accelerators:
        yield from _accelerator(row, user)
    yield _processor(report, group)
    if report.battery.present:
        yield Finding(
            "battery",
            Level.FINE,
            tr("The battery reports what the whole computer draws while running on it."),
        )
    for name in report.slow_sensors:
        said = tr(
            "The sensor '{name}' answers slowly or not at all; the others do not wait for it.", name=name
        )
        yield Finding("slow_sensor", Level.PROBLEM, said)
    for said in report.memory.messages:
        yield Finding("memory", Level.NOTE, said)
    if report.memory.total_bytes is None:
        yield Finding("memory", Level.PROBLEM, tr("The size of the memory cannot be read."))
    if report.environment.container:
        said = tr(
            "This runs in a container ({kind}): it sees only what the container sees.",
            kind=report.environment.container,
        )
        yield Finding("container", Level.NOTE, said)


def _accelerator(row: DeviceSample, user: str) -> Iterator[Finding]:
    if row.state == "asleep":
        said = tr("{name} is asleep and left alone; it is measured when something wakes it.", name=row.name)
        yield Finding("gpu_asleep", Level.FINE, said)
        return
    for message in row.messages:
        if message.startswith("ROCm is not usable"):
            yield _render_group(tr("{name}: {message}", name=row.name, message=message), user)
        else:
            level = Level.NOTE if row.usable else Level.PROBLEM
            yield Finding("gpu", level, tr("{name}: {message}", name=row.name, message=message))
    if row.usable and row.processes_reason:
        said = tr(
            "{name}: {reason}; the energy of other programs can be booked to a loaded model.",
            name=row.name,
            reason=row.processes_reason,
        )
        yield Finding("gpu_use", Level.NOTE, said)
    if row.memory.llm_total_bytes is None and "/dev/dri/" in (row.memory.reason or ""):
        said = tr("{name}: its memory size is not known: {reason}.", name=row.name, reason=row.memory.reason)
        yield _render_group(said, user)
    if row.messages or row.device.sliced:
        return
    if row.power_w is not None:
        yield Finding("gpu_power", Level.FINE, tr("{name}: power is measured.", name=row.name))
    else:
        reason = row.power.reason or tr("not reported")
        yield Finding(
            "gpu_power",
            Level.NOTE,
            tr("{name}: power is not measured ({reason}).", name=row.name, reason=reason),
        )


def _render_group(said: str, user: str) -> Finding:
    return Finding(
        "render_group",
        Level.NOTE,
        said,
        (f"sudo usermod -aG render {user}",),
        (f"sudo gpasswd -d {user} render",),
        tr("lets this user open GPUs directly; log out and back in for it to take effect"),
    )


RULE_FILE = "/etc/tmpfiles.d/wattlight-energy.conf"


def _processor(report: HardwareReport, group: str) -> Finding:
    cpu = report.cpu_power
    if cpu.package.value is not None or cpu.package.reason == "needs a second reading":
        return Finding("cpu_power", Level.FINE, tr("The power of the processor is measured."))
    if report.environment.virtual_machine:
        return Finding("cpu_power", Level.NOTE, tr("Power sensors are not available in a virtual machine."))
    if cpu.package.reason == "permission":
        rule = f"z /sys/class/powercap/intel-rapl:*/energy_uj 0440 root {group} - -"
        return Finding(
            "cpu_power_permission",
            Level.NOTE,
            tr("The power of the processor is hidden: only root may read its energy counter."),
            (f"echo '{rule}' | sudo tee {RULE_FILE}", f"sudo systemd-tmpfiles --create {RULE_FILE}"),
            (f"sudo rm {RULE_FILE}", "sudo chmod 0400 /sys/class/powercap/intel-rapl:*/energy_uj"),
            tr(
                "lets every program of the group {group} read it; access was restricted in 2020, because a "
                "program that watches it closely may infer secrets of others",
                group=group,
            ),
        )
    said = cpu_reason(cpu.package.reason) or tr("The processor's power is not measured.")
    return Finding("cpu_power", Level.NOTE, said)


_TAIL_BYTES = 400_000
_LINE = re.compile(r'msg="inference compute"(.*)')
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_START = 'msg="server config"'


@dataclass(frozen=True, slots=True)
class EngineDevice:
    library: str
    name: str
    pci_id: str
    total: str
    available: str


def devices_in(log: str) -> list[EngineDevice]:
    """The devices of the engine's last start in its log."""
    last_start = log.rfind(_START)
    found = []
    for line in log[max(0, last_start) :].splitlines():
        match = _LINE.search(line)
        if match:
            values = {key: clean_text(value.strip('"'), 80) for key, value in _PAIR.findall(match.group(1))}
            name = values.get("description") or values.get("name", "")
            found.append(
                EngineDevice(
                    values.get("library", ""),
                    name,
                    values.get("pci_id", ""),
                    values.get("total", ""),
                    values.get("available", ""),
                )
            )
    return found


def engine_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """One finding for each device of the engine's last start; nothing when its log cannot be read."""
    text = _tail(server_log(environ))
    for device in devices_in(text):
        said = tr(
            "The engine's own log says: {library}, {name}, {available} of {total} free.",
            library=device.library or "?",
            name=device.name or "?",
            available=device.available or "?",
            total=device.total or "?",
        )
        yield Finding("engine_device", Level.FINE, said)


def _tail(file: str | None) -> str:
    if file is None:
        return ""
    try:
        with open_regular(Path(file)) as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def program_findings(workshop: ServiceFactory) -> Iterator[Finding]:
    """Findings about the parts of the program; nothing is written but what any verb would."""
    yield from _server(workshop)
    yield from engine_findings(workshop.environ)
    yield from _settings(workshop.places)
    yield _ledger(workshop)
    yield from _folders(workshop.places)


def _server(workshop: ServiceFactory) -> Iterator[Finding]:
    try:
        server = workshop.server()
        state: ServerState = server.state(full=False)
    except Problem as problem:
        yield Finding("server", Level.PROBLEM, str(problem))
        return
    if state.status is ServerStatus.READY:
        version = state.version or tr("unknown version")
        said = tr("The model server answers: {url}, {version}.", url=state.url, version=version)
        yield Finding("server", Level.FINE, said)
        if text := conversion(state.version):
            yield Finding("converts", Level.NOTE, text)
        if text := exposure(parse_endpoint(state.url)):
            yield Finding("exposed", Level.PROBLEM, text)
    else:
        said = state.message or tr("No model server answers at {url}.", url=state.url)
        yield Finding("server", Level.NOTE if state.status is ServerStatus.ABSENT else Level.PROBLEM, said)
    if not parse_endpoint(state.url).is_loopback:
        said = tr("The model server runs on another computer; the hardware listed here is this one's.")
        yield Finding("remote_server", Level.NOTE, said)


def _settings(places: Places) -> Iterator[Finding]:
    loaded = load_settings(places.settings_file)
    for notice in loaded.notices:
        yield Finding("settings", Level.PROBLEM, notice)
    if not loaded.notices:
        there = places.settings_file.exists()
        yield Finding(
            "settings",
            Level.FINE,
            tr("The settings are in order.")
            if there
            else tr("No settings saved yet: the defaults are used."),
        )


def _ledger(workshop: ServiceFactory) -> Finding:
    file = workshop.places.ledger_file
    if not file.exists():
        return Finding("ledger", Level.NOTE, tr("No energy has been recorded yet."))
    try:
        reader = open_reader(file)
        try:
            reader.observed_ms(0, 1 << 62)
        finally:
            reader.close()
    except LedgerProblem as problem:
        return Finding("ledger", Level.PROBLEM, str(problem))
    holder = MeterLock(workshop.places.meter_lock).holder()
    said = tr("The energy ledger is in order.")
    if holder is not None and _runs(holder):
        said += " " + tr("Process {pid} is recording.", pid=holder)
    return Finding("ledger", Level.FINE, said)


def _runs(pid: int) -> bool:
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _folders(places: Places) -> Iterator[Finding]:
    for folder in (places.config, places.data, places.state, places.cache):
        at = folder
        while not at.exists() and at != at.parent:
            at = at.parent
        if not os.access(at, os.W_OK):
            yield Finding(
                "folder", Level.PROBLEM, tr("The folder {folder} cannot be written.", folder=folder)
            )


def arguments(parser: ArgumentParser) -> None:
    """The verb has no options of its own."""


def run(args: Namespace, call: Call) -> None:
    """Look at everything and print what was found; 0 also when something is wrong."""
    prober = call.workshop.prober()
    try:
        report = prober.report()
        if prober.has_counters():
            time.sleep(SECOND_LOOK_S)
            report = prober.report()
    finally:
        prober.close()
    user, group = _names()
    findings = [*hardware_findings(report, user, group), *program_findings(call.workshop)]
    call.answer({"findings": [_document(f) for f in findings], "ok": _ok(findings)}, *_lines(findings))


def _ok(findings: list[Finding]) -> bool:
    return not any(finding.level is Level.PROBLEM for finding in findings)


def _document(finding: Finding) -> Document:
    return {**plain(finding), "effect": finding.effect or None}


def _lines(findings: list[Finding]) -> list[str]:
    words = {Level.FINE: tr("fine"), Level.NOTE: tr("note"), Level.PROBLEM: tr("PROBLEM")}
    wide = max(len(word) for word in words.values())
    lines = []
    for finding in findings:
        lines.append(f"{words[finding.level]:<{wide}}  {finding.text}")
        pad = " " * (wide + 2)
        if finding.command:
            lines.append(pad + tr("To change that, run:"))
            lines += [f"{pad}    {command}" for command in finding.command]
            lines.append(pad + tr("It {effect}.", effect=finding.effect))
            lines.append(pad + tr("To take it back:"))
            lines += [f"{pad}    {command}" for command in finding.undo]
    lines.append("")
    if not _ok(findings):
        lines.append(tr("Something needs attention: see PROBLEM above."))
    elif any(finding.code == "server" and finding.level is not Level.FINE for finding in findings):
        lines.append(
            tr("Nothing is wrong but that no model server runs: no model can be loaded until one does.")
        )
    else:
        lines.append(tr("All is well."))
    return lines


def _names() -> tuple[str, str]:
    """The user's name and first group, for the commands that are shown."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "$USER"
    try:
        import grp

        group = grp.getgrgid(os.getgid()).gr_name
    except (ImportError, KeyError, AttributeError):
        group = user
    return user, group
