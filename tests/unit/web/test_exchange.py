"""An exchange with a server that is not trusted: bodies and lines have limits, redirects are looked at."""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event

import pytest

from fakes.scripted_server import Line, ScriptedServer
from wattlight.web import Endpoint, FaultKind, Kept, Limits, Proxy, Web, Wire, WireFault

SMALL = Limits(connect_s=2.0, idle_s=2.0, total_s=5.0, body_bytes=100, line_bytes=20)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\nX-One:  1 \r\n"


def answering(data: bytes) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.request()
        line.send(data)

    return script


def wire(server: ScriptedServer) -> Wire:
    return Wire(Endpoint("http", "127.0.0.1", server.port))


def fault_of(data: bytes, read: str = "body") -> FaultKind:
    with (
        ScriptedServer(answering(data)) as server,
        pytest.raises(WireFault) as caught,
        wire(server).ask("GET", "/", limits=SMALL) as answer,
    ):
        list(answer.lines()) if read == "lines" else answer.body()
    assert not server.errors
    return caught.value.kind


def body_of(data: bytes) -> bytes:
    with ScriptedServer(answering(data)) as server, wire(server).ask("GET", "/", limits=SMALL) as answer:
        assert answer.content_type == "text/plain"
        assert (answer.header("x-one"), answer.header("x-two")) == ("1", "")
        return answer.body()


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 5\r\n\r\nhello and more that is not part of it",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"\r\nhello",
    ],
)
def test_a_body_ends_where_its_framing_says(framed: bytes) -> None:
    assert body_of(OK + framed) == b"hello"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", FaultKind.CUT),
        (b"SSH-2.0-x\r\n", FaultKind.NOT_HTTP),
        (b"HTTP/1.1 nonsense\r\n\r\n", FaultKind.NOT_HTTP),
        (OK + b"Content-Length: 50\r\n\r\nshort", FaultKind.CUT),
        (OK + b"Content-Length: 101\r\n\r\n" + b"x" * 101, FaultKind.TOO_LARGE),
        (OK + b"\r\n" + b"x" * 101, FaultKind.TOO_LARGE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", FaultKind.CUT),
        (OK + b"Content-Encoding: gzip\r\n\r\n", FaultKind.ENCODED),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", FaultKind.REDIRECT),
    ],
)
def test_what_is_wrong_with_an_answer(data: bytes, kind: FaultKind) -> None:
    assert fault_of(data) is kind


def test_lines_come_whole_and_empty_ones_not_at_all() -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(OK + b"\r\none\n\n  \ntw")
        line.send(b"o\nlast without end")

    with ScriptedServer(script) as server, wire(server).ask("GET", "/", limits=SMALL) as answer:
        assert list(answer.lines()) == [b"one", b"two", b"last without end"]


@pytest.mark.parametrize("rest", [b"x" * 21 + b"\nmore", b"short\n" + b"x" * 21])
def test_a_line_that_never_ends_is_refused(rest: bytes) -> None:
    assert fault_of(OK + b"\r\n" + rest, "lines") is FaultKind.TOO_LARGE


def test_a_silent_server_is_left_after_its_idle_time() -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(OK + b"Content-Length: 5\r\n\r\nhe")
        assert line.wait_closed()

    now = [0.0]

    def clock() -> float:
        now[0] += 0.5
        return now[0]

    with ScriptedServer(script) as server:
        asking = Wire(Endpoint("http", "127.0.0.1", server.port), clock=clock)
        with asking.ask("GET", "/", limits=Limits(idle_s=60, total_s=None)) as answer:
            answer.allow_idle(3.0)
            with pytest.raises(WireFault) as caught:
                answer.body()
    assert caught.value.kind is FaultKind.SILENT
    assert not server.errors, "the connection is closed"


def test_a_cancelled_exchange_is_not_begun() -> None:
    stopped = Event()
    stopped.set()
    with ScriptedServer(answering(OK + b"\r\n")) as server, pytest.raises(WireFault) as caught:
        wire(server).ask("GET", "/", cancel=stopped)
    assert caught.value.kind is FaultKind.CANCELLED


def test_a_secret_goes_only_where_nobody_else_can_read_it() -> None:
    heads: list[bytes] = []

    def script(line: Line) -> None:
        heads.append(line.request()[0])
        line.send(OK + b"Content-Length: 0\r\n\r\n")

    with ScriptedServer(script) as server:
        near = Endpoint("http", "127.0.0.1", server.port, "/base")
        Wire(near, authorization="Bearer s3cret").ask("POST", "/x", b"{}").close()
        far = Endpoint("http", "far.example", 80, "/base")
        proxy = Proxy("127.0.0.1", server.port, "Basic abc")
        Wire(far, authorization="Bearer s3cret", proxy=proxy).ask("GET", "/x").close()
    assert heads[0].startswith(b"POST /base/x HTTP/1.1\r\n")
    assert b"Authorization: Bearer s3cret" in heads[0] and b"Content-Length: 2" in heads[0]
    assert heads[1].startswith(b"GET http://far.example:80/base/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic abc" in heads[1]
    assert b"s3cret" not in heads[1]


def test_a_head_that_would_hold_more_than_ascii_is_a_fault() -> None:
    with ScriptedServer(answering(OK)) as server, pytest.raises(WireFault) as caught:
        wire(server).ask("GET", "/ü")
    assert caught.value.kind is FaultKind.NOT_HTTP


class Pages:
    """A server that sends every request elsewhere, as its list says; its own address is filled in."""

    def __init__(self, *locations: str) -> None:
        self.locations = list(locations)
        self.paths: list[bytes] = []
        self.server = ScriptedServer(self._serve)

    def _serve(self, line: Line) -> None:
        head, _ = line.request()
        self.paths.append(head.split(b" ")[1])
        if not self.locations:
            line.send(OK + b"Content-Length: 4\r\n\r\ndone")
            return
        location = self.locations.pop(0)
        here = f"http://127.0.0.1:{self.server.port}"
        field = f"Location: {location.replace('HERE', here)}\r\n" if location else ""
        line.send(f"HTTP/1.1 302 Found\r\n{field}Content-Length: 0\r\n\r\n".encode())

    def url(self, path: str = "/first") -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"


def test_redirects_are_followed_and_each_host_is_told_once() -> None:
    told: list[str] = []
    pages = Pages("HERE/second", "third?x=1")
    with pages.server, Web({}, on_host=told.append).get(pages.url("/a/first")) as answer:
        assert answer.body() == b"done"
    assert pages.paths == [b"/a/first", b"/second", b"/third?x=1"]
    assert told == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("locations", "detail"),
    [
        (["HERE/again"] * 9, "circle"),
        (["http://far.example/"], "unsafe"),
        (["https://user:pw@far.example/"], "bad address"),
        (["https://[broken/"], "bad address"),
        (["ftp://far.example/"], "bad address"),
        ([""], "unsafe"),
    ],
)
def test_redirects_that_are_not_followed(locations: list[str], detail: str) -> None:
    pages = Pages(*locations)
    with pages.server, pytest.raises(WireFault) as caught:
        Web({}).get(pages.url())
    assert (caught.value.kind, caught.value.detail) == (FaultKind.REDIRECT, detail)
    assert len(pages.paths) <= 6


def test_a_page_far_away_cannot_send_to_this_computer() -> None:
    """A release page must not reach what listens on loopback."""
    pages = Pages("http://127.0.0.1:1/secrets")
    proxy = {"http_proxy": f"http://127.0.0.1:{pages.server.port}"}
    with pages.server, pytest.raises(WireFault) as caught:
        Web(proxy).get("http://far.example/")
    assert caught.value.detail == "unsafe"
    assert pages.paths == [b"http://far.example:80/"]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_there() -> None:
    with pytest.raises(WireFault) as caught:
        Wire(Endpoint("http", "127.0.0.1", closed_port())).ask("GET", "/")
    assert caught.value.kind is FaultKind.REFUSED


def kept_wire(server: ScriptedServer) -> Wire:
    return Wire(Endpoint("http", "127.0.0.1", server.port), kept=Kept())


def answer_each(times: int, framed: bytes = b"Content-Length: 2\r\n\r\nok") -> Callable[[Line], None]:
    """A server that answers so many questions over each connection, and closes it then."""

    def script(line: Line) -> None:
        for _ in range(times):
            if line.request() == (b"", b""):
                return
            line.send(OK + framed)

    return script


def ask(asking: Wire, times: int = 1) -> list[bytes]:
    bodies = []
    for _ in range(times):
        with asking.ask("GET", "/") as answer:
            bodies.append(answer.body())
    return bodies


@pytest.mark.parametrize(
    ("framed", "connections"),
    [
        (b"Content-Length: 2\r\n\r\nok", 1),
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX: y\r\n\r\n", 1),
        (b"Content-Length: 2\r\nConnection: close\r\n\r\nok", 3),
    ],
)
def test_one_connection_is_asked_again_and_again(framed: bytes, connections: int) -> None:
    with ScriptedServer(answer_each(1 if connections > 1 else 3, framed)) as server:
        asking = kept_wire(server)
        assert ask(asking, 3) == [b"ok"] * 3
        assert server.connections == connections
        assert asking.kept is not None
        asking.kept.close()
    assert not server.errors


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    with ScriptedServer(answer_each(1)) as server:
        asking = kept_wire(server)
        assert ask(asking, 4) == [b"ok"] * 4
        assert server.connections == 4


def test_a_connection_that_closes_instead_of_answering_is_made_anew() -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(OK + b"Content-Length: 2\r\n\r\nok")
        line.request()  # and the connection ends

    with ScriptedServer(script) as server:
        assert ask(kept_wire(server), 2) == [b"ok"] * 2
        assert server.connections == 2


def test_what_nobody_asked_for_ends_a_connection() -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 4\r\n\r\nevil")
        line.wait_closed()

    with ScriptedServer(script) as server:
        asking = kept_wire(server)
        assert ask(asking, 3) == [b"ok"] * 3
        assert asking.kept is not None
        asking.kept.close()


def test_a_connection_is_for_one_place_and_is_not_trusted_after_a_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(answer_each(9)) as one, ScriptedServer(answer_each(9)) as other:
        asking = kept_wire(one)
        ask(asking)
        assert ask(replace(asking, endpoint=Endpoint("http", "127.0.0.1", other.port))) == [b"ok"]
        assert (one.connections, other.connections) == (1, 1)
        kept = asking.kept
        assert kept is not None and not kept.broke
        monkeypatch.setattr(time, "time", lambda: 9e9)
        ask(replace(asking, endpoint=Endpoint("http", "127.0.0.1", other.port)))
        assert other.connections == 2
        kept.close()


def test_a_body_that_was_not_read_ends_its_connection() -> None:
    with ScriptedServer(answer_each(9)) as server:
        asking = kept_wire(server)
        asking.ask("GET", "/").close()
        assert ask(asking) == [b"ok"]
        assert server.connections == 2
        assert asking.kept is not None
        asking.kept.close()


def test_a_server_that_ends_is_seen_without_asking() -> None:
    with ScriptedServer(answer_each(9)) as server:
        asking = kept_wire(server)
        ask(asking)
        assert asking.kept is not None and not asking.kept.broke
        server.close()
        assert asking.kept.broke
        asking.kept.close()
