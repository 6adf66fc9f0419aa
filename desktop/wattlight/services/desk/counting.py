"""The tokens of every client: the relay on or off, and where its counts go."""

import threading
from collections.abc import Callable, Sequence

from wattlight.domain.state import CountingState
from wattlight.domain.tokens import TokenUse
from wattlight.runtime import Endpoint
from wattlight.services.passthrough import PassThrough, TokenKeeper, WindowEnergy

MakePassThrough = Callable[[Endpoint, Callable[[TokenUse], None]], PassThrough]


class Counting:
    """Nothing listens until :meth:`turn_on`. All methods may be called from any thread.

    Args:
        upstream: where the server is now (raises a Problem).
        write: keeps requests (raises a Problem).
        note_tokens: tells the meter of (prompt, output) tokens of an answer.
        windows: works out the energy of requests that had the machine to themselves.
    """

    def __init__(
        self,
        upstream: Callable[[], Endpoint],
        write: Callable[[Sequence[TokenUse]], None],
        note_tokens: Callable[[int, int], None],
        windows: WindowEnergy,
        make: MakePassThrough = PassThrough,
    ) -> None:
        self._upstream = upstream
        self._note_tokens = note_tokens
        self._windows = windows
        self._make = make
        self._keeper = TokenKeeper(write)
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
            server, now = self._upstream(), self._relay
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
        self._keeper.take(use)
        counters = use.counters
        if counters.prompt_tokens or counters.output_tokens:
            self._note_tokens(counters.prompt_tokens or 0, counters.output_tokens or 0)
        self._windows.take(use)

    def stop(self) -> bool:
        """Turn off and write what waits; True when its thread has ended."""
        self.turn_off()
        return self._keeper.stop()
