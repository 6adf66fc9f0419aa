"""Installs a managed server: look for room, fetch, unpack, try, put to use. Only the last step changes it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Event

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import tr
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
    floor_version,
    make_room,
    open_installer,
)
from wattlight.services.hub import StateHub
from wattlight.services.models import Throttle


class SetupStage(StrEnum):
    """Where an installation is."""

    CHECKING = "checking"
    FETCHING = "fetching"
    UNPACKING = "unpacking"
    TRYING = "trying"
    VERIFYING = "verifying"
    OPENED = "opened"
    """The vendor's installer was checked and is open."""
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SetupState:
    """One installation as a person sees it; bytes are those of the stage."""

    version: str
    stage: SetupStage = SetupStage.CHECKING
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    error: str | None = None


class ServerSetup:
    """Runs installations, one at a time, on the thread that calls."""

    def __init__(
        self,
        versions: Versions,
        fetcher: Fetcher,
        environ: Mapping[str, str],
        publish: Callable[[SetupState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._versions = versions
        self._fetcher = fetcher
        self._environ = environ
        self._merged: Throttle[SetupState] = Throttle(publish, clock)
        self._state = SetupState("")

    def run(self, release: Release, cancel: Event) -> InUse:
        """Install ``release`` and put it to use. Every step is published, at most ten times a second.

        Raises:
            Problem: it failed or was cancelled; what was in use before still is.
        """
        self._state = SetupState(release.version)
        try:
            in_use = self._install(release, cancel)
        except Problem as problem:
            if problem.code == "cancelled":
                self._enter(SetupStage.CANCELLED, None)
            else:
                self._enter(SetupStage.FAILED, None, str(problem))
            raise
        self._enter(SetupStage.DONE, None)
        return in_use

    def _install(self, release: Release, cancel: Event) -> InUse:
        self._enter(SetupStage.CHECKING, None)
        if not self._versions.has(release.version):
            self._versions.check_room(release)
            self._enter(SetupStage.FETCHING, release.download_bytes)
            archives: list[Path] = []
            before, after = 0, release.download_bytes
            for artefact in release.artefacts:
                after -= artefact.expected_bytes
                archives.append(self._fetcher.fetch(artefact, cancel, self._fetched(before, after)))
                before += archives[-1].stat().st_size
            self._enter(SetupStage.UNPACKING, release.unpacked_bytes if release.disk_is_exact else None)
            self._versions.add(release, tuple(archives), cancel, self._unpacked)
        self._enter(SetupStage.TRYING, None)
        return self._versions.activate(release.version, self._environ)

    def _fetched(self, before: int, after: int) -> Callable[[FetchProgress], None]:
        def hear(progress: FetchProgress) -> None:
            self._state = replace(
                self._state,
                done_bytes=before + progress.done_bytes,
                total_bytes=before + progress.total_bytes + after,
                bytes_per_s=progress.bytes_per_s,
            )
            self._merged.offer(self._state)

        return hear

    def _unpacked(self, done: int) -> None:
        self._state = replace(self._state, done_bytes=done)
        self._merged.offer(self._state)

    def _enter(self, stage: SetupStage, total: int | None, error: str | None = None) -> None:
        self._state = SetupState(self._state.version, stage, 0, total, None, error)
        self._merged.offer(self._state, now=True)


class InstallerHandover:
    """Runs on the thread that calls. ``folder`` holds nothing but the fetched installer."""

    def __init__(
        self,
        folder: Path,
        fetcher: Fetcher,
        tools: InstallerTools,
        environ: Mapping[str, str],
        publish: Callable[[SetupState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._tools = tools
        self._environ = environ
        self._merged: Throttle[SetupState] = Throttle(publish, clock)
        self._state = SetupState("")

    def run(self, installer: Installer, cancel: Event) -> Path:
        """Fetch, check and open ``installer``; the file it is. Every step is published.

        Raises:
            Problem: it failed or was cancelled; nothing was opened then. What is not signed by Ollama's
                maker is gone.
        """
        self._state = SetupState(installer.version)
        try:
            path = self._open(installer, cancel)
        except Problem as problem:
            ended = problem.code == "cancelled"
            stage = SetupStage.CANCELLED if ended else SetupStage.FAILED
            self._enter(stage, error=None if ended else str(problem))
            raise
        self._enter(SetupStage.OPENED)
        return path

    def _open(self, installer: Installer, cancel: Event) -> Path:
        self._enter(SetupStage.CHECKING)
        make_room(self._folder, installer)
        self._enter(SetupStage.FETCHING, installer.expected_bytes)
        path = self._fetcher.fetch(installer, cancel, self._fetched)
        self._enter(SetupStage.VERIFYING)
        check_installer(path, installer.system, self._tools, self._environ, cancel)
        open_installer(path, installer.system, self._tools, self._environ, cancel)
        return path

    def _fetched(self, progress: FetchProgress) -> None:
        self._state = replace(
            self._state,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
            bytes_per_s=progress.bytes_per_s,
        )
        self._merged.offer(self._state)

    def _enter(self, stage: SetupStage, total: int | None = None, error: str | None = None) -> None:
        self._state = SetupState(self._state.version, stage, 0, total, None, error)
        self._merged.offer(self._state, now=True)


class SecurityAdvisories:
    """Looks at the version of each server that was seen; any thread."""

    def __init__(self, advisories: tuple[Advisory, ...], hub: StateHub, now: Callable[[], datetime]) -> None:
        self._advisories = advisories
        self._hub = hub
        self._now = now
        self._told: dict[HostId, str | None] = {}

    def look(self, host: HostId, server: ServerState) -> None:
        """Show or take back the notice about ``host``, once for each version it has."""
        if server.status is not ServerStatus.READY or self._told.get(host, "") == server.version:
            return
        self._told[host] = server.version
        kind = f"holes {host}"
        found = advisories_for(server.version, self._advisories)
        if not found:
            self._hub.withdraw(kind)
            return
        texts = {
            "version": clean_text(server.version or "", 30),
            "hole": found[0].text,
            "source": found[0].source,
            "fixed": floor_version(self._advisories) or found[0].fixed_in,
        }
        if host == LOCAL_HOST:
            text = tr(
                "Ollama {version} has a known vulnerability: {hole} ({source}) Version {fixed} fixes all "
                "that are known; update it.",
                **texts,
            )
        else:
            text = tr(
                "Ollama {version} at {url} has a known vulnerability: {hole} ({source}) Version {fixed} "
                "fixes all that are known; update it.",
                url=clean_text(server.url, 80),
                **texts,
            )
        self._hub.notify(kind, text, self._now())
