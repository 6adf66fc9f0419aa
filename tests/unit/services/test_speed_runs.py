"""A measurement on request: quick beat while it lasts, progress told now and then, beat given back."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from wattlight.domain.tokens import Counters, MeasuredSpeed, TokenUse
from wattlight.runtime import AnswerEnd, AnswerPiece, AnswerRequest, RuntimeProblem
from wattlight.services.benchmark import PowerHistory, Subject
from wattlight.services.speed_runs import SpeedRuns

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Server:
    """Answers each question with as many tokens as it may, a hundred a second."""

    def __init__(self) -> None:
        self.time = 0.0
        self.fails = False

    def answer(self, question: AnswerRequest, cancel: threading.Event | None = None) -> Iterator[AnswerPiece]:
        if self.fails:
            raise RuntimeProblem("The connection broke off.", code="unreachable")
        tokens, read = question.max_tokens or 1, len(question.prompt) // 5
        for _ in range(tokens):
            self.time += 0.01
            yield AnswerPiece("x")
        yield AnswerPiece(end=AnswerEnd(Counters(read, None, tokens, 10**8, tokens * 10**7), "length"))


class Book(list[MeasuredSpeed]):
    """Runs in memory."""

    def add_speed(self, speed: MeasuredSpeed) -> None:
        self.append(speed)


class Tap(PowerHistory):
    """No sample ever comes, and nobody waits for one."""

    def wait_past(self, at_s: float, timeout_s: float) -> bool:
        return False


class Runs(SpeedRuns):
    """What is measured is given."""

    def subject(self, model: str) -> Subject:
        return Subject(model, "d1", "cpu", 4096, "0.33.0")


class Bench:
    """Speed runs over a server; time passes only while it answers."""

    def __init__(self) -> None:
        self.server = Server()
        self.book = Book()
        self.beats: list[bool] = []
        self.uses: list[TokenUse] = []
        self.said: list[float | None] = []
        mine: Any = self
        self.runs = Runs(mine, mine, mine, mine, mine, Tap(), mine, lambda: self.server.time)

    @property
    def local(self) -> Server:
        return self.server

    def jobs(self) -> Book:
        return self.book

    def now(self) -> datetime:
        return NOW

    def hurry(self, on: bool) -> None:
        self.beats.append(on)

    def count(self, use: TokenUse) -> None:
        self.uses.append(use)


def test_a_run_is_kept_and_the_beat_given_back() -> None:
    bench = Bench()
    bench.runs.run("m", bench.said.append, threading.Event())
    assert [(round(run.output_tokens_per_s), run.deep) for run in bench.book] == [(100, False), (100, True)]
    assert bench.beats == [True, False]
    assert len(bench.uses) == 6


def test_progress_is_told_twice_a_second_at_most() -> None:
    bench = Bench()
    bench.runs.run("m", bench.said.append, threading.Event())
    shares = [share for share in bench.said if share is not None]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert len(shares) <= bench.server.time / 0.5 + 1


def test_a_failure_gives_the_beat_back_too() -> None:
    bench = Bench()
    bench.server.fails = True
    with pytest.raises(RuntimeProblem):
        bench.runs.run("m", bench.said.append, threading.Event())
    assert bench.beats == [True, False]
    assert bench.book == []
