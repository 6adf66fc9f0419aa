"""``doctor``: what is missing, and the one step that would add it. Without an option nothing is changed."""

import os
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wattlight.domain.servers import ServerKind, kind_name
from wattlight.domain.slowness import Cause
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import Places, open_regular
from wattlight.probes import Prober, server_log
from wattlight.runtime import parse_endpoint
from wattlight.services.benchmark import notes, restore
from wattlight.services.factory import ServiceFactory
from wattlight.services.far_meter import try_meter
from wattlight.services.hosts import find_host, look_at_all
from wattlight.services.serving import conversion, exposure
from wattlight.services.slowness import cause_text, fix_text, slow_here
from wattlight.settings import load_settings
from wattlight.store import LedgerProblem, MeterLock, open_reader
from wattlight.system import EnergyPermission, process_runs
from wattlight.viewmodels.words import server_trouble

from .doctor_hardware import Finding, Level, hardware_findings
from .output import Call, Document, plain
from .verb_hardware import SECOND_LOOK_S

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


def program_findings(workshop: ServiceFactory, prober: Prober) -> Iterator[Finding]:
    """Findings about the parts of the program; nothing is written but what any verb would."""
    yield from _left_limits(workshop)
    yield from _server(workshop, prober)
    yield from engine_findings(workshop.environ)
    yield from _settings(workshop.places)
    yield _ledger(workshop)
    yield from _folders(workshop.places)


def host_findings(workshop: ServiceFactory, name: str) -> Iterator[Finding]:
    """What can be seen from here of another computer: its server, its key, its meter."""
    address = find_host(name, workshop.settings())
    (found,) = look_at_all(workshop, (address,))
    state = found.state
    if state.status is ServerStatus.READY:
        yield Finding("server", Level.FINE, _answers(state))
    else:
        said = state.message or server_trouble(state.status, state.kind)
        yield Finding("server", Level.PROBLEM, said)
    for text in found.warnings:
        yield Finding("warning", Level.NOTE, text)
    if not address.meter:
        said = tr("What it draws is not known: no meter is set for it (wattlight hosts meter).")
        yield Finding("meter", Level.NOTE, said)
        return
    try:
        token = workshop.keyring().get(address.meter_secret) if address.meter_key else None
        said = tr("Its meter answers: {what}.", what=try_meter(workshop, address, token))
        yield Finding("meter", Level.FINE, said)
    except Problem as problem:
        yield Finding("meter", Level.PROBLEM, str(problem))


def _answers(state: ServerState) -> str:
    version = state.version or tr("unknown version")
    if state.kind is ServerKind.OLLAMA:
        return tr("The model server answers: {url}, {version}.", url=state.url, version=version)
    name = kind_name(state.kind)
    return tr("{server} answers: {url}, {version}.", server=name, url=state.url, version=version)


def _left_limits(workshop: ServiceFactory) -> Iterator[Finding]:
    """What a killed sweep of power limits has left is put back, or said."""
    files = [file for file in notes(workshop.places) if file.exists()]
    said = restore(workshop.card_limits, files) if files else ""
    if said:
        yield Finding("power_limit", Level.NOTE, said)


def _server(workshop: ServiceFactory, prober: Prober) -> Iterator[Finding]:
    try:
        server = workshop.server()
        state: ServerState = server.state()
    except Problem as problem:
        yield Finding("server", Level.PROBLEM, str(problem))
        return
    if state.status is ServerStatus.READY:
        yield Finding("server", Level.FINE, _answers(state))
        if state.kind is ServerKind.OLLAMA and (text := conversion(state.version)):
            yield Finding("converts", Level.NOTE, text)
        if text := exposure(parse_endpoint(state.url), state.kind):
            yield Finding("exposed", Level.PROBLEM, text)
    else:
        said = state.message or tr("No model server answers at {url}.", url=state.url)
        yield Finding("server", Level.NOTE if state.status is ServerStatus.ABSENT else Level.PROBLEM, said)
    if parse_endpoint(state.url).is_loopback:
        yield from _slow(workshop, prober, state)
    else:
        said = tr("The model server runs on another computer; the hardware listed here is this one's.")
        yield Finding("remote_server", Level.NOTE, said)


def _slow(workshop: ServiceFactory, prober: Prober, state: ServerState) -> Iterator[Finding]:
    """Loaded models that are slower than they could be."""
    with suppress(Problem):
        for item in slow_here(workshop, prober, state):
            level = Level.NOTE if item.cause is Cause.SIZE or not item.sure else Level.PROBLEM
            yield Finding("slow_model", level, f"{cause_text(item)} {fix_text(item)}")


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
    if holder is not None and process_runs(holder):
        said += " " + tr("Process {pid} is recording.", pid=holder)
    return Finding("ledger", Level.FINE, said)


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
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument(
        "--allow-energy",
        action="store_true",
        help="let this account read the processor's energy counter (asks for the administrator's password)",
    )
    wish.add_argument("--forbid-energy", action="store_true", help="close that counter again")
    wish.add_argument("--host", metavar="NAME", help="what can be seen from here of another computer")


def run(args: Namespace, call: Call) -> None:
    """Look at everything and print what was found; 0 also when something is wrong."""
    if args.host:
        _print(call, list(host_findings(call.workshop, args.host)))
        return
    permission = EnergyPermission(call.workshop.environ)
    if args.allow_energy:
        permission.allow()
    if args.forbid_energy:
        permission.forbid()
    prober = call.workshop.prober()
    try:
        report = prober.report()
        if prober.has_counters():
            time.sleep(SECOND_LOOK_S)
            report = prober.report()
        program = list(program_findings(call.workshop, prober))
    finally:
        prober.close()
    access = permission.look(report.cpu_power.package.reason == "permission")
    _print(call, [*hardware_findings(report, access), *program])


def _print(call: Call, findings: list[Finding]) -> None:
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
        if finding.undo:
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
