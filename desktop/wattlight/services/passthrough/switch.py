"""Turns the relay on and off and knows what went through it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from wattlight.domain.tokens import TokenUse
from wattlight.runtime import Endpoint
from wattlight.runtime.passthrough import DEFAULT_PORT, PassThroughServer


@dataclass(frozen=True, slots=True)
class PassThroughState:
    """What the tray and the settings show of it.

    ``requests`` and ``output_tokens`` count since it was turned on; ``uncounted`` of the requests came
    without counters (clients of the other dialects must ask for them).
    """

    on: bool = False
    port: int = DEFAULT_PORT
    requests: int = 0
    uncounted: int = 0
    output_tokens: int = 0
    last_at: datetime | None = None

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.port}"


MakeRelay = Callable[[Endpoint, int, Callable[[TokenUse], None]], PassThroughServer]


class PassThrough:
    """Off at first. Any thread may turn it on and off.

    ``told`` and ``on_use`` are called on the relay's thread or on the caller's and must return at once.
    """

    def __init__(
        self,
        upstream: Endpoint,
        on_use: Callable[[TokenUse], None],
        told: Callable[[PassThroughState], None] | None = None,
        make: MakeRelay = PassThroughServer,
    ) -> None:
        self._upstream = upstream
        self._on_use = on_use
        self._told = told or (lambda _state: None)
        self._make = make
        self._relay: PassThroughServer | None = None
        self._state = PassThroughState()
        self._lock = threading.Lock()

    @property
    def state(self) -> PassThroughState:
        """How it stands now."""
        return self._state

    def turn_on(self, port: int = DEFAULT_PORT) -> PassThroughState:
        """Listen on 127.0.0.1 at ``port``; nothing happens when it does already.

        Raises:
            RuntimeProblem: the port is taken, or the server is not on this computer.
        """
        with self._lock:
            if self._relay is not None and self._state.port == port:
                return self._state
            self._end()
            relay = self._make(self._upstream, port, self._take)
            relay.start()
            self._relay = relay
            self._state = PassThroughState(on=True, port=relay.port)
            state = self._state
        self._told(state)
        return state

    def turn_off(self) -> PassThroughState:
        """Stop listening; open streams end within a second."""
        with self._lock:
            self._end()
            self._state = replace(self._state, on=False)
            state = self._state
        self._told(state)
        return state

    def _end(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.stop()

    def _take(self, use: TokenUse) -> None:
        # not under the lock: turning off waits for this thread while it holds it
        tokens = use.counters.output_tokens
        self._state = replace(
            self._state,
            requests=self._state.requests + 1,
            uncounted=self._state.uncounted + (tokens is None),
            output_tokens=self._state.output_tokens + (tokens or 0),
            last_at=use.ended_at,
        )
        self._on_use(use)
        self._told(self._state)
