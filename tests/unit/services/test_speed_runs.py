"""A measurement on request: quick beat while it lasts, progress told now and then, beat given back."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wattlight.domain.command import Command, Verb
from wattlight.domain.tokens import Counters, MeasuredSpeed, TokenUse
from wattlight.paths import Places
from wattlight.runtime import AnswerEnd, AnswerPiece, AnswerRequest, RuntimeProblem
from wattlight.services.answers import Extras
from wattlight.services.benchmark import PowerHistory, Subject
from wattlight.services.prompts import PromptsProblem, kept_prompts, prompts_file
from wattlight.services.speed_runs import SpeedRuns

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Server:
    """Answers each question with as many tokens as it may, a hundred a second."""

    def __init__(self) -> None:
        self.time = 0.0
        self.fails = False

    def running(self, cancel: threading.Event | None = None) -> tuple[()]:
        return ()

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
        return Subject(model, f"digest of {model}", "cpu", 4096, "0.33.0")


class Bench:
    """Speed runs over a server; time passes only while it answers."""

    def __init__(self, root: Path = Path("nowhere")) -> None:
        self.folders = Places(root, root, root, root, root)
        self.told: list[tuple[str, str]] = []
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

    @property
    def places(self) -> Places:
        return self.folders

    def notify(self, kind: str, text: str, _at: datetime, _level: str) -> None:
        self.told.append((kind, text))

    def withdraw(self, kind: str) -> None:
        self.told.append((kind, ""))

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


def test_two_models_on_the_prompts_that_were_typed(tmp_path: Path) -> None:
    bench, changed = Bench(tmp_path), list[str]()
    bench.runs.listen(lambda: changed.append("now"))
    file = prompts_file(bench.places)
    with pytest.raises(PromptsProblem):
        bench.runs.compare("a", "b", bench.said.append, threading.Event())
    bench.runs.set_prompts(Command(Verb.SET_PROMPTS, text="Why?\n---\nHow?", number=0))
    assert not file.exists()
    bench.runs.compare("a", "b", bench.said.append, threading.Event())
    made = bench.runs.answer(Extras()).compared
    assert made is not None
    assert (made.prompts, made.first.subject.model, made.same_answers) == (("Why?", "How?"), "a", 2)
    assert bench.book == []
    assert bench.said[-1] == 1.0
    assert bench.beats == [True, False]
    assert len(bench.uses) == 6
    assert len(changed) == 2


def test_prompts_are_kept_where_that_is_wanted_and_go_when_it_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    file = prompts_file(bench.places)
    bench.runs.set_prompts(Command(Verb.SET_PROMPTS, text="Why?", number=1))
    assert kept_prompts(file) == ("Why?",)
    assert Bench(tmp_path).runs.answer(Extras()).prompts == "Why?"
    bench.runs.set_prompts(Command(Verb.SET_PROMPTS, text="x" * 9000, number=1))
    assert "too long" in bench.told[-1][1]
    assert kept_prompts(file) == ("Why?",)
    bench.runs.set_prompts(Command(Verb.SET_PROMPTS))
    assert not file.exists()
    assert bench.told[-1] == ("prompts", "")
