"""Opening a connection: names, time limits, tunnels through a proxy, and whom to trust."""

import errno
import socket
import ssl
from collections import namedtuple
from pathlib import Path
from threading import Event

import pytest

from fakes.scripted_server import Line, ScriptedServer
from wattlight.web import Endpoint, FaultKind, Proxy, WireFault, connection
from wattlight.web.connection import connect_to, tls_context

FAR = Endpoint("https", "far.example", 443)


def fault(endpoint: Endpoint, proxy: Proxy | None = None, cancel: Event | None = None) -> WireFault:
    with pytest.raises(WireFault) as caught:
        connect_to(endpoint, proxy, 0.3, cancel)
    return caught.value


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert fault(FAR).kind is FaultKind.UNREACHABLE


def test_a_name_that_cannot_be_one() -> None:
    assert fault(Endpoint("http", "a" * 70 + ".example", 80)).kind is FaultKind.UNREACHABLE


def addresses(*ports: int) -> "list[tuple[int, int, int, str, tuple[str, int]]]":
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]


def test_the_second_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda line: None) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        both = addresses(closed.getsockname()[1], server.port)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        connect_to(Endpoint("http", "two.example", 80), None, 2.0, None).close()


class Hanging:
    """A socket whose connection is never made, or fails later with ``code``."""

    def __init__(self, code: int = 0) -> None:
        self.code = code

    def setblocking(self, on: bool) -> None:
        assert not on

    def connect_ex(self, address: object) -> int:
        return errno.EINPROGRESS

    def getsockopt(self, level: int, name: int) -> int:
        return self.code


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ECONNREFUSED, FaultKind.REFUSED), (errno.EHOSTUNREACH, FaultKind.UNREACHABLE)],
)
def test_a_connection_that_fails_later(code: int, kind: FaultKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.select, "select", lambda *_: ([], [1], []))
    with pytest.raises(WireFault) as caught:
        connection._dial_one(Hanging(code), ("127.0.0.1", 1), 5.0, None)  # type: ignore[arg-type]
    assert caught.value.kind is kind


def test_a_connection_that_is_never_made_ends_in_time_or_when_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr(connection.select, "select", lambda *_: ([], [], []))
    monkeypatch.setattr(connection.time, "monotonic", lambda: float(next(ticks)))
    with pytest.raises(WireFault) as caught:
        connection._dial_one(Hanging(), ("127.0.0.1", 1), 5.0, Event())  # type: ignore[arg-type]
    assert caught.value.kind is FaultKind.SILENT
    stopped = Event()
    stopped.set()
    with pytest.raises(WireFault) as caught:
        connection._dial_one(Hanging(), ("127.0.0.1", 1), 5.0, stopped)  # type: ignore[arg-type]
    assert caught.value.kind is FaultKind.CANCELLED


def test_a_cancel_ends_the_search_through_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def dial(sock: socket.socket, address: object, limit_s: float, cancel: Event | None) -> None:
        asked.append(address)
        raise WireFault(FaultKind.CANCELLED)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses(1, 2, 3))
    monkeypatch.setattr(connection, "_dial_one", dial)
    assert fault(FAR).kind is FaultKind.CANCELLED
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", FaultKind.PROXY),
        (b"nonsense\r\n\r\n", FaultKind.PROXY),
        (b"\r\n\r\n", FaultKind.PROXY),
        (b"", FaultKind.PROXY),
        (b"HTTP/1.1 200 OK\r\n\r\nthis is no TLS at all", FaultKind.TLS),
    ],
)
def test_a_tunnel_through_a_proxy(said: bytes, kind: FaultKind) -> None:
    heads: list[bytes] = []

    def script(line: Line) -> None:
        heads.append(line.request()[0])
        line.send(said)

    with ScriptedServer(script) as server, pytest.raises(WireFault) as caught:
        connect_to(FAR, Proxy("127.0.0.1", server.port, "Basic abc"), 5.0, None)
    assert caught.value.kind is kind
    assert heads[0].startswith(b"CONNECT far.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic abc\r\n" in heads[0]


def test_a_proxy_that_says_nothing_is_left() -> None:
    with ScriptedServer(lambda line: line.wait_closed() and None) as server:
        assert fault(FAR, Proxy("127.0.0.1", server.port)).kind is FaultKind.PROXY
    assert not server.errors


def test_a_packaged_python_finds_the_systems_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It looks where it was built; without the store of the system nothing would be trusted."""
    ours = ssl.get_default_verify_paths()
    real = next((Path(p) for p in (ours.cafile, *connection._BUNDLES) if p and Path(p).is_file()), None)
    if real is None:
        pytest.skip("this system has no bundle")
    paths = namedtuple("paths", "openssl_cafile openssl_capath")
    nowhere = paths(str(tmp_path / "none.pem"), str(tmp_path / "none"))
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(ssl, "create_default_context", lambda: empty)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(connection, "_BUNDLES", (str(tmp_path / "other.pem"), str(real)))
    context = tls_context()
    assert context.cert_store_stats()["x509_ca"] > 0
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
