"""The relay's one thread: listens, and moves bytes between the sockets that are ready."""

import errno
import logging
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from wattlight import StartThread, start_thread
from wattlight.domain.tokens import TokenUse
from wattlight.i18n import tr
from wattlight.web import Endpoint

from ..problems import RuntimeProblem
from .exchange import Exchange, Phase
from .watching import Clocks, Upstream, Watch

DEFAULT_PORT = 11435
"""One above Ollama's own."""
MAX_CLIENTS = 240
"""Each has two sockets; Windows waits for 512 at most."""
STOP_S = 1.0
_RETRY_ACCEPT_S = 0.5
SPARED_S = 1.0
"""A connection makes room for another only after being idle for so long."""


class PassThroughServer:
    """Relays requests from ``127.0.0.1:port`` to a server on this computer.

    ``on_use`` is called on the relay's thread after each counted request and must return at once.
    :meth:`start` and :meth:`stop` may be called from any thread; a stopped relay cannot be started again.
    """

    def __init__(
        self,
        upstream: Endpoint,
        port: int,
        on_use: Callable[[TokenUse], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._upstream = _upstream_of(upstream, port)
        self._asked_port = port
        self._on_use = on_use
        self._clocks = Clocks(now, monotonic)
        self._exchanges: dict[Exchange, dict[socket.socket, int]] = {}
        self._under_way: set[Watch] = set()
        self._listener: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._stopping = threading.Event()
        self._accept_again: float | None = None
        self._accepting = False

    @property
    def port(self) -> int:
        """The port it listens on (chosen by the system when 0 was asked)."""
        return self._asked_port if self._listener is None else int(self._listener.getsockname()[1])

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._stopping.is_set()

    def start(self) -> None:
        """Listen and relay.

        Raises:
            RuntimeProblem: the port is taken (code ``port_taken``) or cannot be used (``bad_port``).
        """
        self._ends = self._opened()
        self._thread = self._start("wattlight-pass-through", self._relay)

    def _opened(self) -> tuple[socket.socket, socket.socket]:
        """The listener, and the end at which :meth:`stop` wakes the thread."""
        listener = _listen(self._asked_port)
        if listener.getsockname()[:2] == self._upstream.address:
            listener.close()
            raise _same_port()
        self._asked_port = int(listener.getsockname()[1])
        if self._waker is not None:
            self._waker.close()
        wake_end, self._waker = socket.socketpair()
        wake_end.setblocking(False)
        self._listener = listener
        return listener, wake_end

    def stop(self) -> None:
        """End all connections and the thread, within a second."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None or self._waker is None:
            return
        try:
            self._waker.send(b"x")
        except OSError:
            pass
        if thread is not threading.current_thread():
            thread.join(STOP_S)
        self._waker.close()

    def _relay(self) -> None:
        """Until it is stopped; after a fault with a listener of its own."""
        if self._stopping.is_set():
            return
        ends, self._ends = self._ends or self._opened(), None
        self._run(*ends)

    def _run(self, listener: socket.socket, wake_end: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(wake_end, selectors.EVENT_READ)
                while not self._stopping.is_set():
                    self._accept_when_possible(selector, listener)
                    for key, mask in selector.select(self._patience()):
                        if isinstance(key.data, Exchange):
                            self._serve(selector, key.data, key.fileobj, mask)
                        elif key.fileobj is listener:
                            self._accept(selector, listener)
                    self._expire(selector)
            finally:
                self._accepting, self._accept_again = False, None
                for exchange in list(self._exchanges):
                    self._guarded(exchange, exchange.close)
                self._exchanges.clear()
                listener.close()
                wake_end.close()

    def _serve(self, selector: selectors.BaseSelector, exchange: Exchange, sock: object, mask: int) -> None:
        if exchange.phase is Phase.CLOSED or sock not in {exchange.client, exchange.server}:
            return
        assert isinstance(sock, socket.socket)
        readable, writable = bool(mask & selectors.EVENT_READ), bool(mask & selectors.EVENT_WRITE)
        self._guarded(exchange, lambda: exchange.ready(sock, readable, writable))
        self._sync(selector, exchange)

    def _guarded(self, exchange: Exchange, action: Callable[[], None]) -> None:
        """A fault of ours with one client must not end the others."""
        try:
            action()
        except Exception:
            logging.getLogger("wattlight").exception("the pass-through dropped a connection")
            exchange.client.close()
            if exchange.server is not None:
                exchange.server.close()
            exchange.phase = Phase.CLOSED

    def _sync(self, selector: selectors.BaseSelector, exchange: Exchange) -> None:
        """Tell the selector what ``exchange`` waits for now."""
        known = self._exchanges[exchange]
        wanted: dict[socket.socket, int] = {}
        if exchange.phase is not Phase.CLOSED:
            for sock in (exchange.client, exchange.server):
                if sock is not None:
                    reading, writing = exchange.wants(sock)
                    mask = selectors.EVENT_READ * reading | selectors.EVENT_WRITE * writing
                    if mask:
                        wanted[sock] = mask
        if wanted == known and wanted:
            return
        for sock in known.keys() - wanted.keys():
            selector.unregister(sock)
        for sock, mask in wanted.items():
            if sock not in known:
                selector.register(sock, mask, exchange)
            elif known[sock] != mask:
                selector.modify(sock, mask, exchange)
        self._exchanges[exchange] = wanted
        if exchange.phase is Phase.CLOSED:
            del self._exchanges[exchange]

    def _accept(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            # out of file handles: let some go first
            selector.unregister(listener)
            self._accepting = False
            self._accept_again = self._clocks.monotonic() + _RETRY_ACCEPT_S
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        exchange = Exchange(client, self._upstream, self._clocks, self._tell, self._under_way)
        self._exchanges[exchange] = {}
        self._sync(selector, exchange)

    def _accept_when_possible(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        """Listen while there is room; the connection idle the longest makes room, else the one whose client
        holds back the rest of its request the longest."""
        if len(self._exchanges) >= MAX_CLIENTS:
            since = self._clocks.monotonic() - SPARED_S  # who has just come is heard first
            idle = [e for e in self._exchanges if e.phase is Phase.IDLE and e.idle_since <= since]
            slow = [e for e in self._exchanges if e.waits_for_body and e.heard_at <= since]
            if idle:
                oldest = min(idle, key=lambda e: e.idle_since)
                self._guarded(oldest, oldest.close)
                self._sync(selector, oldest)
            elif slow:
                oldest = min(slow, key=lambda e: e.heard_at)
                self._guarded(oldest, oldest.expired)
                self._sync(selector, oldest)
        late = self._accept_again is not None and self._clocks.monotonic() < self._accept_again
        possible = len(self._exchanges) < MAX_CLIENTS and not late
        if possible and not self._accepting:
            selector.register(listener, selectors.EVENT_READ)
            self._accept_again = None
        elif not possible and self._accepting:
            selector.unregister(listener)
        self._accepting = possible

    def _patience(self) -> float | None:
        """Seconds until the next deadline; without one it sleeps until a socket is ready."""
        ends = [e.deadline for e in self._exchanges if e.deadline is not None]
        if self._accept_again is not None:
            ends.append(self._accept_again)
        if len(self._exchanges) >= MAX_CLIENTS:
            ends += [e.idle_since + SPARED_S for e in self._exchanges if e.phase is Phase.IDLE]
            ends += [e.heard_at + SPARED_S for e in self._exchanges if e.waits_for_body]
        return max(0.0, min(ends) - self._clocks.monotonic()) if ends else None

    def _expire(self, selector: selectors.BaseSelector) -> None:
        now = self._clocks.monotonic()
        for exchange in [e for e in self._exchanges if e.deadline is not None and e.deadline <= now]:
            self._guarded(exchange, exchange.expired)
            self._sync(selector, exchange)

    def _tell(self, use: TokenUse) -> None:
        try:
            self._on_use(use)
        except Exception:
            logging.getLogger("wattlight").exception("a listener of the pass-through failed")


def _upstream_of(endpoint: Endpoint, port: int) -> Upstream:
    if endpoint.scheme != "http" or not endpoint.is_loopback or endpoint.path:
        raise RuntimeProblem(
            tr("The pass-through works only in front of a model server on this computer."),
            tr("Set the server's address to one like 127.0.0.1:11434."),
            "bad_address",
        )
    host = "127.0.0.1" if endpoint.host.lower() == "localhost" else endpoint.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port == endpoint.port:
        raise _same_port()
    return Upstream(family, (host, endpoint.port), endpoint.authority)


def _same_port() -> RuntimeProblem:
    return RuntimeProblem(
        tr("The pass-through cannot listen on the port of the server itself."),
        tr("Choose another port, like {default_port}.", default_port=DEFAULT_PORT),
        "bad_port",
    )


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # there the other option would let a second program take over the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        taken = isinstance(error, OSError) and error.errno in {errno.EADDRINUSE, 10048}
        raise RuntimeProblem(
            tr("Port {port} is used by another program.", port=port)
            if taken
            else tr("The pass-through cannot listen on port {port}.", port=port),
            tr("Choose another port for the pass-through."),
            "port_taken" if taken else "bad_port",
        ) from error
    return listener
