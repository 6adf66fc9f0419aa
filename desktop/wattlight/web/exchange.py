"""One HTTP exchange with a server that is not trusted: every wait and every size has a limit.

Built on sockets alone, so that the steady poll costs little. Redirects are never followed, compressed
answers are refused, a cancel really closes the connection.
"""

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Self

from wattlight import __version__

from .connection import Kept, Place, connect_to, watch_silence
from .endpoint import Endpoint, FaultKind, Proxy, WireFault
from .reply import Reply


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take; ``total_s`` None for streams, which have a watchdog of their own."""

    connect_s: float = 3.0
    idle_s: float = 3.0
    total_s: float | None = 10.0
    body_bytes: int = 8 << 20
    line_bytes: int = 1 << 20


POLL = Limits()


class _Patience:
    def __init__(self, limits: Limits, cancel: Event | None, clock: Callable[[], float]) -> None:
        self._idle_s = limits.idle_s
        self._clock = clock
        self._cancel = cancel
        self._fed_at = clock()
        self._end = None if limits.total_s is None else self._fed_at + limits.total_s

    def check(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise WireFault(FaultKind.CANCELLED)
        now = self._clock()
        if now - self._fed_at >= self._idle_s or (self._end is not None and now >= self._end):
            raise WireFault(FaultKind.SILENT)

    def fed(self) -> None:
        self._fed_at = self._clock()

    def allow_idle(self, idle_s: float) -> None:
        self._idle_s = idle_s


class _WatchedReader(io.RawIOBase):
    """Reads a socket in short slices."""

    def __init__(self, sock: socket.socket, patience: _Patience) -> None:
        self._sock = sock
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # any buffer
        self._patience.fed()  # what the reader did since the last bytes is no silence of the server
        while True:
            self._patience.check()
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                continue
            self._patience.fed()
            return count


class Answer:
    """An answer whose body is still to be read. Close it, or use it in a ``with``."""

    def __init__(
        self,
        sock: socket.socket,
        reply: Reply,
        limits: Limits,
        patience: _Patience,
        keep: Callable[[socket.socket], None] | None = None,
    ) -> None:
        self._sock = sock
        self._keep = keep if reply.stays_open else None
        self._patience = patience
        self._reply = reply
        self._limits = limits
        self._left = reply.length
        self.status = reply.status
        self.content_type = self.header("Content-Type").split(";")[0].strip().lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def header(self, name: str) -> str:
        """A header of the answer, empty if it has none."""
        return self._reply.headers.get(name.lower(), "")

    def close(self) -> None:
        """Close the connection, whatever is still in it; one that is kept and read to the end stays open."""
        read, keep = self._left == 0 or (self._left is None and self._reply.ended), self._keep
        self._keep = None
        if keep is not None and read:
            keep(self._sock)
        else:
            self._sock.close()

    def allow_idle(self, idle_s: float) -> None:
        """From now on so many seconds without a byte are allowed."""
        self._patience.allow_idle(idle_s)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, without a limit of its own.

        Raises:
            WireFault: cut, silent or cancelled.
        """
        while piece := self.piece():
            yield piece

    def piece(self, most_bytes: int = 65536) -> bytes:
        """What has come of the body, at most so much; empty at its end.

        Raises:
            WireFault: cut, silent or cancelled.
        """
        if self._left == 0:
            return b""
        with self._cut():
            piece = self._reply.read1(most_bytes if self._left is None else min(most_bytes, self._left))
        self._came(len(piece))
        return piece

    def into(self, buffer: memoryview) -> int:
        """As :meth:`piece`, into ``buffer``: for many large pieces. How many bytes came, 0 at the end."""
        if self._left is None:
            piece = self.piece(len(buffer))
            buffer[: len(piece)] = piece
            return len(piece)
        if self._left == 0:
            return 0
        with self._cut():
            count = self._reply.readinto1(buffer[: self._left])
        self._came(count)
        return count

    @contextmanager
    def _cut(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise WireFault(FaultKind.CUT, type(error).__name__) from error

    def _came(self, count: int) -> None:
        if self._left is not None:
            if not count:
                raise WireFault(FaultKind.CUT, "short body")
            self._left -= count

    def body(self) -> bytes:
        """The whole body.

        Raises:
            WireFault: too large, cut, silent or cancelled.
        """
        parts: list[bytes] = []
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > self._limits.body_bytes:
                raise WireFault(FaultKind.TOO_LARGE, f"over {self._limits.body_bytes} bytes")
            parts.append(piece)
        return b"".join(parts)

    def lines(self) -> Iterator[bytes]:
        """The lines of a streamed body, without their ends; a last line without an end is given too.

        Raises:
            WireFault: a line is too long, the stream is cut, silent or cancelled.
        """
        rest = bytearray()
        while piece := self.piece():
            rest += piece
            if b"\n" in piece:
                *whole, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in whole:
                    if len(line) > self._limits.line_bytes:
                        raise WireFault(FaultKind.TOO_LARGE, "line")
                    if line.strip():
                        yield line
            if len(rest) > self._limits.line_bytes:
                raise WireFault(FaultKind.TOO_LARGE, "line")
        if rest.strip():
            yield bytes(rest)


@dataclass(frozen=True, slots=True)
class Wire:
    """Makes exchanges with one endpoint; any thread may use it at any time.

    ``authorization`` is the value of that header; it is sent to the endpoint only, and only when the
    way there is private. ``proxy`` is never used for loopback. ``kept``: where a connection that was asked a
    short question waits for the next one; None: each has its own.
    """

    endpoint: Endpoint
    authorization: str | None = None
    proxy: Proxy | None = None
    clock: Callable[[], float] = time.monotonic
    kept: Kept | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        limits: Limits = POLL,
        cancel: Event | None = None,
        headers: tuple[str, ...] = (),
        redirects: bool = False,
    ) -> Answer:
        """Send one request and read the head of its answer.

        ``headers`` are more lines of the head. A redirect is a fault unless ``redirects`` says that the
        caller looks at it.

        Raises:
            WireFault: whatever went wrong.
        """
        kept = self.kept if method == "GET" and limits.total_s is not None else None
        proxy = None if self.endpoint.is_loopback else self.proxy
        place = (self.endpoint.scheme, self.endpoint.authority, proxy)
        request = self._head(method, path, body, headers, proxy, kept is not None) + (body or b"")
        waiting = None if kept is None else kept.take(place)
        if waiting is not None:
            try:
                return self._exchange(waiting, method, request, limits, cancel, redirects, kept, place)
            except WireFault as fault:
                if fault.kind is not FaultKind.CUT:
                    raise  # else it was closed between two questions: asked anew
        sock = connect_to(self.endpoint, proxy, limits.connect_s, cancel)
        if kept is not None:
            watch_silence(sock)
        return self._exchange(sock, method, request, limits, cancel, redirects, kept, place)

    def _exchange(
        self,
        sock: socket.socket,
        method: str,
        request: bytes,
        limits: Limits,
        cancel: Event | None,
        redirects: bool,
        kept: Kept | None,
        place: Place,
    ) -> Answer:
        patience = _Patience(limits, cancel, self.clock)
        try:
            sock.sendall(request)
            reply = Reply(io.BufferedReader(_WatchedReader(sock, patience), 65536), method)
            _refuse_tricks(reply, redirects)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                raise WireFault(FaultKind.CUT, type(error).__name__) from error
            raise
        return Answer(sock, reply, limits, patience, None if kept is None else partial(kept.put, place))

    def _head(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: tuple[str, ...] = (),
        proxy: Proxy | None = None,
        keep: bool = False,
    ) -> bytes:
        here = self.endpoint
        target = f"{here.path}{path}"
        plain_proxy = proxy is not None and here.scheme == "http"
        if plain_proxy:
            target = f"http://{here.authority}{target}"
        lines = [
            f"{method} {target} HTTP/1.1",
            f"Host: {here.authority}",
            f"User-Agent: wattlight/{__version__}",
            "Accept-Encoding: identity",
            f"Connection: {'keep-alive' if keep else 'close'}",
            *headers,
        ]
        if not any(line.startswith("Accept:") for line in headers):
            lines.append("Accept: application/json, application/x-ndjson")
        if plain_proxy and proxy is not None and proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        if self.authorization is not None and here.is_private:
            lines.append(f"Authorization: {self.authorization}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
            if not any(line.startswith("Content-Type:") for line in headers):
                lines.append("Content-Type: application/json")
        try:
            return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
        except UnicodeEncodeError as error:
            raise WireFault(FaultKind.NOT_HTTP, "a head of other characters") from error


def _refuse_tricks(reply: Reply, redirects: bool) -> None:
    if 300 <= reply.status < 400 and not redirects:
        # a session or a key may stand behind the question mark, and the detail may come into a log
        location = reply.headers.get("location", "")[:300].partition("?")[0]
        raise WireFault(FaultKind.REDIRECT, f"{reply.status} {location}")
    encoding = reply.headers.get("content-encoding", "identity").lower()
    if encoding not in {"", "identity"}:
        raise WireFault(FaultKind.ENCODED, encoding[:20])
