"""The tokens of every client: the relay on or off, and where its counts go."""

import threading
from collections.abc import Callable

from wattlight.domain.state import CountingState
from wattlight.domain.tokens import TokenUse
from wattlight.runtime import Endpoint, parse_endpoint
from wattlight.store.jobs import LearningStore

from .current import Servers
from .meter_service import MeterService
from .passthrough import PassThrough, TokenWriter, WindowEnergy

MakePassThrough = Callable[[Endpoint, Callable[[TokenUse], None]], PassThrough]


class Counting:
    """Nothing listens until :meth:`turn_on`. All methods may be called from any thread.

    ``make`` makes the relay; ``windows`` works out the energy of requests that had the machine to themselves.
    """

    def __init__(
        self,
        servers: Servers,
        store: LearningStore,
        meter: MeterService,
        windows: WindowEnergy,
        make: MakePassThrough = PassThrough,
    ) -> None:
        self._servers = servers
        self._meter = meter
        self._windows = windows
        self._make = make
        self._writer = TokenWriter(store)
        self._relay: PassThrough | None = None
        self._server: Endpoint | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> CountingState:
        """How it stands now."""
        relay = self._relay
        if relay is None:
            return CountingState()
        now = relay.state
        return CountingState(
            now.on, now.url if now.on else "", now.port, now.requests, now.uncounted, now.output_tokens
        )

    def turn_on(self, port: int) -> None:
        """Listen on 127.0.0.1 at ``port`` and relay to the server as it is now; nothing happens when it does.

        Raises:
            Problem: the port is taken, or the server is not on this computer.
        """
        with self._lock:
            server, now = parse_endpoint(self._servers.local.url, "the server's address"), self._relay
            if now is not None and now.state.on and now.state.port == port and server == self._server:
                return
            if now is not None:
                now.turn_off()
            self._relay = None
            relay = self._make(server, self.count)
            relay.turn_on(port)
            self._relay, self._server = relay, server

    def turn_off(self) -> None:
        """Stop listening; open streams end within a second."""
        with self._lock:
            relay, self._relay = self._relay, None
            if relay is not None:
                relay.turn_off()

    def count(self, use: TokenUse) -> None:
        """One answered request, whoever saw it. Returns at once."""
        self._writer.take(use)
        counters = use.counters
        if counters.prompt_tokens or counters.output_tokens:
            self._meter.note_tokens(use.model, counters.prompt_tokens or 0, counters.output_tokens or 0)
        self._windows.take(use)

    def stop(self) -> bool:
        """Turn off and write what waits; True when its thread has ended."""
        self.turn_off()
        return self._writer.stop()
