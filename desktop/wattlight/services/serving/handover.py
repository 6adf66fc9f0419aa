"""Hands over to Ollama's own installer: look for room, fetch, check who signed it, open it. No more."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

from wattlight.domain.values import Problem
from wattlight.runtime.managed import (
    Fetcher,
    FetchProgress,
    Installer,
    InstallerTools,
    check_installer,
    make_room,
    open_installer,
)
from wattlight.services.models import Throttle

from .setup import SetupStage, SetupState


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
