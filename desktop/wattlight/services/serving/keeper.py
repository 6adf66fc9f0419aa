"""The server that is ours to start: one that is installed, or a managed copy. Ended when we end."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wattlight import StartThread, start_thread
from wattlight.domain.state import InstallState, RunningModel, ServerWays
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime import DEFAULT_PORT, Endpoint, RuntimeProblem
from wattlight.runtime.managed import (
    Fetcher,
    Installer,
    InstallerTools,
    InUse,
    ManagedProcess,
    ServerLog,
    Supervisor,
    Versions,
    choose_installer,
    choose_release,
    find_installed,
    is_newer,
    proxy_environment,
    this_system,
)
from wattlight.services.models import SerialExecutor

from .setup import InstallerHandover, ServerSetup


@dataclass(frozen=True, slots=True)
class KeeperNews:
    """Where news go; each is called on a worker thread and must return soon.

    ``up`` gets the address of a server that is up, None when it is down again because it was stopped;
    ``down`` the reason why it stays down; ``contacted`` each host that is asked for an installation.
    """

    up: Callable[[Endpoint | None], None]
    down: Callable[[Problem], None]
    setup: Callable[[InstallState], None]
    setup_ended: Callable[[Problem | None], None]
    contacted: Callable[[str], None] = lambda _: None


class ManagedServer:
    """Starts, installs, updates and ends the server of this computer. Methods return at once.

    ``data`` and ``state`` are folders of Wattlight; ``environ`` is the cleaned environment of children. A
    managed copy listens on a free port, an installed program on the port its other clients expect.
    ``values`` gives the variables it is started with. ``system`` and ``tools`` are those of this computer,
    except in tests.
    """

    def __init__(
        self,
        data: Path,
        state: Path,
        environ: Mapping[str, str],
        releases: str,
        news: KeeperNews,
        *,
        variants: frozenset[str] = frozenset(),
        values: Callable[[], Mapping[str, str]] = dict,
        look_below: Path = Path("/"),
        installed_port: int = DEFAULT_PORT,
        system: tuple[str, str] | None = None,
        tools: InstallerTools | None = None,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._versions = Versions(data / "servers" / "ollama")
        self._log = ServerLog(state / "ollama.log")
        self._record = state / "managed-server.json"
        self._environ, self._values = environ, values
        self._releases = releases
        self._news = news
        self._variants = variants
        self._look_below = look_below
        self._installed_port = installed_port
        self._system = this_system() if system is None else system
        self._tools = InstallerTools() if tools is None else tools
        self._opened: Path | None = None
        self._setups = SerialExecutor("wattlight-setup", start)
        self._cancel = threading.Event()
        self._supervisor: Supervisor | None = None
        self._lock = threading.Lock()
        self._restart_due = self._closed = False

    def ways(self) -> ServerWays:
        """What can be done where no server runs: a program or copy to start, a release to install."""
        installed, used = find_installed(self._environ, self._look_below), self._versions.in_use()
        known = ServerWays(
            program=None if installed is None else str(installed.binary),
            commands=() if installed is None else installed.service_commands,
            managed=used.current,
            previous=used.previous,
            restart_due=self._restart_due,
        )
        try:
            installer = choose_installer(self._releases, self._system[0])
            if installer is not None:
                return replace(
                    known,
                    version=installer.version,
                    download_bytes=installer.expected_bytes,
                    disk_bytes=installer.expected_bytes,
                    download_is_exact=installer.size_bytes is not None,
                    disk_is_exact=False,
                    by_installer=True,
                )
            release = choose_release(self._releases, *self._system, self._variants)
        except RuntimeProblem as problem:
            return replace(known, why_not=str(problem))
        return replace(
            known,
            version=release.version,
            download_bytes=release.download_bytes,
            disk_bytes=release.disk_bytes,
            kept_bytes=release.unpacked_bytes,
            download_is_exact=release.download_is_exact,
            disk_is_exact=release.disk_is_exact,
            with_amd=any(a.variant == "rocm" for a in release.artefacts),
            without_amd="rocm" in release.lacking,
            newer=used.current is not None and is_newer(release.version, used.current),
        )

    def start(self) -> None:
        """Start the managed copy, else the installed program. Nothing happens while one of ours runs, nor
        after :meth:`close`; one that an earlier run left behind is adopted."""
        with self._lock:
            if self._supervisor is not None or self._closed:
                return
            self._restart_due = False  # what is in use now is what is started
            found = self._program()
            if found is not None:
                binary, port = found
                process = ManagedProcess(self._record, self._log, self._environ)
                self._supervisor = Supervisor(
                    process, self._log, self._news.up, self._gave_up, start=self._start
                )
                more = {**proxy_environment(self._environ), **self._values()}
                self._supervisor.start(binary, more, port)
        if found is None:
            self._news.down(_nothing_to_start(self.ways()))

    def stop(self) -> bool:
        """End the server that is ours; True when it has ended. Waits for it."""
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return True
        ended = supervisor.stop()
        self._news.up(None)
        return ended

    def install(self) -> None:
        """Install the newest listed release, or update to it; then start it.

        On macOS and Windows the vendor's installer is opened instead; what it installs starts by itself.
        """
        self._cancel = threading.Event()
        cancel = self._cancel
        self._setups.submit(lambda: self._install(cancel))

    def cancel_install(self) -> None:
        self._cancel.set()

    def go_back(self) -> None:
        self._setups.submit(lambda: self._change(lambda: self._versions.go_back(self._environ)))

    def tend(self, running: tuple[RunningModel, ...]) -> None:
        """To be called with each state of the server: keeps its log small, and restarts it after an update
        as soon as no model is loaded. An installer that was opened has done its work and is removed."""
        self._drop_installer()
        if self._supervisor is None:
            return
        self._log.keep_small()
        if self._restart_due and not running:
            self._restart_due = False
            self._setups.submit(self._restart)

    def close(self) -> bool:
        """End everything that is ours; True when all has ended. An installation that comes through later
        starts nothing."""
        with self._lock:
            self._closed = True
        self._cancel.set()
        ended = self._setups.close(5.0)
        return self.stop() and ended

    def _program(self) -> tuple[Path, int | None] | None:
        current = self._versions.in_use().current
        if current is not None:
            return self._versions.binary(current), None
        installed = find_installed(self._environ, self._look_below)
        if installed is None or installed.service_commands:
            return None
        return installed.binary, self._installed_port

    def _install(self, cancel: threading.Event) -> None:
        try:
            installer = choose_installer(self._releases, self._system[0])
        except Problem as problem:
            self._news.setup_ended(problem)
            return
        if installer is not None:
            self._hand_over(installer, cancel)
            return

        def work() -> InUse:
            release = choose_release(self._releases, *self._system, self._variants)
            fetcher = Fetcher(self._versions.downloads, self._environ, on_host=self._news.contacted)
            return ServerSetup(self._versions, fetcher, self._environ, self._news.setup).run(release, cancel)

        self._change(work)

    def _hand_over(self, installer: Installer, cancel: threading.Event) -> None:
        folder = self._versions.root / "installer"
        fetcher = Fetcher(folder, self._environ, on_host=self._news.contacted)
        handover = InstallerHandover(folder, fetcher, self._tools, self._environ, self._news.setup)
        try:
            self._opened = handover.run(installer, cancel)
        except Problem as problem:
            self._news.setup_ended(problem)
            return
        self._news.setup_ended(None)

    def _drop_installer(self) -> None:
        opened = self._opened
        if opened is not None:
            with contextlib.suppress(OSError):  # Windows keeps it as long as its window is open
                opened.unlink(missing_ok=True)
                self._opened = None

    def _change(self, work: Callable[[], InUse]) -> None:
        try:
            work()
        except Problem as problem:
            self._news.setup_ended(problem)
            return
        if self._supervisor is None:
            self.start()
        else:
            self._restart_due = True
        self._news.setup_ended(None)

    def _restart(self) -> None:
        self.stop()
        self.start()

    def _gave_up(self, problem: RuntimeProblem) -> None:
        with self._lock:
            self._supervisor = None
        self._news.down(problem)


def _nothing_to_start(ways: ServerWays) -> RuntimeProblem:
    if ways.program is not None:
        return RuntimeProblem(
            tr("Ollama is installed as a service of the system, which Wattlight does not touch."),
            tr("Start it with: {commands}", commands="".join(ways.commands[:1])),
            "system_service",
        )
    if ways.by_installer:
        next_step = tr("Let Wattlight open Ollama's installer.")
    elif ways.version is not None:
        next_step = tr("Let Wattlight install it.")
    else:
        next_step = tr("Install it; Wattlight finds it by itself.")
    return RuntimeProblem(tr("No Ollama is installed on this computer."), next_step, "nothing_installed")
