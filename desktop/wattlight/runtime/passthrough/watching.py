"""Takes down one request: when, how long, by whom, and the counters at its end; and what that needs."""

import re
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from wattlight.domain.tokens import COUNTED_PATHS, NO_COUNTERS, TokenUse, client_name, model_in, read_counters
from wattlight.domain.values import clean_text

from .framing import RequestHead

TAIL_BYTES = 64 << 10
"""So much of the end of an answer is looked at; the counters are the last few hundred bytes of it."""
HEAD_BYTES = 1024
_NO_PROMPT = re.compile(rb'"done_reason"\s*:\s*"(load|unload)"')
"""The answer to a request without a prompt, which only loads or unloads."""
_SLASHES = re.compile(r"/{2,}")


def _path(head: RequestHead) -> str:
    """The path as Ollama's router reads it."""
    return _SLASHES.sub("/", unquote(head.path))


@dataclass(frozen=True, slots=True)
class Clocks:
    """``now`` is aware UTC, ``monotonic`` is for durations."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where requests go."""

    family: socket.AddressFamily
    address: tuple[str, int]
    name: str


class Watch:
    """Follows one request whose answer may carry counters; holds at most 65 KiB of it, until its end."""

    def __init__(self, head: RequestHead, clocks: Clocks, under_way: "set[Watch]") -> None:
        self.alone = not under_way
        for other in under_way:
            other.alone = False
        under_way.add(self)
        self._under_way = under_way
        self._path = _path(head)
        self._client = client_name(head.user_agent)
        self._clocks = clocks
        self._started_at = clocks.now()
        self._started = clocks.monotonic()
        self._status: int | None = None
        self._model = ""
        self._front = b""
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    @staticmethod
    def of(head: RequestHead, clocks: Clocks, under_way: "set[Watch]") -> "Watch | None":
        """A watch, if the request is one whose answer may carry counters; ``under_way`` are the others."""
        counted = head.method == "POST" and _path(head) in COUNTED_PATHS
        return Watch(head, clocks, under_way) if counted else None

    def answered(self, status: int, model: str = "") -> None:
        """``model``: who answered, where a head says it (``PROVIDER/MODEL``)."""
        self._status = status
        self._model = clean_text(model.partition("/")[2] or model, 200)

    def payload(self, piece: bytes) -> None:
        if len(self._front) < HEAD_BYTES:
            self._front += piece[: HEAD_BYTES - len(self._front)]
        self._tail.append(piece[-TAIL_BYTES:])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def finish(self, complete: bool) -> TokenUse | None:
        """The request is over; None if it only loaded or unloaded a model.

        Counters are read only from a whole answer; a part of one has none.
        """
        self._under_way.discard(self)
        ended = self._clocks.monotonic()
        tail = b"".join(self._tail)
        if self._path.startswith("/api/") and _NO_PROMPT.search(tail):
            return None
        counters = read_counters(tail) if complete and self._status == 200 else NO_COUNTERS
        return TokenUse(
            model=(self._model or model_in(self._front)) if self._status == 200 else "",
            client=self._client,
            path=self._path,
            started_at=self._started_at,
            ended_at=self._clocks.now(),
            duration_ms=round((ended - self._started) * 1000),
            status=self._status,
            complete=complete,
            counters=counters,
            alone=self.alone,
        )
