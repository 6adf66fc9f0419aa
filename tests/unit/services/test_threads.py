"""Every thread is started in one place; whichever of them fails, the others go on and it is begun again."""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.program import Services
from unit.services.serving.test_keeper import put_program
from unit.services.test_slow_answers import Maker
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.tokens import TokenUse
from wattlight.domain.values import LOCAL_HOST
from wattlight.probes.lane import ProbeExecutor
from wattlight.runtime import Endpoint, OllamaServer, parse_endpoint
from wattlight.runtime.managed import ManagedProcess, ServerLog, Supervisor
from wattlight.runtime.passthrough import PassThroughServer
from wattlight.services.meter_service import MeterService
from wattlight.services.metering import ResidentWatch
from wattlight.services.models import SerialExecutor, ServerWatch
from wattlight.services.passthrough import TokenWriter
from wattlight.services.threads import Part, Threads, part_name
from wattlight.settings import Settings

SOURCE = Path(__file__).resolve().parents[3] / "desktop" / "wattlight"


class Kill(BaseException):
    """What no loop of its own catches."""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin again without a pause."""
    monkeypatch.setattr("wattlight.services.threads.LONGEST_PAUSE_S", 0.01)


def wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Told:
    """What was said, and which parts were down."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.down: list[tuple[str, ...]] = []

    def threads(self) -> Threads:
        threads = Threads()
        threads.listen(lambda name, text: self.said.append((name, text)), self.down.append)
        return threads


def killing(once: list[int]) -> None:
    """Raise as often as ``once`` says."""
    if once[0] > 0:
        once[0] -= 1
        raise Kill


@pytest.mark.parametrize("error", [ValueError("x"), Kill(), SystemExit(1), MemoryError()])
def test_a_part_that_fails_is_said_once_and_begun_again(at_once: None, error: BaseException) -> None:
    told, runs, end = Told(), list[int](), threading.Event()
    threads = told.threads()

    def run() -> None:
        runs.append(1)
        if len(runs) <= 2:
            raise error
        end.wait(15)

    part = threads.start("recorder", run)
    wait(lambda: len(runs) == 3)
    wait(lambda: threads.down == ())
    assert threads.running == ("recorder",)
    assert told.down == [("recorder",), (), ("recorder",), ()]
    assert {text for _, text in told.said} == {told.said[0][1]}
    assert part_name("recorder") in told.said[0][1] and type(error).__name__ in told.said[0][1]
    end.set()
    part.join(5)
    assert threads.close(1.0) == ()


def test_the_pauses_grow_and_an_end_does_not_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(
        threading.Event, "wait", lambda _self, s=None: (pauses.append(s), len(pauses) == 9)[1]
    )

    def fail() -> None:
        raise OSError

    part = Part(Threads(), "sampler", fail)
    part.run()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_part_in_its_pause_ends_when_it_is_joined() -> None:
    told = Told()

    def fail() -> None:
        raise OSError

    part = told.threads().start("sampler", fail)
    wait(lambda: told.said)
    began = time.monotonic()
    part.join(5)
    assert not part.is_alive()
    assert time.monotonic() - began < 0.9


def test_a_listener_that_fails_does_not_end_the_part(at_once: None) -> None:
    once, runs = [1], list[int]()

    def refuse(*_: object) -> None:
        raise RuntimeError

    threads = Threads()
    threads.listen(refuse, refuse)

    def run() -> None:
        runs.append(1)
        killing(once)

    threads.start("sampler", run)
    wait(lambda: len(runs) == 2)


def test_every_thread_has_words(tmp_path: Path) -> None:
    names = set()
    for file in SOURCE.rglob("*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if "SerialExecutor(" in line or "start(" in line or 'name = "' in line:
                names |= {
                    word
                    for word in line.split('"')[1::2]
                    if word.startswith("wattlight-") and "." not in word
                }
    assert len(names) > 8
    assert {name for name in names if part_name(name) == name} == set()


def serial(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    executor = SerialExecutor("wattlight-pulls", threads.start)
    done: list[int] = []

    def works() -> None:
        before = len(done)
        executor.submit(lambda: killing(once))
        executor.submit(lambda: done.append(1))
        wait(lambda: len(done) > before)

    yield works
    assert executor.close(5)


def tokens(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    kept: list[Any] = []

    class Store:
        def add_uses(self, uses: list[Any]) -> None:
            killing(once)
            kept.extend(uses)

    store: Any = Store()
    writer = TokenWriter(store, 0.01, threads.start)
    use: Any = object()

    def works() -> None:
        before, killed = len(kept), once[0]
        writer.take(use)
        wait(lambda: len(kept) > before or once[0] < killed)
        before = len(kept)
        writer.take(use)
        wait(lambda: len(kept) > before)

    yield works
    assert writer.stop(5)


def relay(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    import socket

    def on_use(_use: TokenUse) -> None: ...

    server = PassThroughServer(parse_endpoint("http://127.0.0.1:9"), 0, on_use, start=threads.start)
    accept = server._accept

    def sometimes(*words: Any) -> None:
        killing(once)
        accept(*words)

    server._accept = sometimes  # type: ignore[method-assign]
    server.start()
    port = server.port

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
                return client.recv(100).startswith(b"HTTP/1.1")
        except OSError:
            return False

    def works() -> None:
        wait(answers)
        assert server.port == port and server.running

    yield works
    server.stop()


def residents(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    asked: list[int] = []

    def ask(_before: Any) -> Any:
        asked.append(1)
        if len(asked) > 1:
            killing(once)
        return None

    watch = ResidentWatch(ask, 0.01, start=threads.start)
    watch.start()

    def works() -> None:
        before = len(asked)
        wait(lambda: len(asked) > before + 3)

    yield works
    assert watch.stop(5)


def probes(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    lane: ProbeExecutor[int] = ProbeExecutor(start=threads.start)

    def job() -> int:
        killing(once)
        return 7

    def works() -> None:
        wait(lambda: lane.run({"card": job}, 0.2)[0].get("card") == 7)

    yield works
    lane.close()


def server_watch(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    asked: list[int] = []

    class Server:
        def state(self, _host: Any, _before: Any, *, part: str, cancel: Any) -> ServerState:
            asked.append(1)
            killing(once)
            return ServerState("http://x", ServerStatus.READY)

    servers: Any = Server()
    told: list[ServerState] = []
    watch = ServerWatch(servers, LOCAL_HOST, lambda _, state: told.append(state), start=threads.start)
    watch.start()

    def works() -> None:
        watch.refresh()
        wait(lambda: once[0] == 0 and told)
        before = len(told)
        watch.refresh()
        wait(lambda: len(told) > before)

    yield works
    assert watch.stop(5)


def extras(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory() as folder:
        parts: Any = Maker(Path(folder), Settings(), threads)
        looked: list[int] = []

        def startable() -> bool:
            killing(once)
            looked.append(1)
            return True

        parts.guide.startable = startable

        def works() -> None:
            parts.slow.ask("computer")
            wait(lambda: once[0] == 0)
            before = len(looked)
            parts.slow.ask("computer")
            wait(lambda: len(looked) > before)

        yield works
        parts.end()


def managed(threads: Threads, once: list[int]) -> Iterator[Callable[[], None]]:
    """Killed while it tells that the server is up: begun again it takes over the one it started."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put_program(folder)
        log = ServerLog(folder / "log")
        process = ManagedProcess(folder / "record.json", log, {"PATH": "/usr/bin:/bin"})
        ups: list[int] = []

        def on_up(endpoint: Endpoint) -> None:
            killing(once)
            ups.append(endpoint.port)

        supervisor = Supervisor(process, log, on_up, lambda _problem: None, start=threads.start)

        def pid() -> int:
            return int(json.loads((folder / "record.json").read_text())["pid"])

        def works() -> None:
            if not ups:
                supervisor.start(folder / "usr/local/bin/ollama")
                wait(lambda: ups)
                return
            before, lost = len(ups), pid()
            os.kill(lost, signal.SIGKILL)
            wait(lambda: len(ups) == before + 1)
            assert OllamaServer(Endpoint("http", "127.0.0.1", ups[-1])).version()
            assert pid() != lost

        yield works
        assert supervisor.stop()
        assert not (folder / "record.json").exists()


KINDS = [serial, tokens, relay, residents, probes, server_watch, extras]


@pytest.mark.parametrize("part", [*KINDS, *([managed] if sys.platform != "win32" else [])])
def test_each_part_goes_on_after_its_thread_was_killed(
    at_once: None, part: Callable[[Threads, list[int]], Iterator[Callable[[], None]]]
) -> None:
    told, once, other = Told(), [0], threading.Event()
    threads = told.threads()
    beside = threads.start("beside", lambda: other.wait(60))
    staged = part(threads, once)
    works = next(staged)
    works()
    once[0] = 1
    works()
    wait(lambda: told.said and threads.down == ())
    assert len(told.said) == 1
    assert beside.is_alive()
    next(staged, None)
    other.set()
    assert threads.close(5) == ()


def test_kill_the_meters_threads_in_turn_and_it_goes_on(
    at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakes.metering import Machine
    from unit.services.test_meter_service import Prober
    from wattlight.services.metering import Recorder, Sampler
    from wattlight.settings import MeterSettings, Settings
    from wattlight.store import open_reader

    machine, services = Machine(), Services(tmp_path, Settings(meter=MeterSettings(hidden_interval_s=1.0)))
    services.factory.prober = lambda *_: Prober(machine)  # type: ignore[method-assign, assignment, return-value]
    services.factory.now = machine.clock.now  # type: ignore[method-assign]
    told = Told()
    threads = services.factory.threads
    threads.listen(lambda name, text: told.said.append((name, text)), told.down.append)
    kills = {"sampler": [0], "recorder": [0]}
    tick, round_ = Sampler.tick, Recorder._round

    def ticking(self: Sampler) -> bool:
        killing(kills["sampler"])
        machine.run(1)
        return tick(self)

    def rounding(self: Recorder) -> None:
        killing(kills["recorder"])
        round_(self)

    monkeypatch.setattr(Sampler, "tick", ticking)
    monkeypatch.setattr(Recorder, "_round", rounding)
    service = MeterService(services.factory, services.settings, services.hub)
    service.start()
    recording = service._recording
    wait(lambda: recording.recorder is not None)
    recorder = recording.recorder
    assert recorder is not None
    for left in kills.values():
        left[0] = 1
        recording.sampler.look_now()
        wait(lambda: recorder.flush(0.1) and not any(count for (count,) in kills.values()))
        wait(lambda: threads.down == ())
        assert set(threads.running) >= {"sampler", "recorder"}
    assert [name for name, _ in told.said] == ["sampler", "recorder"]
    for _ in range(3):
        recording.sampler.look_now()
        time.sleep(0.05)
    assert service.stop(10)
    with open_reader(services.factory.places.ledger_file) as reader:
        assert sum(b.energy_mj for b in reader.buckets(0, 2**60)) > 0
