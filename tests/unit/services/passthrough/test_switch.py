"""The pass-through as the program uses it, with a relay that does not listen; and its keeper."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from wattlight.domain.tokens import NO_COUNTERS, Counters, TokenUse
from wattlight.domain.values import Problem
from wattlight.runtime import Endpoint, RuntimeProblem
from wattlight.services.passthrough import PassThrough, PassThroughState, TokenWriter
from wattlight.services.passthrough import keeper as keeper_file

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def use(output: int | None = 5) -> TokenUse:
    counters = NO_COUNTERS if output is None else Counters(output_tokens=output)
    return TokenUse("m", "curl", "/api/chat", NOW, NOW, 100, 200, True, counters)


class FakeRelay:
    """Stands for the relay."""

    all: list["FakeRelay"]

    def __init__(self, upstream: Endpoint, port: int, on_use: Callable[[TokenUse], None]) -> None:
        self.port = port or 40000
        self.on_use = on_use
        self.events: list[str] = []
        FakeRelay.all.append(self)

    def start(self) -> None:
        if self.port == 1:
            raise RuntimeProblem("Port 1 is used by another program.", "Choose another.", "port_taken")
        self.events.append("start")

    def stop(self) -> None:
        self.events.append("stop")


@pytest.fixture(autouse=True)
def relays() -> list[FakeRelay]:
    FakeRelay.all = []
    return FakeRelay.all


def test_it_is_off_until_asked_for(relays: list[FakeRelay]) -> None:
    told: list[PassThroughState] = []
    uses: list[TokenUse] = []
    relay = PassThrough(Endpoint("http", "127.0.0.1", 11434), uses.append, told.append, FakeRelay)
    assert not relay.state.on
    assert relays == []
    assert relay.turn_on().url == "http://127.0.0.1:11435"
    relay.turn_on()
    assert len(relays) == 1
    relays[0].on_use(use())
    relays[0].on_use(use(None))
    assert (relay.state.requests, relay.state.uncounted, relay.state.output_tokens) == (2, 1, 5)
    assert relay.state.last_at == NOW
    assert len(uses) == 2
    assert not relay.turn_off().on
    assert relays[0].events == ["start", "stop"]
    assert [state.requests for state in told] == [0, 1, 2, 2]
    relay.turn_off()


def test_another_port_replaces_the_relay_and_a_taken_one_leaves_it_off(relays: list[FakeRelay]) -> None:
    relay = PassThrough(Endpoint("http", "127.0.0.1", 11434), lambda _use: None, make=FakeRelay)
    relay.turn_on()
    assert relay.turn_on(0).port == 40000
    assert relays[0].events == ["start", "stop"]
    with pytest.raises(RuntimeProblem):
        relay.turn_on(1)
    relay.turn_off()
    assert not relay.state.on


class Disk:
    """Takes written requests; fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.written: list[TokenUse] = []
        self.batches = 0
        self.told = threading.Semaphore(0)

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        self.batches += 1
        try:
            if self.failures:
                self.failures -= 1
                raise Problem("The disk is full.", "Free some space.")
            self.written += uses
        finally:
            self.told.release()


def test_requests_are_written_together_and_all_at_the_end() -> None:
    disk = Disk()
    keeper = TokenWriter(disk, gather_s=60)
    for _ in range(100):
        keeper.take(use())
    assert keeper.stop()
    assert len(disk.written) == 100
    assert disk.batches == 1
    assert keeper.stop()


def test_a_full_disk_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(failures=2)
    keeper = TokenWriter(disk, gather_s=0)
    for number in range(3):
        keeper.take(use(number))
        assert disk.told.acquire(timeout=5)
    assert keeper.stop()
    assert [u.counters.output_tokens for u in disk.written] == [0, 1, 2]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_file, "MOST_WAITING", 2)
    disk = Disk(failures=3)
    keeper = TokenWriter(disk, gather_s=0)
    for number in range(4):
        keeper.take(use(number))
        assert disk.told.acquire(timeout=5)
    assert keeper.stop()
    assert [u.counters.output_tokens for u in disk.written] == [1, 2, 3]
