"""The watch over the server: how often, how it backs off, how fast it ends."""

import threading
import time
from dataclasses import replace
from typing import cast

import pytest

from fakes import faulty_answers
from fakes.fake_ollama import FakeOllama
from fakes.scripted_server import Line, ScriptedServer
from wattlight.domain.servers import ServerPart
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import OllamaServer
from wattlight.services.current import Servers
from wattlight.services.models import ServerWatch
from wattlight.services.models import watch as watch_module
from wattlight.services.models.watch import FAR_SHOWN_S
from wattlight.settings import ServerAddress
from wattlight.web import Endpoint

READY = ServerState("http://x", ServerStatus.READY)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """A server that answers what the test sets, and remembers how it was asked."""

    def __init__(self) -> None:
        self.answer = READY
        self.parts: list[ServerPart] = []

    def state(
        self,
        previous: ServerState | None = None,
        *,
        part: ServerPart = ServerPart.ALL,
        cancel: object = None,
    ) -> ServerState:
        self.parts.append(part)
        return self.answer


class One:
    """The only server."""

    def __init__(self, server: Asked) -> None:
        self._server = server

    def state(
        self, _host: object, before: ServerState | None, *, part: ServerPart, cancel: object
    ) -> ServerState:
        return self._server.state(before, part=part, cancel=cancel)


def at(server: OllamaServer) -> Servers:
    return Servers((ServerAddress(url=server.url),), {})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def seen() -> list[ServerState]:
    return []


@pytest.fixture
def watch(asked: Asked, seen: list[ServerState], clock: Clock) -> ServerWatch:
    return ServerWatch(cast("Servers", One(asked)), LOCAL_HOST, lambda _, s: seen.append(s), clock=clock)


def test_seldom_while_hidden_often_while_shown(watch: ServerWatch) -> None:
    assert watch.step() == 15
    watch.set_shown(True)
    assert watch.step() == 1
    watch.set_shown(False)
    assert watch.step() == 15


def test_the_whole_list_is_asked_for_now_and_then(watch: ServerWatch, asked: Asked, clock: Clock) -> None:
    for _ in range(3):
        watch.step()
        clock.now += 15
    assert asked.parts == [ServerPart.ALL, ServerPart.LOADED, ServerPart.LOADED]
    watch.refresh()
    watch.step()
    watch.step()
    assert asked.parts[3:] == [ServerPart.ALL, ServerPart.LOADED]
    clock.now += 301
    for _ in range(3):
        watch.step()
    assert asked.parts[5:] == [ServerPart.INSTALLED, ServerPart.VERSION, ServerPart.LOADED], "one at a look"
    watch.set_shown(True)
    for _ in range(24):
        clock.now += 1
        watch.step()
    assert {part: asked.parts[8:].count(part) for part in ServerPart} == {
        ServerPart.ALL: 0, ServerPart.INSTALLED: 2, ServerPart.VERSION: 2, ServerPart.LOADED: 20,
    }  # fmt: skip


def test_fault_03_pauses_grow_while_there_is_no_answer(watch: ServerWatch, asked: Asked) -> None:
    asked.answer = replace(READY, status=ServerStatus.ABSENT)
    watch.set_shown(True)
    assert [watch.step() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    watch.refresh()
    assert watch.step() == 1
    watch.set_shown(False)
    assert [watch.step() for _ in range(5)] == [15, 15, 15, 16, 30]
    asked.answer = READY
    assert watch.step() == 15


def test_the_thread_follows_the_server(fake: FakeOllama, server: OllamaServer) -> None:
    states: list[ServerState] = []
    changed = threading.Condition()

    def publish(state: ServerState) -> None:
        with changed:
            states.append(state)
            changed.notify_all()

    watch = ServerWatch(at(server), LOCAL_HOST, lambda _, state: publish(state))
    watch.start()
    try:
        with changed:
            assert changed.wait_for(lambda: bool(states), 5)
        assert states[0].status is ServerStatus.READY
        fake.install("new")
        watch.refresh()
        with changed:
            assert changed.wait_for(lambda: bool(states[-1].installed), 5)
    finally:
        assert watch.stop(1.0)


def test_it_stops_within_a_second_while_the_server_hangs(fake: FakeOllama, server: OllamaServer) -> None:
    fake.faults["*"] = faulty_answers.hang
    states: list[ServerState] = []
    watch = ServerWatch(at(server), LOCAL_HOST, lambda _, state: states.append(state))
    watch.start()
    for _ in range(300):
        if fake.requests:
            break
        time.sleep(0.01)
    begun = time.monotonic()
    assert watch.stop(1.0)
    assert time.monotonic() - begun < 1.0
    assert states == []


def test_a_watch_that_never_began_can_be_stopped(server: OllamaServer) -> None:
    assert ServerWatch(at(server), LOCAL_HOST, lambda *_: None).stop()


def test_an_error_in_the_listener_does_not_end_the_watch(
    fake: FakeOllama, server: OllamaServer, caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Event()

    def publish(_: ServerState) -> None:
        called.set()
        raise ZeroDivisionError

    watch = ServerWatch(at(server), LOCAL_HOST, lambda _, state: publish(state))
    watch.start()
    assert called.wait(5)
    called.clear()
    watch.refresh()
    assert called.wait(5)
    assert watch.stop(1.0)


def keeps_open(line: Line) -> None:
    """Ollama as it answers over one connection until the other side, or the test, ends it."""
    said = {"/api/version": b'{"version": "0.24.0"}'}
    while head := line.request()[0]:
        body = said.get(head.split()[1].decode(), b'{"models": []}')
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def test_a_server_that_ends_while_nobody_looks_is_noticed_by_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "GLANCE_S", 0.05)
    seen: list[ServerStatus] = []
    ready, away = threading.Event(), threading.Event()

    def publish(_host: object, state: ServerState) -> None:
        seen.append(state.status)
        (ready if state.status is ServerStatus.READY else away).set()

    with ScriptedServer(keeps_open) as server:
        servers = at(OllamaServer(Endpoint("http", "127.0.0.1", server.port)))
        watch = ServerWatch(servers, LOCAL_HOST, publish)
        watch.start()
        assert ready.wait(5.0) and server.connections == 1
        server.close()
        try:
            assert away.wait(5.0), "a hidden watch asks every 15 s; the connection told it at once"
        finally:
            assert watch.stop()


def test_the_same_bytes_are_the_same_state() -> None:
    with FakeOllama() as fake:
        fake.install("qwen3:0.6b")
        fake.start("qwen3:0.6b", keep="1h")
        server = OllamaServer(Endpoint("http", "127.0.0.1", fake.port))
        first = server.state()
        assert first.running and server.state(first) is first
        fake.install("other:1b")
        assert len(server.state(first).installed) == 2


def test_watches_over_other_computers_look_at_the_same_moments(clock: Clock) -> None:
    asked = Asked()
    watch = ServerWatch(cast("Servers", One(asked)), LOCAL_HOST, lambda *_: None, clock=clock)
    watch.set_shown(True)
    watch.share(1)
    for clock.now in (0.3, 7.0, 1234.5):
        after = clock.now + watch.step()
        assert after % FAR_SHOWN_S == pytest.approx(0.0, abs=1e-6) or after % FAR_SHOWN_S == pytest.approx(
            FAR_SHOWN_S
        )
        assert after - clock.now <= FAR_SHOWN_S
