"""Getting a server and a first model: what the pages of the first run and of our own server ask for."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from wattlight.domain.pulls import PullState
from wattlight.domain.state import InstallStage, InstallState, ServerState, ServerStatus, ServerWays
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.i18n import guess_country, local_zone
from wattlight.paths import asset_text
from wattlight.runtime import DEFAULT_PORT, Endpoint, find_server
from wattlight.services.benchmark import PowerHistory
from wattlight.services.counting import Counting
from wattlight.services.current import CurrentSettings, Servers
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.services.models import SerialExecutor, TaskEnd
from wattlight.services.server_settings import values_of
from wattlight.services.serving import KeeperNews, ManagedServer
from wattlight.settings import ServerAddress
from wattlight.system import clean_environment

from .answering import Answering, LineTimer

RELEASES = "servers/ollama.json"
PROXY = "HTTPS_PROXY"


class SetupGuide:
    """Keeps the facts of :class:`SetupFacts` in the state, and the server that is ours from its first use.

    Every method returns at once; what takes a while happens on a thread of its own.
    """

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        servers: Servers,
        history: PowerHistory,
        counting: Counting,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory = factory
        self._settings = settings
        self._hub = hub
        self._servers = servers
        self._monotonic = monotonic
        self._child_environ = clean_environment(settings.environ)
        self._server: ManagedServer | None = None
        self._variants: frozenset[str] = frozenset()
        self._used = False
        self._absence_seen = False
        self._pulling: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._line = LineTimer()
        self._errands = SerialExecutor("wattlight-setup-errands", factory.threads.start)
        self._answering = Answering(
            lambda: servers.local,
            history,
            factory.now,
            lambda answer: self._change(answer=answer),
            counting.count,
            monotonic,
            factory.threads.start,
        )
        own = settings.environ.get("HTTPS_PROXY") or settings.environ.get("https_proxy") or ""
        if settings.value.server_proxy is not None:
            self._set_proxy(settings.value.server_proxy)
        self._change(country=guess_country(local_zone(settings.environ).key, settings.environ), proxy=own)

    def begin(self) -> None:
        """At the start of the program: find again the server that a crash left behind."""
        if (self._factory.places.state / "managed-server.json").exists():
            self._errand("server", lambda: self._use().start())

    def close(self, timeout_s: float = 1.0) -> bool:
        """End what runs, and the server if it is ours; False if it took longer."""
        ended = self._answering.close(timeout_s)
        ended = self._errands.close(timeout_s) and ended
        with self._lock:
            server = self._server
        return (server is None or server.close()) and ended

    def look(self) -> None:
        """Look anew for a server that could be started or installed."""
        self._errand("server", self._look)

    def start_server(self) -> None:
        """Start the installed server, or the managed copy, as our child."""
        self._change(starting=True, server_error="", server_log=())
        self._errand("server", lambda: self._use().start())

    def install_server(self) -> None:
        """Fetch and install the managed copy, or a newer one; start it once no model is loaded."""
        ways = self._hub.state.setup.ways or ServerWays()
        self._change(setup=InstallState(ways.version or ""), server_error="", server_log=())
        self._errand("server", lambda: self._use().install())

    def cancel_install(self) -> None:
        """Stop an installation; what has arrived is kept."""
        if self._server is not None:
            self._server.cancel_install()

    def go_back(self) -> None:
        """Use the version of our own copy before this one. The window has asked before."""
        version = (self._hub.state.setup.ways or ServerWays()).previous or ""
        self._change(setup=InstallState(version, InstallStage.TRYING), server_error="", server_log=())
        self._errand("server", lambda: self._use().go_back())

    def use_proxy(self, proxy: str) -> None:
        """Start the server that is ours anew with this HTTPS_PROXY ("" for none)."""
        self._change(pull_problem=None)
        self._errand("server", lambda: self._set_proxy(proxy))
        self.restart_server()

    def restart_server(self) -> None:
        """Start the server that is ours anew, with the variables of now."""
        self._change(starting=True, server_error="")

        def restart() -> None:
            server = self._use()
            server.stop()
            server.start()

        self._errand("server", restart)

    def try_prompt(self, model: str, prompt: str) -> None:
        self._answering.ask(model, prompt, self._settings.value.context_length or None)

    def stop_answer(self) -> None:
        self._answering.stop()

    def read_contacts(self) -> None:
        self._errand("privacy", lambda: self._change(contacts=self._factory.jobs().contacts()))

    def server_seen(self, state: ServerState) -> None:
        """A look at the server: start ours where none runs and the person wants that; keep its log small."""
        if state.status is ServerStatus.ABSENT and not self._absence_seen:
            self._absence_seen = True
            if self._settings.value.start_server:
                self._errand("server", lambda: self._use().start())
        server = self._server
        if server is not None and state.status is ServerStatus.READY:
            server.tend(state.running)

    def server_up(self, ours: bool) -> None:
        """News of the keeper: a server of ours is up, or was stopped."""
        self._change(starting=False, server_is_ours=ours, server_error="", server_log=(), setup=None)
        self.look()

    def server_down(self, problem: Problem) -> None:
        """News of the keeper: it stays down."""
        text = getattr(problem, "server_text", None) or ""
        self._change(
            starting=False,
            server_is_ours=False,
            server_error=str(problem),
            server_log=tuple(str(text).splitlines()[-50:]),
        )

    def setup_changed(self, state: InstallState) -> None:
        """News of the keeper: an installation went on."""
        if state.stage not in {InstallStage.DONE, InstallStage.CANCELLED, InstallStage.FAILED}:
            self._change(setup=state)

    def setup_ended(self, problem: Problem | None) -> None:
        """News of the keeper: an installation ended."""
        known = self._hub.state.setup.setup or InstallState("")
        if problem is None and known.stage == InstallStage.OPENED:
            pass  # the rest happens in the installer; the server is seen when it is there
        elif problem is None:
            self._change(setup=None, starting=not self._hub.state.setup.server_is_ours)
        elif problem.code == "cancelled":
            self._change(setup=None)
        else:
            self._change(setup=replace(known, stage=InstallStage.FAILED, error=str(problem)))
        self.look()

    def pulls_changed(self, pulls: tuple[PullState, ...]) -> None:
        """Downloads went on: note the hosts of new ones, time the first stretch."""
        now = frozenset(p.model for p in pulls if p.moving)
        new, self._pulling = now - self._pulling, now
        for model in new:
            self._errand("privacy", partial(self._factory.note_registry, model))
        for pull in pulls:
            if pull.completed_bytes and not pull.done:
                speed = self._line.take(pull, self._monotonic())
                if speed is not None:
                    self._change(line_bytes_per_s=speed)
                return

    def task_ended(self, end: TaskEnd) -> None:
        if end.kind == "pull":
            self._change(pull_problem=None if end.problem is None else end.problem.code)

    def startable(self) -> bool:
        """Whether a click could start a server; looks for programs."""
        return self._peek().ways().startable

    def _look(self) -> None:
        self._change(ways=self._peek().ways())

    def _errand(self, kind: str, what: Callable[[], None]) -> None:
        def work() -> None:
            try:
                what()
            except Problem as problem:
                if kind == "server":
                    self.server_down(problem)
                else:
                    self._hub.notify(kind, str(problem), self._factory.now())

        self._errands.submit(work)

    def _change(self, **values: object) -> None:
        self._hub.update(
            lambda state: replace(state, setup=replace(state.setup, **values))  # type: ignore[arg-type]  # its own fields
        )

    def _set_proxy(self, proxy: str) -> None:
        for name in (PROXY, PROXY.lower()):
            self._child_environ.pop(name, None)
        if proxy:
            self._child_environ[PROXY] = proxy

    def _peek(self) -> ManagedServer:
        """The keeper; as long as it did nothing it follows what is known of the cards."""
        variants = self._wanted_variants()
        with self._lock:
            if self._server is None or (not self._used and variants != self._variants):
                self._variants = variants
                self._server = self._make(variants)
            return self._server

    def _use(self) -> ManagedServer:
        keeper = self._peek()
        self._used = True
        return keeper

    def _make(self, variants: frozenset[str]) -> ManagedServer:
        places = self._factory.places
        contacted = partial(self._factory.note_contact, reason="server")
        news = KeeperNews(self._up, self._down, self.setup_changed, self.setup_ended, contacted)
        return ManagedServer(
            places.data,
            places.state,
            self._child_environ,
            asset_text(RELEASES),
            news,
            variants=variants,
            values=lambda: values_of(self._settings.value),
            installed_port=self._expected_port(),
            start=self._factory.threads.start,
        )

    def _expected_port(self) -> int:
        """The port at which the settings or OLLAMA_HOST, and so other programs, expect the server."""
        servers = self._settings.value.servers
        address = next((s for s in servers if s.host == LOCAL_HOST), ServerAddress())
        try:
            endpoint = find_server(address, self._settings.environ)
        except Problem:
            return DEFAULT_PORT
        return endpoint.port if endpoint.is_loopback else DEFAULT_PORT

    def _wanted_variants(self) -> frozenset[str]:
        profile = self._hub.state.local.profile
        devices = () if profile is None else profile.devices
        return frozenset({"rocm"}) if any(d.backend == "rocm" for d in devices) else frozenset()

    def _up(self, endpoint: Endpoint | None) -> None:
        self._servers.move(self._hub.state.local.id, endpoint)
        self.server_up(endpoint is not None)

    def _down(self, problem: Problem) -> None:
        self.server_down(problem)
        self.look()
