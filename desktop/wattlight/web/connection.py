"""Opens a connection: through a proxy where there is one, encrypted where the address says so."""

import errno
import select
import socket
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any

from wattlight import start_thread

from .endpoint import Endpoint, FaultKind, Proxy, WireFault

if TYPE_CHECKING:
    import ssl

SLICE_S = 0.2
"""A waiting read looks at its cancel event so often."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Debian, Fedora, SUSE and Alpine (and macOS) keep them. A packaged Python looks where it was built."""


Place = tuple[str, str, Proxy | None]
"""Scheme and authority of a server, and the proxy on the way there."""
_ALONE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPALIVE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 2))
"""The system itself asks whether a silent computer is there (s, s, s, times); macOS has the second name."""
_STALE_S = 40.0
"""By the wall clock: after a sleep of this computer the other side knows nothing of it any more."""


class Kept:
    """One open connection that waits for the next question to the same server. Any thread may call it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Place, socket.socket, float]] = deque()

    def take(self, place: Place) -> socket.socket | None:
        """The connection to ``place``, if there is one and nothing came over it meanwhile."""
        found = None
        with suppress(IndexError):
            known, sock, since = self._waiting.pop()
            if known == place and 0 <= time.time() - since < _STALE_S and not _came(sock):
                found = sock
            else:
                sock.close()
        return found

    def put(self, place: Place, sock: socket.socket) -> None:
        self._waiting.append((place, sock, time.time()))
        while len(self._waiting) > 1:
            with suppress(IndexError):
                self._waiting.popleft()[1].close()

    @property
    def broke(self) -> bool:
        """Whether the server, or the way to it, is gone since the last question."""
        return any(_came(sock) for _, sock, _ in tuple(self._waiting))

    def wait(self, bell: "Bell", timeout_s: float) -> bool:
        """Until ``bell`` rings or the connection ends; False when neither came in time."""
        both: list[Bell | socket.socket] = [bell, *(sock for _, sock, _ in tuple(self._waiting))]
        try:
            return bool(select.select(both, [], [], timeout_s)[0])
        except (OSError, ValueError):  # another thread closed it just now
            return bell.wait(timeout_s)

    def close(self) -> None:
        with suppress(IndexError):
            while True:
                self._waiting.pop()[1].close()

    __del__ = close


class Bell:
    """Ends a wait of another thread: an event that is waited for together with connections."""

    def __init__(self) -> None:
        self._ear, self._hand = socket.socketpair()
        self._ear.setblocking(False)
        self._hand.setblocking(False)

    def fileno(self) -> int:
        return self._ear.fileno()

    def ring(self) -> None:
        with suppress(OSError):  # full: it has rung
            self._hand.send(b"x")

    def clear(self) -> None:
        with suppress(OSError):
            while self._ear.recv(4096):
                pass

    def wait(self, timeout_s: float) -> bool:
        """Whether it rang in time."""
        try:
            return bool(select.select([self._ear], [], [], timeout_s)[0])
        except (OSError, ValueError):  # more files are open than it can look at
            time.sleep(min(1.0, timeout_s))
            return False

    def close(self) -> None:
        self._ear.close()
        self._hand.close()

    __del__ = close


def watch_silence(sock: socket.socket) -> None:
    """Let the system end the connection when the other computer is gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALONE:
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _came(sock: socket.socket) -> bool:
    """Whether the other side closed, or sent what nobody asked for."""
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def connect_to(
    endpoint: Endpoint, proxy: Proxy | None, limit_s: float, cancel: Event | None
) -> socket.socket:
    """A connected socket whose reads time out after :data:`SLICE_S`.

    Raises:
        WireFault: nobody there, not in time, not trusted, or cancelled.
    """
    first: Endpoint | Proxy = endpoint if proxy is None else proxy
    try:
        sock = _dial(first.host, first.port, limit_s, cancel)
    except WireFault as fault:
        if proxy is None or fault.kind is FaultKind.CANCELLED:
            raise
        raise WireFault(FaultKind.PROXY, fault.kind) from fault
    try:
        if endpoint.scheme == "https":
            sock.settimeout(limit_s)
            if proxy is not None:
                _tunnel(sock, endpoint.authority, proxy)
            sock = _encrypt(sock, endpoint.host)
    except BaseException:
        sock.close()
        raise
    sock.settimeout(SLICE_S)
    return sock


def _dial(host: str, port: int, limit_s: float, cancel: Event | None) -> socket.socket:
    """A connected socket; the addresses of the name are tried in turn, all of them within ``limit_s``."""
    end = time.monotonic() + limit_s
    found = _addresses(host, port, limit_s, cancel)
    fault: WireFault | None = None
    for index, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            _dial_one(sock, address, max(0.0, end - time.monotonic()) / (len(found) - index), cancel)
        except WireFault as error:
            sock.close()
            fault = error
            if error.kind is FaultKind.CANCELLED:
                break
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise fault or WireFault(FaultKind.UNREACHABLE)


def _addresses(host: str, port: int, limit_s: float, cancel: Event | None) -> list[Any]:
    """Where ``host`` is. A name is asked for on a thread of its own: the system's look-up has no limit."""
    if host.lower() == "localhost" or host.replace(".", "").isdigit() or ":" in host:
        return _looked_up(host, port)
    came: SimpleQueue[list[Any] | WireFault] = SimpleQueue()

    def ask() -> None:
        try:
            came.put(_looked_up(host, port))
        except WireFault as fault:
            came.put(fault)

    start_thread("wattlight-name", ask)
    end = time.monotonic() + limit_s
    while (left := end - time.monotonic()) > 0:
        if cancel is not None and cancel.is_set():
            raise WireFault(FaultKind.CANCELLED)
        with suppress(Empty):
            answer = came.get(timeout=min(SLICE_S, left))
            if isinstance(answer, WireFault):
                raise answer
            return answer
    raise WireFault(FaultKind.SILENT, "name server")


def _looked_up(host: str, port: int) -> list[Any]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise WireFault(FaultKind.UNREACHABLE, "name not found") from error


def _dial_one(sock: socket.socket, address: object, limit_s: float, cancel: Event | None) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)  # type: ignore[arg-type]  # what getaddrinfo gave
    end = time.monotonic() + limit_s
    while code in {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, 10035}:
        if cancel is not None and cancel.is_set():
            raise WireFault(FaultKind.CANCELLED)
        if time.monotonic() >= end:
            raise WireFault(FaultKind.SILENT, "connect")
        _, writable, failed = select.select([], [sock], [sock], min(SLICE_S, limit_s))
        if writable or failed:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code in {errno.ECONNREFUSED, 10061}:
        raise WireFault(FaultKind.REFUSED)
    if code:
        raise WireFault(FaultKind.UNREACHABLE, errno.errorcode.get(code, str(code)))


def _tunnel(sock: socket.socket, authority: str, proxy: Proxy) -> None:
    try:
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 16384:
            piece = sock.recv(1)
            if not piece:
                break
            head += piece
    except OSError as error:
        raise WireFault(FaultKind.PROXY, type(error).__name__) from error
    words = head.split(b"\r\n")[0].split()
    if len(words) < 2 or words[1] != b"200":
        status = words[1].decode("ascii", "replace") if len(words) > 1 else ""
        raise WireFault(FaultKind.PROXY, status if status.isdigit() else "no tunnel")


def _encrypt(sock: socket.socket, host: str) -> socket.socket:
    import ssl

    try:
        return tls_context().wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise WireFault(FaultKind.TLS, error.verify_message) from error
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None)
        raise WireFault(FaultKind.TLS, reason if isinstance(reason, str) else type(error).__name__) from error


def tls_context() -> "ssl.SSLContext":
    """A context that verifies names and certificates against the system's store, wherever it is kept."""
    import ssl

    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not Path(places.openssl_cafile).is_file() and not Path(places.openssl_capath).is_dir():
        for name in _BUNDLES:
            if Path(name).is_file():
                context.load_verify_locations(name)
                break
    return context
