"""Token counts of every client: off until asked for, on and off, each count to all who need it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wattlight.domain.state import CountingState
from wattlight.domain.tokens import Counters, TokenUse
from wattlight.runtime import Endpoint, OllamaServer, RuntimeProblem
from wattlight.services.benchmark import PowerHistory
from wattlight.services.counting import Counting
from wattlight.services.passthrough import WindowEnergy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SERVER = Endpoint("http", "127.0.0.1", 11434)


def use(tokens_in: int | None, tokens_out: int | None) -> TokenUse:
    counters = Counters(prompt_tokens=tokens_in, output_tokens=tokens_out)
    return TokenUse("m", "curl", "/api/chat", NOW, NOW, 100, 200, True, counters)


class Relay:
    """A relay that does not listen."""

    def __init__(self, upstream: Endpoint, port: int, on_use: Callable[[TokenUse], None]) -> None:
        self.upstream, self.port, self.on_use = upstream, port, on_use
        self.running = False

    def start(self) -> None:
        if self.port == 1:
            raise RuntimeProblem("Port 1 is used by another program.", "Choose another.", "port_taken")
        self.running = True

    def stop(self) -> None:
        self.running = False


class Bench:
    """A counting desk over fake relays."""

    def __init__(self) -> None:
        self.relays: list[Relay] = []
        self.written: list[TokenUse] = []
        self.noted: list[tuple[int, int]] = []
        self.forgotten: list[int] = []
        self.server = SERVER
        self.counting = Counting(
            self,  # type: ignore[arg-type]  # as much of the servers as is used
            self,  # type: ignore[arg-type]  # likewise of the store
            self,  # type: ignore[arg-type]  # and of the meter
            WindowEnergy(PowerHistory()),
            self._relay,  # type: ignore[arg-type]  # as much of the relay as is used
        )

    @property
    def local(self) -> OllamaServer:
        return OllamaServer(self.server)

    def note_tokens(self, model: str, tokens_in: int, tokens_out: int) -> None:
        self.noted.append((tokens_in, tokens_out))

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        self.written += uses

    def forget_tokens(self) -> None:
        self.forgotten.append(len(self.written))

    def _relay(self, upstream: Endpoint, port: int, on_use: Callable[[TokenUse], None]) -> Relay:
        self.relays.append(Relay(upstream, port, on_use))
        return self.relays[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_listens_until_it_is_asked_for(bench: Bench) -> None:
    assert bench.counting.state == CountingState()
    assert bench.counting.stop()
    assert bench.relays == []


def test_each_count_reaches_the_file_and_the_meter(bench: Bench) -> None:
    bench.counting.turn_on(11435)
    assert bench.counting.state.on
    assert bench.counting.state.url == "http://127.0.0.1:11435"
    bench.relays[0].on_use(use(20, 7))
    bench.relays[0].on_use(use(None, None))
    assert bench.counting.state.requests == 2
    assert bench.counting.state.uncounted == 1
    assert bench.counting.state.output_tokens == 7
    assert bench.noted == [(20, 7)]
    assert bench.counting.stop()
    assert len(bench.written) == 2
    assert not bench.relays[0].running
    assert not bench.counting.state.on


def test_another_port_or_another_server_is_another_relay(bench: Bench) -> None:
    bench.counting.turn_on(11435)
    bench.counting.turn_on(11435)
    assert len(bench.relays) == 1
    bench.server = Endpoint("http", "127.0.0.1", 40000)
    bench.counting.turn_on(11435)
    assert [r.running for r in bench.relays] == [False, True]
    assert bench.relays[1].upstream.port == 40000
    bench.counting.turn_on(11436)
    assert [(r.running, r.port) for r in bench.relays[1:]] == [(False, 11435), (True, 11436)]
    bench.counting.turn_off()
    assert not bench.relays[2].running


def test_forgotten_counts_are_neither_shown_nor_written_later(bench: Bench) -> None:
    bench.counting.turn_on(11435)
    bench.relays[0].on_use(use(20, 7))
    bench.counting.forget()
    assert bench.forgotten == [0]
    assert (bench.counting.state.on, bench.counting.state.requests) == (True, 0)
    bench.relays[0].on_use(use(3, 4))
    assert bench.counting.stop()
    assert [u.counters.output_tokens for u in bench.written] == [4]


def test_turned_off_it_begins_anew(bench: Bench) -> None:
    bench.counting.turn_off()
    bench.counting.turn_on(11435)
    bench.relays[0].on_use(use(1, 2))
    bench.counting.turn_off()
    assert bench.counting.state == CountingState()
    bench.counting.turn_on(11435)
    assert bench.counting.state.requests == 0


def test_a_taken_port_is_told_and_nothing_is_on(bench: Bench) -> None:
    bench.counting.turn_on(11435)
    with pytest.raises(RuntimeProblem, match="Port 1"):
        bench.counting.turn_on(1)
    assert not bench.counting.state.on
    assert not bench.relays[0].running


def test_a_benchmark_counts_without_the_relay(bench: Bench) -> None:
    bench.counting.count(use(5, 9))
    assert bench.counting.stop()
    assert bench.noted == [(5, 9)]
    assert len(bench.written) == 1


def test_the_last_speed_of_each_model_is_kept_of_whole_answers_that_were_alone(bench: Bench) -> None:
    def answer(model: str, tokens: int, **more: object) -> TokenUse:
        counters = Counters(output_tokens=tokens, output_ns=2_000_000_000)
        return replace(use(1, tokens), model=model, counters=counters, **more)  # type: ignore[arg-type]

    for one in (
        answer("a", 100),
        answer("b", 400),
        answer("a", 80),
        answer("a", 5),  # too short to tell
        answer("b", 60, alone=False),
        answer("b", 60, complete=False),
        answer("", 60),
    ):
        bench.counting.count(one)
    assert [(s.model, s.tokens_per_s) for s in bench.counting.speeds] == [("a", 40.0), ("b", 200.0)]
    for number in range(100):
        bench.counting.count(answer(f"m{number}", 100))
    assert len(bench.counting.speeds) == 32
