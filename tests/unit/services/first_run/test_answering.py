"""A prompt, its pieces, its figures."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

from fakes.metering import part
from wattlight.domain.power import MachineSample
from wattlight.domain.state import AnswerState
from wattlight.domain.tokens import NO_COUNTERS, Counters, TokenSource, TokenUse
from wattlight.domain.values import Problem, Quality, Scope
from wattlight.runtime import AnswerEnd, AnswerPiece, AnswerRequest
from wattlight.services.benchmark import PowerHistory
from wattlight.services.first_run.answering import Answering

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOST = "local"


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers with given pieces; each costs a second."""

    def __init__(self, clock: Clock, pieces: list[AnswerPiece], problem: Problem | None = None) -> None:
        self._clock, self._pieces, self._problem = clock, pieces, problem
        self.questions: list[AnswerRequest] = []

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        self.questions.append(question)
        for piece in self._pieces:
            self._clock.now += 1.0
            yield piece
        if self._problem is not None:
            raise self._problem


def sample(at_s: float, watts: float) -> MachineSample:
    card = part("gpu", watts, scope=Scope.BOARD, quality=Quality.COUNTER, source="x")
    return MachineSample(HOST, NOW, at_s, (card,))  # type: ignore[arg-type]


def ask(server: Server, clock: Clock, tap: PowerHistory) -> tuple[list[AnswerState], list[TokenUse]]:
    states: list[AnswerState] = []
    uses: list[TokenUse] = []
    over = Event()

    def publish(state: AnswerState) -> None:
        states.append(state)
        if not state.running:
            over.set()

    answering = Answering(lambda: server, tap, lambda: NOW, publish, uses.append, clock)
    answering.ask("m", "why", 4096)
    assert over.wait(10)
    assert answering.close()
    return states, uses


END = AnswerPiece(end=AnswerEnd(Counters(prompt_tokens=5, output_tokens=40, output_ns=2_000_000_000), "stop"))


def test_an_answer_comes_in_pieces_and_ends_with_its_figures() -> None:
    clock, tap = Clock(), PowerHistory()
    for second in range(120):
        tap.take(sample(95.0 + second, 50.0))
    server = Server(clock, [AnswerPiece("Hm", thinking=True), AnswerPiece("A "), AnswerPiece("watt."), END])
    states, uses = ask(server, clock, tap)
    assert states[0].running
    assert states[-1].text == "A watt."
    assert states[-1].tokens_per_s == 20.0
    assert states[-1].output_tokens == 40
    assert states[-1].seconds == 4.0
    assert states[-1].joules == 200.0
    assert states[-1].joules_reason is None
    assert [use.counters.output_tokens for use in uses] == [40]
    assert (uses[0].complete, uses[0].source, uses[0].model) == (True, TokenSource.TRY_IT, "m")
    assert (server.questions[0].context_length, server.questions[0].max_tokens) == (4096, 512)


def test_without_power_the_energy_is_unknown_with_its_reason() -> None:
    clock = Clock()
    tap = PowerHistory()
    made = sample(99.0, 0.0)
    blind = part("cpu", kind="cpu", reason="no")
    tap.take(MachineSample(made.host, NOW, 99.0, (blind,)))
    tap.take(MachineSample(made.host, NOW, 190.0, (blind,)))
    states, _ = ask(Server(clock, [AnswerPiece("a"), AnswerPiece("b"), END]), clock, tap)
    assert states[-1].joules is None
    assert states[-1].joules_reason == "No part of this computer reports its power."


def test_a_short_answer_has_no_energy_rather_than_a_guess() -> None:
    clock = Clock()
    states, _ = ask(Server(clock, [END]), clock, PowerHistory())
    assert states[-1].joules is None
    assert states[-1].joules_reason
    assert states[-1].tokens_per_s == 20.0


def test_what_fails_is_said_and_what_came_stays() -> None:
    clock = Clock()
    problem = Problem("It does not fit.", "Choose a smaller one.", "out_of_memory")
    states, uses = ask(Server(clock, [AnswerPiece("half")], problem), clock, PowerHistory())
    assert states[-1].text == "half"
    assert states[-1].error == "It does not fit. Choose a smaller one."
    assert [(use.complete, use.counters) for use in uses] == [(False, NO_COUNTERS)]


def test_a_cancel_is_no_error() -> None:
    clock = Clock()
    states, _ = ask(Server(clock, [], Problem("Cancelled.", "", "cancelled")), clock, PowerHistory())
    assert states[-1].error is None
    assert not states[-1].running
