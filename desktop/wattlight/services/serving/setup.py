"""Installs a managed server: look for room, fetch, unpack, try, put to use. Only the last step changes it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Event
from typing import TypeVar

from wattlight.domain.servers import ServerKind, kind_name
from wattlight.domain.state import InstallStage, InstallState, ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import asset_text
from wattlight.runtime import Endpoint, ModelServer, answers_web_pages, heard_outside, parse_endpoint
from wattlight.runtime.managed import (
    Advisory,
    Fetcher,
    FetchProgress,
    Installer,
    InstallerTools,
    InUse,
    Release,
    Versions,
    advisories_for,
    check_installer,
    converts_models,
    floor_version,
    make_room,
    open_installer,
    read_advisories,
)
from wattlight.services.hub import StateHub
from wattlight.services.models import Throttle
from wattlight.web import WireFault

T = TypeVar("T")


class _Installation:
    """Publishes the steps of one installation at a time, at most ten a second."""

    def __init__(self, publish: Callable[[InstallState], None], clock: Callable[[], float]) -> None:
        self._merged: Throttle[InstallState] = Throttle(publish, clock)
        self._state = InstallState("")

    def _carry_out(self, version: str, work: Callable[[], T], end: InstallStage) -> T:
        self._state = InstallState(version)
        try:
            result = work()
        except Problem as problem:
            if problem.code == "cancelled":
                self._enter(InstallStage.CANCELLED)
            else:
                self._enter(InstallStage.FAILED, error=str(problem))
            raise
        self._enter(end)
        return result

    def _enter(self, stage: InstallStage, total: int | None = None, error: str | None = None) -> None:
        self._state = InstallState(self._state.version, stage, 0, total, None, error)
        self._merged.offer(self._state, now=True)

    def _go_on(self, done: int, total: int | None, bytes_per_s: float | None = None) -> None:
        self._state = replace(self._state, done_bytes=done, total_bytes=total, bytes_per_s=bytes_per_s)
        self._merged.offer(self._state)


class ServerSetup(_Installation):
    """Runs installations, one at a time, on the thread that calls."""

    def __init__(
        self,
        versions: Versions,
        fetcher: Fetcher,
        environ: Mapping[str, str],
        publish: Callable[[InstallState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(publish, clock)
        self._versions = versions
        self._fetcher = fetcher
        self._environ = environ

    def run(self, release: Release, cancel: Event) -> InUse:
        """Install ``release`` and put it to use.

        Raises:
            Problem: it failed or was cancelled; what was in use before still is.
        """
        return self._carry_out(release.version, lambda: self._install(release, cancel), InstallStage.DONE)

    def _install(self, release: Release, cancel: Event) -> InUse:
        self._enter(InstallStage.CHECKING)
        if not self._versions.has(release.version):
            self._versions.check_room(release)
            self._enter(InstallStage.FETCHING, release.download_bytes)
            archives: list[Path] = []
            before, after = 0, release.download_bytes
            for artefact in release.artefacts:
                after -= artefact.expected_bytes
                archives.append(self._fetcher.fetch(artefact, cancel, self._fetched(before, after)))
                before += archives[-1].stat().st_size
            unpacked = release.unpacked_bytes if release.disk_is_exact else None
            self._enter(InstallStage.UNPACKING, unpacked)
            self._versions.add(release, tuple(archives), cancel, lambda done: self._go_on(done, unpacked))
        self._enter(InstallStage.TRYING)
        return self._versions.activate(release.version, self._environ)

    def _fetched(self, before: int, after: int) -> Callable[[FetchProgress], None]:
        return lambda progress: self._go_on(
            before + progress.done_bytes, before + progress.total_bytes + after, progress.bytes_per_s
        )


class InstallerHandover(_Installation):
    """Runs on the thread that calls. ``folder`` holds nothing but the fetched installer."""

    def __init__(
        self,
        folder: Path,
        fetcher: Fetcher,
        tools: InstallerTools,
        environ: Mapping[str, str],
        publish: Callable[[InstallState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(publish, clock)
        self._folder = folder
        self._fetcher = fetcher
        self._tools = tools
        self._environ = environ

    def run(self, installer: Installer, cancel: Event) -> Path:
        """Fetch, check and open ``installer``; the file it is.

        Raises:
            Problem: it failed or was cancelled; nothing was opened then. What is not signed by Ollama's
                maker is gone.
        """
        return self._carry_out(installer.version, lambda: self._open(installer, cancel), InstallStage.OPENED)

    def _open(self, installer: Installer, cancel: Event) -> Path:
        self._enter(InstallStage.CHECKING)
        make_room(self._folder, installer)
        self._enter(InstallStage.FETCHING, installer.expected_bytes)
        path = self._fetcher.fetch(
            installer, cancel, lambda p: self._go_on(p.done_bytes, p.total_bytes, p.bytes_per_s)
        )
        self._enter(InstallStage.VERIFYING)
        check_installer(path, installer.system, self._tools, self._environ, cancel)
        open_installer(path, installer.system, self._tools, self._environ, cancel)
        return path


REACH_EVERY = timedelta(minutes=30)


def exposure(endpoint: Endpoint, kind: ServerKind = ServerKind.OLLAMA) -> str | None:
    """What is said of a server here that more than this computer's own programs can use; None: nothing."""
    address = heard_outside(endpoint)
    if kind is not ServerKind.OLLAMA:
        return address and tr(
            "Other computers can use {server} at {address}. If you do not want that, let it listen on "
            "127.0.0.1 only, or give it a key.",
            server=kind_name(kind),
            address=f"{address}:{endpoint.port}",
        )
    if address:
        return tr(
            "Other computers can use Ollama at {address}, without a password. If you do not want that, start "
            "it with OLLAMA_HOST=127.0.0.1.",
            address=f"{address}:{endpoint.port}",
        )
    try:
        open_to_pages = endpoint.is_loopback and answers_web_pages(endpoint)
    except WireFault:
        return None
    if open_to_pages:
        return tr(
            "Any web page open in a browser here can use Ollama. If you do not want that, start it without "
            "OLLAMA_ORIGINS=*."
        )
    return None


def conversion(version: str | None) -> str | None:
    """What an Ollama of ``version`` does to the models that are there; None for one that does nothing."""
    if not converts_models(version):
        return None
    return tr(
        "Ollama {version} converts models in the background as they are used: their digests and sizes "
        "change, and they take about twice the disk until a later version drops the copies.",
        version=version,
    )


@cache
def shipped_advisories() -> tuple[Advisory, ...]:
    """The holes that were known when this Wattlight was made."""
    return read_advisories(asset_text("servers/advisories.json"))


def hole_text(version: str | None, advisories: tuple[Advisory, ...], url: str = "") -> str:
    """What is said of an Ollama of ``version``, at ``url`` on another computer; "" where no hole is known."""
    found = advisories_for(version, advisories)
    if not found:
        return ""
    texts = {
        "version": clean_text(version or "", 30),
        "hole": found[0].text,
        "source": found[0].source,
        "fixed": floor_version(advisories) or found[0].fixed_in,
    }
    if not url:
        return tr(
            "Ollama {version} has a known vulnerability: {hole} ({source}) Version {fixed} fixes all "
            "that are known; update it.",
            **texts,
        )
    return tr(
        "Ollama {version} at {url} has a known vulnerability: {hole} ({source}) Version {fixed} "
        "fixes all that are known; update it.",
        url=clean_text(url, 80),
        **texts,
    )


def host_warnings(state: ServerState, server: ModelServer) -> tuple[str, ...]:
    """What a person should know of the server of another computer: its version, and who can use it."""
    if state.status is not ServerStatus.READY:
        return ()
    said = []
    if state.kind is ServerKind.OLLAMA and (hole := hole_text(state.version, shipped_advisories())):
        said.append(hole)
    if not server.endpoint.is_loopback and server.wire.authorization is None:
        said.append(
            tr(
                "{server} answers without a key: whoever reaches it in its network can use it.",
                server=kind_name(state.kind),
            )
        )
    if not server.endpoint.is_private:
        said.append(tr("What is asked and answered goes over the network without encryption."))
    return tuple(said)


class SecurityAdvisories:
    """Looks at the version of each server that was seen, and at who can reach the one here; any thread."""

    def __init__(
        self,
        advisories: tuple[Advisory, ...],
        hub: StateHub,
        now: Callable[[], datetime],
        exposure: Callable[[Endpoint, ServerKind], str | None] = exposure,
    ) -> None:
        self._advisories = advisories
        self._hub = hub
        self._now = now
        self._told: dict[HostId, str | None] = {}
        self._exposure = exposure
        self._reached_at: datetime | None = None

    def look(self, host: HostId, server: ServerState) -> None:
        """Show or take back the notices about ``host``: of holes once for each version it has, of who can
        reach it once in :data:`REACH_EVERY`."""
        now = self._now()
        due = self._reached_at is None or not timedelta(0) <= now - self._reached_at < REACH_EVERY
        if host == LOCAL_HOST and server.status is ServerStatus.READY and due:
            self._reached_at = now
            text = self._exposure(parse_endpoint(server.url), server.kind)
            if text:
                self._hub.notify("exposed", text, now, "error")
            else:
                self._hub.withdraw("exposed")
        if server.kind is not ServerKind.OLLAMA:
            return
        if server.status is not ServerStatus.READY or self._told.get(host, "") == server.version:
            return
        self._told[host] = server.version
        kind = f"holes {host}"
        if not hole_text(server.version, self._advisories):
            self._hub.withdraw(kind)
            return
        url = "" if host == LOCAL_HOST else server.url
        self._hub.notify(kind, hole_text(server.version, self._advisories, url), self._now())
