"""The first run and the server that is ours, built around the running program."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from wattlight.assets import asset_text
from wattlight.domain.state import (
    AppState,
    HostContact,
    InstallState,
    PullState,
    ServerState,
    ServerStatus,
    ServerWays,
    SetupFacts,
)
from wattlight.domain.tokens import TokenUse
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.i18n import guess_country, local_zone
from wattlight.runtime import DEFAULT_PORT, Endpoint, MovableServer, find_server
from wattlight.services.benchmark import Answers, EnergyTap
from wattlight.services.first_run import GuideParts, SetupGuide
from wattlight.services.models import TaskEnd
from wattlight.services.serving import KeeperNews, ServerKeeper, SetupState, Ways
from wattlight.settings import ServerAddress, Settings
from wattlight.system import clean_environment

from .workshop import LocalWorkshop

RELEASES = "servers/ollama.json"
PROXY = "HTTPS_PROXY"


@dataclass(frozen=True, slots=True)
class SettingUpParts:
    """What it needs of the rest of the program; every callable may be called from any thread."""

    workshop: LocalWorkshop
    server: MovableServer
    state: Callable[[], AppState]
    settings: Callable[[], Settings]
    change_settings: Callable[[Callable[[Settings], Settings]], None]
    publish: Callable[[SetupFacts], None]
    answers: Callable[[], Answers]
    tap: EnergyTap
    count: Callable[[TokenUse], None]
    delete_records: Callable[[], None]
    refresh: Callable[[], None]
    notify: Callable[[str, str], None]


class SettingUp:
    """Owns the guide of the first run and, from its first use on, the keeper of our server."""

    def __init__(self, parts: SettingUpParts) -> None:
        self._parts = parts
        environ = parts.workshop.environ
        self._child_environ = clean_environment(environ)
        self._own_proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or ""
        chosen = parts.settings().server_proxy
        if chosen is not None:
            self._set_proxy(chosen)
        self._keeper: ServerKeeper | None = None
        self._variants: frozenset[str] = frozenset()
        self._used = False
        self._absence_seen = False
        self._pulling: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self.guide = SetupGuide(
            GuideParts(
                server=self,
                answers=parts.answers,
                tap=parts.tap,
                now=parts.workshop.now,
                publish=parts.publish,
                on_use=parts.count,
                context=lambda: parts.settings().context_length,
                remember=self._remember,
                contacts=self._contacts,
                delete_ledger=parts.delete_records,
                notify=parts.notify,
            ),
            guess_country(local_zone(environ).key, environ),
            self._own_proxy,
        )

    def begin(self) -> None:
        """At the start of the program: find again the server that a crash left behind."""
        if (self._parts.workshop.places.state / "managed-server.json").exists():
            self._use().take_over()

    def close(self) -> bool:
        """End the guide, and the server if it is ours."""
        ended = self.guide.close()
        with self._lock:
            keeper = self._keeper
        return (keeper is None or keeper.close()) and ended

    def server_seen(self, state: ServerState) -> None:
        """A look at the server: start ours where none runs and the person wants that; keep its log small."""
        if state.status is ServerStatus.ABSENT and not self._absence_seen:
            self._absence_seen = True
            if self._parts.settings().start_server:
                self._use().start()
        keeper = self._keeper
        if keeper is not None and state.status is ServerStatus.READY:
            keeper.tend(state.running)

    def pulls_changed(self, pulls: tuple[PullState, ...]) -> None:
        """Downloads went on."""
        now = frozenset(p.model for p in pulls if not (p.error or p.cancelled))
        for model in now - self._pulling:
            self._note_model(model)
        self._pulling = now
        self.guide.pulls_changed(pulls)

    def task_ended(self, end: TaskEnd) -> None:
        """A task ended."""
        self.guide.task_ended(end)

    def startable(self) -> bool:
        """Whether a click could start a server."""
        return self.ways().startable

    # What the guide asks of the server that is ours.

    def ways(self) -> ServerWays:
        """How to come by a server."""
        return ways_of(self._peek().ways())

    def start(self) -> None:
        """Start what is there."""
        self._use().start()

    def install(self) -> None:
        """Install a managed copy."""
        self._use().install()

    def cancel_install(self) -> None:
        """Stop that."""
        keeper = self._keeper
        if keeper is not None:
            keeper.cancel_install()

    def go_back(self) -> None:
        """Use the version before again."""
        self._use().go_back()

    def restart_with(self, proxy: str) -> None:
        """End and start it anew."""
        self._set_proxy(proxy)
        keeper = self._use()
        keeper.stop()
        keeper.start()

    def _set_proxy(self, proxy: str) -> None:
        for name in (PROXY, PROXY.lower()):
            self._child_environ.pop(name, None)
        if proxy:
            self._child_environ[PROXY] = proxy

    def _peek(self) -> ServerKeeper:
        """The keeper; as long as it did nothing it follows what is known of the cards."""
        variants = self._wanted_variants()
        with self._lock:
            if self._keeper is None or (not self._used and variants != self._variants):
                self._variants = variants
                self._keeper = self._make(variants)
            return self._keeper

    def _use(self) -> ServerKeeper:
        keeper = self._peek()
        self._used = True
        return keeper

    def _make(self, variants: frozenset[str]) -> ServerKeeper:
        places = self._parts.workshop.places
        news = KeeperNews(self._up, self._down, self._installing, self.guide.setup_ended, self._release_asked)
        return ServerKeeper(
            places.data,
            places.state,
            self._child_environ,
            asset_text(RELEASES),
            news,
            variants=variants,
            installed_port=self._expected_port(),
        )

    def _expected_port(self) -> int:
        """The port at which the settings or OLLAMA_HOST, and so other programs, expect the server."""
        servers = self._parts.settings().servers
        address = next((s for s in servers if s.host == LOCAL_HOST), ServerAddress())
        try:
            endpoint = find_server(address, self._parts.workshop.environ)
        except Problem:
            return DEFAULT_PORT
        return endpoint.port if endpoint.is_loopback else DEFAULT_PORT

    def _wanted_variants(self) -> frozenset[str]:
        host = next((h for h in self._parts.state().hosts if h.id == LOCAL_HOST), None)
        devices = host.profile.devices if host is not None and host.profile is not None else ()
        return frozenset({"rocm"}) if any(d.backend == "rocm" for d in devices) else frozenset()

    def _up(self, endpoint: Endpoint | None) -> None:
        self._parts.server.move(endpoint)
        self.guide.server_up(endpoint is not None)
        self._parts.refresh()

    def _down(self, problem: Problem) -> None:
        self.guide.server_down(problem)
        self.guide.look()

    def _installing(self, state: SetupState) -> None:
        if state.stage.value not in {"done", "cancelled", "failed"}:
            self.guide.setup_changed(
                InstallState(
                    state.version,
                    state.stage.value,
                    state.done_bytes,
                    state.total_bytes,
                    state.bytes_per_s,
                    state.error,
                )
            )

    def _remember(self, start: bool | None, proxy: str | None) -> None:
        def change(settings: Settings) -> Settings:
            if start is not None:
                settings = replace(settings, start_server=start)
            return settings if proxy is None else replace(settings, server_proxy=proxy)

        self._parts.change_settings(change)

    def _contacts(self) -> tuple[HostContact, ...]:
        rows = self._parts.workshop.jobs().contacts()
        return tuple(HostContact(c.host, c.reason, c.last_at, c.times) for c in rows)

    def _note_model(self, model: str) -> None:
        from wattlight.catalog.registry import read_address

        try:
            host = read_address(model).host
        except Problem:
            return
        self._note_host(host, "model")

    def _release_asked(self, host: str) -> None:
        self._note_host(host, "server")

    def _note_host(self, host: str, reason: str) -> None:
        try:
            self._parts.workshop.jobs().note_contact(host, reason, self._parts.workshop.now())
        except Problem as problem:
            logging.getLogger("wattlight").warning("a contact is not noted: %s", problem)


def ways_of(ways: Ways) -> ServerWays:
    """The keeper's answer as the pages take it."""
    installed, release = ways.installed, ways.release
    if ways.installer is not None:
        return ServerWays(
            program=None if installed is None else str(installed.binary),
            commands=() if installed is None else installed.service_commands,
            managed=ways.managed,
            version=ways.installer.version,
            download_bytes=ways.installer.expected_bytes,
            disk_bytes=ways.installer.expected_bytes,
            download_is_exact=ways.installer.size_bytes is not None,
            disk_is_exact=False,
            by_installer=True,
        )
    return ServerWays(
        program=None if installed is None else str(installed.binary),
        commands=() if installed is None else installed.service_commands,
        managed=ways.managed,
        version=None if release is None else release.version,
        download_bytes=0 if release is None else release.download_bytes,
        disk_bytes=0 if release is None else release.disk_bytes,
        kept_bytes=0 if release is None else release.unpacked_bytes,
        download_is_exact=release is None or release.download_is_exact,
        disk_is_exact=release is None or release.disk_is_exact,
        with_amd=release is not None and any(a.variant == "rocm" for a in release.artefacts),
        without_amd=release is not None and "rocm" in release.lacking,
        why_not=ways.why_not or "",
        newer=ways.update is not None,
        previous=ways.previous,
        restart_due=ways.restart_due,
    )
