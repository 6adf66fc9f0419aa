"""The tokens of every client: the relay on or off, and where its counts go."""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from wattlight import StartThread, start_thread
from wattlight.domain.state import CountingState, SeenSpeed
from wattlight.domain.tokens import TokenUse
from wattlight.i18n import tr
from wattlight.runtime import Endpoint, parse_endpoint
from wattlight.runtime.passthrough import PassThroughServer
from wattlight.store.jobs import LearningStore

from .current import Servers
from .meter_service import MeterService
from .passthrough import TokenWriter, WindowEnergy

MIN_TOKENS = 32
"""The speed of a shorter answer is that of its beginning."""
MOST_SPEEDS = 32
MakeRelay = Callable[[Endpoint, int, Callable[[TokenUse], None]], PassThroughServer]


class Counting:
    """Nothing listens until :meth:`turn_on`. All methods may be called from any thread.

    ``make`` makes the relay; ``windows`` works out the energy of requests that had the machine to themselves,
    ``heard`` gets each request.
    """

    def __init__(
        self,
        servers: Servers,
        store: LearningStore,
        meter: MeterService,
        windows: WindowEnergy,
        make: MakeRelay | None = None,
        start: StartThread = start_thread,
        heard: Callable[[TokenUse], None] = lambda _: None,
    ) -> None:
        self._heard = heard
        self._servers = servers
        self._meter = meter
        self._windows = windows
        self._make = make or partial(PassThroughServer, start=start)
        self._writer = TokenWriter(store, start=start)
        self._relay: PassThroughServer | None = None
        self._server: Endpoint | None = None
        self._state = CountingState()
        self._speeds: dict[str, SeenSpeed] = {}
        self._lock = threading.Lock()

    @property
    def speeds(self) -> tuple[SeenSpeed, ...]:
        """How fast the models answered last, in the order they were first seen."""
        return tuple(self._speeds.copy().values())

    @property
    def state(self) -> CountingState:
        return self._state

    def turn_on(self, port: int) -> None:
        """Listen on 127.0.0.1 at ``port`` and relay to the server as it is now; nothing happens when it does.

        Raises:
            Problem: the port is taken, or the server is not on this computer.
        """
        with self._lock:
            server = parse_endpoint(self._servers.local.url, tr("the server's address"))
            if self._relay is not None and self._state.port == port and self._server == server:
                return
            self._end()
            relay = self._make(server, port, self._relayed)
            relay.start()
            self._relay, self._server = relay, server
            self._state = CountingState(True, f"http://127.0.0.1:{relay.port}", relay.port)

    def turn_off(self) -> None:
        """Stop listening; open streams end within a second."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.stop()
        self._state = CountingState()

    def _relayed(self, use: TokenUse) -> None:
        # not under the lock: turning off waits for this thread while it holds it
        now, tokens = self._state, use.counters.output_tokens
        self._state = replace(
            now,
            requests=now.requests + 1,
            uncounted=now.uncounted + (tokens is None),
            output_tokens=now.output_tokens + (tokens or 0),
        )
        self.count(use)

    def count(self, use: TokenUse) -> None:
        """One answered request, whoever saw it. Returns at once."""
        self._writer.take(use)
        counters = use.counters
        if counters.prompt_tokens or counters.output_tokens:
            self._meter.note_tokens(use.model, counters.prompt_tokens or 0, counters.output_tokens or 0)
        if (
            use.model
            and use.complete
            and use.alone
            and (counters.output_tokens or 0) >= MIN_TOKENS
            and counters.output_ns
        ):
            speed = (counters.output_tokens or 0) / counters.output_ns * 1e9
            if use.model in self._speeds or len(self._speeds) < MOST_SPEEDS:
                self._speeds[use.model] = SeenSpeed(use.model, speed, use.ended_at)
        self._windows.take(use)
        self._heard(use)

    def forget(self) -> None:
        """Delete every count, and begin anew.

        Raises:
            Problem: the file could not be changed.
        """
        self._writer.forget()
        self._windows.forget()
        self._state = replace(self._state, requests=0, uncounted=0, output_tokens=0)

    def stop(self) -> bool:
        """Turn off and write what waits; True when its thread has ended."""
        self.turn_off()
        return self._writer.stop()
