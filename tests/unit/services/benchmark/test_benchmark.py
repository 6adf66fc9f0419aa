"""The benchmark with a server that answers by the book; clock and samples are made by hand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from fakes.metering import part
from wattlight.domain.power import MachineSample
from wattlight.domain.tokens import Counters, MeasuredSpeed, TokenSource, TokenUse
from wattlight.domain.values import LOCAL_HOST, Scope
from wattlight.runtime import AnswerEnd, AnswerPiece, AnswerRequest, RuntimeProblem
from wattlight.services.benchmark import Benchmark, BenchmarkProblem, PowerHistory, Progress, Subject

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SUBJECT = Subject("llama3.1:8b", "d1", "RTX", 8192, "0.33.0")


class Machine:
    """A server of a given speed on a machine of given watts; time passes only while it answers."""

    def __init__(self, per_s: float = 100.0, idle_w: float | None = 20.0, busy_w: float = 220.0) -> None:
        self.per_s = per_s
        self.idle_w = idle_w
        self.busy_w = busy_w
        self.time = 100.0
        self.tap = PowerHistory()
        self.questions: list[AnswerRequest] = []
        self.longest: int | None = None
        self.counted = True
        self.battery = False
        self.others = 0.0
        self.fills: dict[int, float] = {}
        """Tokens a second with so many characters of prompt and more."""
        self.breaks_at: int | None = None
        for _ in range(5):
            self.pass_time(1.0, busy=False)

    def pass_time(self, seconds: float, busy: bool) -> None:
        end = self.time + seconds
        while self.time < end - 1e-9:
            self.time = min(end, self.time + 0.5)
            self.sample(busy)

    def sample(self, busy: bool, power: float | None = -1.0) -> None:
        watts = (self.busy_w if busy else self.idle_w) if power == -1.0 else power
        if self.idle_w is None:
            watts = None
        device = replace(part("g", watts, scope=Scope.BOARD), others_percent=self.others)
        self.tap.take(MachineSample(LOCAL_HOST, NOW, self.time, (device,), on_battery=self.battery))

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        self.questions.append(question)
        tokens = question.max_tokens or 10
        if self.longest is not None:
            tokens = min(tokens, self.longest)
        if len(self.questions) == self.breaks_at:
            raise RuntimeProblem("The connection broke off.", code="cut_stream")
        self.pass_time(len(question.prompt) // 5 / 2000 + 0.4, busy=True)
        yield AnswerPiece("first")
        per_s = next((s for length, s in self.fills.items() if len(question.prompt) > length), self.per_s)
        self.pass_time(tokens / per_s, busy=True)
        yield AnswerPiece("last")
        read = len(question.prompt) // 5
        counters = Counters(read, None, tokens, read * 500_000, round(tokens / per_s * 1e9))
        yield AnswerPiece(end=AnswerEnd(counters if self.counted else Counters(), "length"))
        self.pass_time(1.0, busy=False)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time


class Book:
    """Keeps runs in memory."""

    def __init__(self) -> None:
        self.runs: list[MeasuredSpeed] = []

    def add_speed(self, speed: MeasuredSpeed) -> None:
        self.runs.append(speed)


def measure(machine: Machine, progress: Callable[[Progress], None] | None = None) -> MeasuredSpeed:
    book, uses = Book(), list[TokenUse]()
    bench = Benchmark(machine, machine.tap, book, machine.now, machine.monotonic, uses.append)
    # the sample after the end comes as the sampler goes on
    machine.tap.wait_past = lambda at, timeout: machine.pass_time(1.0, busy=False) or True
    result = bench.run(SUBJECT, progress)
    assert book.runs == [result]
    assert len(uses) == len(machine.questions) - (machine.breaks_at is not None)
    assert {use.source for use in uses} == {TokenSource.BENCHMARK}
    return result


def test_speed_and_energy_of_a_run() -> None:
    told: list[Progress] = []
    machine = Machine()
    result = measure(machine, told.append)
    assert result.output_tokens == 1200
    assert [question.max_tokens for question in machine.questions] == [48, 512, 512, 176]
    assert result.output_tokens_per_s == pytest.approx(100)
    assert result.prompt_tokens_per_s == pytest.approx(2000)
    # 200 W above rest at 100 tokens a second
    assert result.joules_per_token == pytest.approx(2.0)
    assert result.power_w == pytest.approx(200)
    assert result.energy_error_fraction == pytest.approx(0.11)
    assert result.energy_reason is None
    assert (result.context, result.device, result.digest) == (8192, "RTX", "d1")
    assert told[0] == Progress("loading")
    assert told[-1].stage == "measuring"


def test_the_first_prompt_is_never_in_the_cache_and_the_measured_one_is_always_the_same() -> None:
    one, two = Machine(), Machine()
    measure(one)
    two.time += 1
    measure(two)
    assert one.questions[0].prompt != two.questions[0].prompt
    assert one.questions[1].prompt == two.questions[1].prompt
    assert all(question.steady and question.context_length == 8192 for question in one.questions)


def test_an_answer_that_ends_early_is_asked_for_again() -> None:
    machine = Machine()
    machine.longest = 500
    result = measure(machine)
    assert result.output_tokens == 1200
    assert len(machine.questions) == 4
    machine = Machine()
    machine.longest = 100
    result = measure(machine)
    assert result.output_tokens == 800
    assert result.energy_reason == "The run took only 8.0 s."
    assert result.energy_error_fraction == pytest.approx(0.11 * 10 / 8)


def test_a_run_too_short_to_measure_its_energy_says_so() -> None:
    machine = Machine(per_s=100000)
    result = measure(machine)
    assert result.joules_per_token is None
    assert result.power_w is None
    assert "too short" in (result.energy_reason or "")


def test_a_slow_machine_is_not_asked_for_much() -> None:
    machine = Machine(per_s=2)
    assert measure(machine).output_tokens == 48


def test_no_sensor_and_no_sampler() -> None:
    result = measure(Machine(idle_w=None))
    assert (result.joules_per_token, result.power_w) == (None, None)
    assert result.energy_reason == "No part of this computer reports its power."
    machine, book = Machine(), Book()
    Benchmark(machine, None, book, machine.now, machine.monotonic).run(SUBJECT)
    assert book.runs[0].energy_reason == "No part of this computer reports its power."


def test_an_unknown_rest_is_said() -> None:
    machine = Machine()
    machine.tap = PowerHistory()
    machine.sample(busy=False)
    result = measure(machine)
    assert result.energy_reason == "What the computer draws at rest is included."
    assert result.joules_per_token == pytest.approx(2.2, rel=0.03)


def test_an_answer_that_breaks_off_leaves_those_before_it() -> None:
    machine = Machine()
    machine.breaks_at = 3
    assert measure(machine).output_tokens == 512
    machine = Machine()
    machine.breaks_at = 2
    with pytest.raises(RuntimeProblem):
        Benchmark(machine, None, Book(), machine.now, machine.monotonic).run(SUBJECT)


def test_no_counters_is_no_measurement() -> None:
    machine, book = Machine(), Book()
    machine.counted = False
    with pytest.raises(BenchmarkProblem):
        Benchmark(machine, None, book, machine.now, machine.monotonic).run(SUBJECT)
    assert book.runs == []


def fills(machine: Machine, subject: Subject = SUBJECT) -> tuple[MeasuredSpeed, ...]:
    machine.tap.wait_past = lambda at, timeout: machine.pass_time(1.0, busy=False) or True
    book = Book()
    results = Benchmark(machine, machine.tap, book, machine.now, machine.monotonic).run_fills(subject)
    assert tuple(book.runs) == results
    return results


def test_an_empty_and_a_filled_context() -> None:
    machine = Machine()
    machine.fills = {5000: 60.0}
    empty, filled = fills(machine, replace(SUBJECT, driver="575.1"))
    assert (empty.deep, filled.deep) == (False, True)
    assert filled.cache_tokens == pytest.approx(0.75 * 8192, rel=0.05)
    assert empty.cache_tokens is not None and empty.cache_tokens < 500
    assert (round(empty.output_tokens_per_s), round(filled.output_tokens_per_s)) == (100, 60)
    # 200 W above rest at 60 tokens a second
    assert filled.joules_per_token == pytest.approx(200 / 60, rel=0.01)
    assert filled.prompt_tokens_per_s == pytest.approx(2000)
    assert filled.first_token_s == pytest.approx(filled.cache_tokens / 2000 + 0.4, rel=0.1)
    assert (empty.load_s, filled.load_s, filled.driver) == (None, None, "575.1")
    long = [question.prompt for question in machine.questions if len(question.prompt) > 5000]
    assert len(set(long)) == 1
    assert not long[0].startswith(machine.questions[0].prompt[:20])


def test_how_long_it_took_to_load_is_told_where_it_was_not() -> None:
    machine = Machine()
    answer = machine.answer

    def slowly(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        if not machine.questions:
            machine.pass_time(7.0, busy=False)
        return answer(question, cancel)

    machine.answer = slowly  # type: ignore[method-assign]
    empty, filled = fills(machine, replace(SUBJECT, loaded=False))
    assert empty.load_s == pytest.approx(7.0, abs=0.3)
    assert (empty.first_token_s, filled.load_s) == (pytest.approx(0.45, abs=0.05), None)


@pytest.mark.parametrize("context", [512, 1365])
def test_a_short_context_is_not_filled(context: int) -> None:
    assert len(fills(Machine(), replace(SUBJECT, context=context))) == 1


def test_a_prompt_that_takes_long_is_shortened_or_left_out() -> None:
    class Slow(Machine):
        read_s = 0.03

        def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
            for piece in super().answer(question, cancel):
                if piece.end is None:
                    yield piece
                    continue
                counted = replace(
                    piece.end.counters, prompt_ns=round(len(question.prompt) / 5 * self.read_s * 1e9)
                )
                self.pass_time((counted.prompt_ns or 0) / 1e9, busy=True)
                yield AnswerPiece(end=AnswerEnd(counted, "length"))

    machine = Slow()
    _, filled = fills(machine)
    assert 1024 <= (filled.cache_tokens or 0) < 2300
    machine = Slow()
    machine.read_s = 0.2
    assert len(fills(machine)) == 1


def why_not(machine: Machine) -> str:
    machine.tap.wait_past = lambda at, timeout: machine.pass_time(1.0, busy=False) or True
    book = Book()
    with pytest.raises(BenchmarkProblem) as caught:
        Benchmark(machine, machine.tap, book, machine.now, machine.monotonic).run_fills(SUBJECT)
    assert book.runs == []
    assert caught.value.code == "disturbed"
    return caught.value.message


def test_on_battery_nothing_is_measured() -> None:
    machine = Machine()
    machine.battery = True
    machine.pass_time(1.0, busy=False)
    assert "on its battery" in why_not(machine)
    assert machine.questions == []


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_program_that_works_beside_it_at_any_moment_spoils_the_whole(number: int) -> None:
    machine = Machine()
    answer = machine.answer

    def beside(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        machine.others = 35.0 if len(machine.questions) == number else 0.0
        return answer(question, cancel)

    machine.answer = beside  # type: ignore[method-assign]
    assert "Other programs work on g" in why_not(machine)


def test_a_server_that_answers_others_too_is_noticed() -> None:
    machine = Machine()
    answer = machine.answer

    def queued(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        if len(machine.questions) == 2:
            machine.pass_time(6.0, busy=True)
        return answer(question, cancel)

    machine.answer = queued  # type: ignore[method-assign]
    assert "busy with something else" in why_not(machine)
    machine = Machine()
    slower = machine.answer

    def shared(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        machine.per_s = 60.0 if len(machine.questions) == 2 else 100.0
        return slower(question, cancel)

    machine.answer = shared  # type: ignore[method-assign]
    assert "speed changed" in why_not(machine)


def test_the_tap_knows_what_it_did_not_see() -> None:
    machine = Machine()
    tap = machine.tap
    assert tap.between(101.0, 103.0).joules == pytest.approx(40.0)
    assert tap.between(101.25, 101.5).joules == pytest.approx(5.0)
    assert tap.between(50.0, 103.0).reason == "The power was not read during the whole run."
    assert tap.between(101.0, 999.0).joules is None
    machine.time += 60
    machine.sample(busy=False)
    assert tap.between(103.0, 164.0).joules is None
    machine.time += 1
    machine.sample(busy=False, power=None)
    assert tap.between(164.5, 165.5).joules is None
    assert PowerHistory().between(0, 1).joules is None


def test_the_tap_forgets_and_waits() -> None:
    tap = PowerHistory()
    machine = Machine()
    machine.tap = tap
    machine.pass_time(700, busy=False)
    assert len(tap._points) <= 1202
    assert tap.wait_past(machine.time, 0.0)
    assert not tap.wait_past(machine.time + 1, 0.0)


def test_a_part_that_appears_midway_makes_the_sum_unknown() -> None:
    tap = PowerHistory()
    for second in range(4):
        names = ["a", "b"] if second > 1 else ["a"]
        parts = tuple(part(n, 10.0, scope=Scope.BOARD) for n in names)
        tap.take(MachineSample(LOCAL_HOST, NOW, float(second), parts))
    assert tap.between(0.0, 1.0).joules == pytest.approx(10)
    assert "started or stopped" in (tap.between(0.0, 3.0).reason or "")
