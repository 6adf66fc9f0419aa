"""Two models on the same prompts: figures and answers of both, and nothing of a disturbed run."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from wattlight.domain.state import RunningModel
from wattlight.domain.tokens import Counters
from wattlight.runtime import AnswerEnd, AnswerPiece, AnswerRequest
from wattlight.services.benchmark import Benchmark, BenchmarkProblem, SideBySide, Subject, compare

from .test_benchmark import Machine

OLD = Subject("m:8b-20261001", "d0", "RTX", 8192, "0.33.0")
NEW = Subject("m:8b", "d1", "RTX", 4096, "0.33.0")
PROMPTS = ("What is a cow?", "Name a colour.", "Say yes.")


class Pair(Machine):
    """Holds one of two models; the old one is slower, and both say yes alike."""

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        self.questions.append(question)
        per_s = 50.0 if question.model == OLD.model else 100.0
        tokens = 1 if question.max_tokens == 1 else 400
        text = "Yes." if question.prompt == PROMPTS[2] else f"{question.model} on {question.prompt}"
        self.pass_time(0.5 if len(self.questions) % 2 else 0.75, busy=True)
        yield AnswerPiece("hm", thinking=True)
        yield AnswerPiece(text)
        self.pass_time(tokens / per_s, busy=True)
        yield AnswerPiece(
            end=AnswerEnd(Counters(20, None, tokens, 10**8, round(tokens / per_s * 1e9)), "stop")
        )

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        name = self.questions[-1].model
        return (RunningModel(name, "d", 6 << 30, 5 << 30),)


def made(machine: Pair, first: Subject = OLD, second: Subject = NEW) -> SideBySide:
    machine.tap.wait_past = lambda at, timeout: machine.pass_time(1.0, busy=False) or True
    benchmark = Benchmark(machine, machine.tap, None, machine.now, machine.monotonic)
    return compare(benchmark, machine, (first, second), PROMPTS)


def test_figures_and_answers_of_both() -> None:
    machine = Pair()
    result = made(machine)
    assert (result.first.tokens_per_s, result.second.tokens_per_s) == (pytest.approx(50), pytest.approx(100))
    # 200 W above rest
    assert result.first.joules_per_token == pytest.approx(4.0, rel=0.02)
    assert result.second.joules_per_token == pytest.approx(2.0, rel=0.02)
    assert (result.first.size_bytes, result.first.gpu_bytes) == (6 << 30, 5 << 30)
    assert result.first.answers[0] == "m:8b-20261001 on What is a cow?"
    assert (result.first.tokens, result.same_answers) == (1200, 1)
    assert result.second.first_token_s == pytest.approx(0.75)
    asked = [(q.model, q.context_length) for q in machine.questions]
    assert asked == [(OLD.model, 4096)] * 4 + [(NEW.model, 4096)] * 4
    assert [q.prompt for q in machine.questions[1:4]] == list(PROMPTS)


def test_a_single_word_tells_no_speed_and_spoils_none() -> None:
    """As a real server counts: of one token no time is told."""

    class Short(Pair):
        words = 1

        def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
            for piece in super().answer(question, cancel):
                short = question.prompt in PROMPTS[: self.words]
                yield (
                    replace(piece, end=AnswerEnd(Counters(20, None, 1), "stop"))
                    if piece.end and short
                    else piece
                )

    result = made(Short())
    assert result.first.tokens_per_s == pytest.approx(50)
    machine = Short()
    machine.words = 3
    with pytest.raises(BenchmarkProblem, match="can be measured"):
        made(machine)


def test_one_model_by_two_names_is_refused() -> None:
    machine = Pair()
    with pytest.raises(BenchmarkProblem, match="same model"):
        made(machine, NEW, replace(NEW, model="current"))
    assert machine.questions == []


@pytest.mark.parametrize("number", [0, 3, 7])
def test_what_comes_between_spoils_it(number: int) -> None:
    machine = Pair()
    answer = machine.answer

    def beside(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        machine.others = 60.0 if len(machine.questions) == number else 0.0
        return answer(question, cancel)

    machine.answer = beside  # type: ignore[method-assign]
    with pytest.raises(BenchmarkProblem) as caught:
        made(machine)
    assert caught.value.code == "disturbed"


def test_a_server_that_serves_others_meanwhile_spoils_it() -> None:
    machine = Pair()
    answer = machine.answer

    def queued(question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        if question.prompt == PROMPTS[1]:
            machine.pass_time(9.0, busy=True)
        return answer(question, cancel)

    machine.answer = queued  # type: ignore[method-assign]
    with pytest.raises(BenchmarkProblem, match="busy with something else"):
        made(machine)
