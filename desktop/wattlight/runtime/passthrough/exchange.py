"""One client's connection and the connection to the server that belongs to it."""

import enum
import errno
import socket
from collections.abc import Callable

from wattlight.domain.tokens import TokenUse

from .framing import (
    MAX_HEAD_BYTES,
    BadBody,
    BadHead,
    Body,
    Pipe,
    RequestHead,
    answer_body,
    read_answer,
    read_request,
    refusal,
    request_body,
)
from .guard import check_request
from .watching import Clocks, Upstream, Watch

PIECE_BYTES = 256 << 10
HIGH_WATER_BYTES = 1 << 20
"""Reading one side stops while so much waits for the other, so that a slow reader slows its writer down."""
HEAD_S = 15.0
IDLE_S = 120.0
CONNECT_S = 5.0
BODY_S = 30.0
BODY_STEP_BYTES = 64 << 10
"""In each ``BODY_S`` so much of a request must arrive, or the rest of it."""
LINGER_S = 1.0
_PROGRESS = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, 10035})
_CRLF2 = b"\r\n\r\n"


class Phase(enum.Enum):
    IDLE = enum.auto()
    """Waiting for a request."""
    OPEN = enum.auto()
    """A request was passed on and its answer is not whole yet."""
    LAST = enum.auto()
    """What is waiting for the client is its last; then the connection ends."""
    LINGER = enum.auto()
    """Our side is closed; what the client still sends is thrown away, so that it can read the last answer."""
    CLOSED = enum.auto()


class Exchange:
    """Relays requests of one client one after the other. Called by one thread; never blocks.

    After each call :attr:`phase`, :meth:`wants` and :attr:`deadline` say what it waits for.
    """

    def __init__(
        self,
        client: socket.socket,
        upstream: Upstream,
        clocks: Clocks,
        on_use: Callable[[TokenUse], None],
        under_way: set[Watch],
    ) -> None:
        self.client = client
        self.server: socket.socket | None = None
        self.phase = Phase.IDLE
        self.idle_since = clocks.monotonic()
        self.heard_at = self.idle_since
        """When the client last sent something."""
        self.deadline: float | None = self.idle_since + HEAD_S
        self._upstream, self._clocks = upstream, clocks
        self._on_use = on_use
        self._under_way = under_way
        self._down = Pipe(client)
        self._up: Pipe | None = None
        self._connected = self._keep = self._client_ended = False
        self._asked = self._answered = b""
        self._request: RequestHead | None = None
        self._request_body: Body | None = None
        self._answer_body: Body | None = None
        self._watch: Watch | None = None
        self._body_step = 0

    @property
    def waits_for_body(self) -> bool:
        """Whether a request was begun and the client holds back the rest of it."""
        return self.phase is Phase.OPEN and self._body_left() and self.wants(self.client)[0]

    def _body_left(self) -> bool:
        return self._request_body is not None and not self._request_body.done

    def wants(self, sock: socket.socket) -> tuple[bool, bool]:
        """Whether to wait for ``sock`` to become (readable, writable)."""
        if sock is self.client:
            if self.phase is Phase.LINGER:
                return True, False
            ahead = len(self._asked) + (self._up.waiting_bytes if self._up else 0)
            reading = (
                self.phase in {Phase.IDLE, Phase.OPEN} and ahead < HIGH_WATER_BYTES and not self._client_ended
            )
            return reading, self._down.waiting_bytes > 0
        if self._up is None:
            return False, False
        reading = self._connected and self._down.waiting_bytes < HIGH_WATER_BYTES
        return reading, not self._connected or self._up.waiting_bytes > 0

    def ready(self, sock: socket.socket, readable: bool, writable: bool) -> None:
        """``sock`` became ready."""
        try:
            if sock is self.client:
                if writable:
                    self._down.flush()
                if readable:
                    self._read_client()
            elif sock is self.server:
                if writable:
                    self._write_server()
                if readable and self.server is not None:
                    self._read_server()
        except OSError:
            # one side is gone: so is the other, as it would be without the relay
            self.close()
        self._end_if_said()

    def _end_if_said(self) -> None:
        if self.phase is Phase.LAST and not self._down.waiting_bytes:
            self._linger()

    def expired(self) -> None:
        if self.phase is Phase.OPEN and not self._connected:
            self._fail(504, f"The server at {self._upstream.name} does not accept connections.")
        elif self.phase is Phase.OPEN and (not self.waits_for_body or self._body_step >= BODY_STEP_BYTES):
            self._await_body()
        elif self.phase is Phase.OPEN or (self.phase is Phase.IDLE and self._asked):
            self._fail(408, "The request did not arrive in time.")
        else:
            self.close()
        self._end_if_said()

    def close(self) -> None:
        """End both connections now; an open request is taken down as incomplete."""
        self._finish(complete=False)
        self._drop_server()
        self.client.close()
        self.phase = Phase.CLOSED
        self.deadline = None

    def _read_client(self) -> None:
        try:
            data = self.client.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self._client_went()
        elif self.phase is not Phase.LINGER:
            self.heard_at = self._clocks.monotonic()
            if not self._asked and self.phase is Phase.IDLE:
                self.deadline = self._clocks.monotonic() + HEAD_S
            self._asked += data
            self._take_requests()

    def _client_went(self) -> None:
        """The client sends no more. Whether it still reads is not told: the server hears the same, which ends
        what it computes and answers what it has, as without a relay."""
        if self.phase is not Phase.OPEN or self._body_left() or self._asked:
            self.close()
            return
        self._client_ended, self._keep = True, False
        if self._connected:
            self._end_up()

    def _end_up(self) -> None:
        sent = self._up is not None and not self._up.waiting_bytes
        if self._client_ended and sent and self.server is not None:
            self.server.shutdown(socket.SHUT_WR)

    def _await_body(self) -> None:
        self._body_step = 0
        self.deadline = self._clocks.monotonic() + BODY_S if self._body_left() else None

    def _take_requests(self) -> None:
        """Pass on what the client sent: bodies at once, heads when they are whole."""
        if self.phase is Phase.IDLE:
            self._take_head()
        if self.phase is Phase.OPEN and self._request_body is not None and not self._request_body.done:
            try:
                count = self._request_body.feed(self._asked, _ignore)
            except BadBody:
                self.close()
                return
            self._body_step += count
            if self._connected and not self._body_left():
                self.deadline = None
            if count and self._up is not None:
                piece, self._asked = self._asked[:count], self._asked[count:]
                self._send_up(piece)

    def _take_head(self) -> None:
        if self._asked.startswith(b"\r\n"):
            self._asked = self._asked.lstrip(b"\r\n")
        end = self._asked.find(_CRLF2, 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._asked) >= MAX_HEAD_BYTES:
                self._fail(431, "The head of the request is too large.")
            return
        raw = self._asked[: end + 4]
        try:
            head = read_request(raw)
            check_request(head)
        except BadHead as error:
            self._fail(error.status, error.reason)
            return
        self._asked = self._asked[end + 4 :]
        self._request = head
        self._request_body = request_body(head.content_length, head.chunked)
        self._answer_body = None
        self._watch = Watch.of(head, self._clocks, self._under_way)
        self._keep = head.keep_alive
        self.phase = Phase.OPEN
        self._await_body()
        self._open_server()
        if self._up is not None:
            self._send_up(raw)

    def _open_server(self) -> None:
        if self.server is not None:
            return
        self.server = socket.socket(self._upstream.family, socket.SOCK_STREAM)
        self.server.setblocking(False)
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._up = Pipe(self.server)
        code = self.server.connect_ex(self._upstream.address)
        self._connected = code == 0
        if code in _PROGRESS:
            self.deadline = self._clocks.monotonic() + CONNECT_S
        elif code:
            self._unreachable()

    def _unreachable(self) -> None:
        self._fail(502, f"The server does not answer at {self._upstream.name}.")

    def _send_up(self, piece: bytes) -> None:
        if self._up is None:
            return
        if self._connected:
            self._up.push(piece)
        else:
            self._up.hold(piece)

    def _write_server(self) -> None:
        assert self.server is not None and self._up is not None
        if not self._connected:
            code = self.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._unreachable()
                return
            self._connected = True
            self._await_body()
        self._up.flush()
        self._end_up()

    def _read_server(self) -> None:
        assert self.server is not None
        try:
            data = self.server.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._server_ended()
        elif self.phase is not Phase.OPEN:
            self.close()
        else:
            self._answered += data
            self._take_answer()

    def _server_ended(self) -> None:
        if self._answer_body is not None and self._answer_body.ended():
            self._keep = False
            self._answer_done()
        elif self.phase is Phase.OPEN and self._answer_body is None and not self._answered:
            self._fail(502, "The server closed the connection without an answer.")
        else:
            # an answer cut short stays cut short: the client must not take it for whole
            self._finish(complete=False)
            self._drop_server()
            self.phase = Phase.LAST

    def _take_answer(self) -> None:
        while self._answer_body is None:
            if not self._take_answer_head():
                return
        try:
            count = self._answer_body.feed(self._answered, self._payload)
        except BadBody:
            self.close()
            return
        if count:
            piece, self._answered = self._answered[:count], self._answered[count:]
            self._down.push(piece)
        if self._answer_body.done:
            self._answer_done()

    def _take_answer_head(self) -> bool:
        """Pass on a whole head; an interim one (100 Continue) is followed by another."""
        assert self._request is not None
        end = self._answered.find(_CRLF2, 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._answered) >= MAX_HEAD_BYTES:
                self._fail(502, "The head of the server's answer is too large.")
            return False
        raw, rest = self._answered[: end + 4], self._answered[end + 4 :]
        try:
            head = read_answer(raw)
        except BadHead as error:
            self._fail(502, error.reason)
            return False
        self._answered = rest
        if head.status >= 200:
            self._answer_body = answer_body(
                self._request.method, head.status, head.content_length, head.chunked
            )
            self._keep = self._keep and head.keep_alive
            if self._watch is not None:
                self._watch.answered(head.status, head.answered_by)
        if rest:
            self._down.hold(raw)
        else:
            self._down.push(raw)
        return True

    def _payload(self, piece: bytes) -> None:
        if self._watch is not None:
            self._watch.payload(piece)

    def _answer_done(self) -> None:
        whole_request = self._request_body is not None and self._request_body.done
        self._finish(complete=True)
        if not self._keep or not whole_request or self._answered:
            self._drop_server()
            self.phase = Phase.LAST
            return
        self.phase = Phase.IDLE
        self._answer_body = None
        self.idle_since = self._clocks.monotonic()
        self.deadline = self.idle_since + (HEAD_S if self._asked else IDLE_S)
        if self._asked:
            self._take_requests()

    def _fail(self, status: int, reason: str) -> None:
        """Answer instead of the server, if nothing of an answer was sent yet, and end."""
        started = self._answer_body is not None
        self._finish(complete=False)
        self._drop_server()
        if started:
            self.close()
            return
        self.phase = Phase.LAST
        self.deadline = self._clocks.monotonic() + LINGER_S
        self._down.push(refusal(status, reason))

    def _linger(self) -> None:
        try:
            self.client.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self.phase = Phase.LINGER
        self.deadline = self._clocks.monotonic() + LINGER_S

    def _finish(self, complete: bool) -> None:
        watch, self._watch = self._watch, None
        use = None if watch is None else watch.finish(complete)
        if use is not None:
            self._on_use(use)

    def _drop_server(self) -> None:
        if self.server is not None:
            self.server.close()
        self.server = None
        self._up = None
        self._connected = False
        self._answered = b""


def _ignore(piece: bytes) -> None:
    """A prompt goes through unseen."""
