"""What ``doctor`` looks at beside the hardware: the server, the settings, the ledger, the folders."""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.paths import Places
from wattlight.services import ServiceFactory
from wattlight.settings import load_settings

from .doctor_findings import Finding, Level
from .engine_log import engine_findings


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
    else:
        said = state.message or tr("No model server answers at {url}.", url=state.url)
        yield Finding("server", Level.NOTE if state.status is ServerStatus.ABSENT else Level.PROBLEM, said)
    if not _is_here(state.url):
        said = tr("The model server is another computer; what is said here of the hardware is of this one.")
        yield Finding("remote_server", Level.NOTE, said)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host in {"localhost", ""}:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
    from wattlight.store import LedgerProblem, MeterLock, open_reader

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
        said += " " + tr("Process {pid} records.", pid=holder)
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
