"""Measures how fast a model answers here, and what an answer costs in energy."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event

from wattlight.domain.tokens import (
    Counters,
    MeasuredSpeed,
    TokenSource,
    TokenUse,
    joules_per_token,
)
from wattlight.domain.values import LOCAL_HOST, HostId, Problem
from wattlight.i18n import tr
from wattlight.runtime import AnswerRequest, ModelServer, RuntimeProblem
from wattlight.store.jobs import LearningStore

from .energy import EnergyWindow, PowerHistory

PROMPT = (
    "Write a long story about a lighthouse keeper who repairs an old radio in winter. Describe the island, "
    "the sea and the weather of each day, what the keeper hears on each frequency, whom he speaks to, what "
    "he cooks, what he reads in the evening, how the lamp is cleaned and wound, and what he writes in the "
    "book of the station. Let a ship appear in the fog, and let the radio work for the first time on that "
    "night. Go on without stopping, do not summarise, do not ask questions, and begin with the first day."
)
"""Always the same, so that runs compare; long enough that reading it can be timed."""
FIRST_TOKENS = 48
WINDOW_S = 12.0
"""So long the measured answer should take: power sensors average over up to a second."""
SURE_WINDOW_S = 10.0
SHORTEST_S = 2.0
MOST_TOKENS = 4096
ROUND_TOKENS = 512
"""Longer answers would measure a filling context, or overflow a short one."""
MOST_ROUNDS = 8
MIN_PROMPT_TOKENS = 64
NEXT_SAMPLE_S = 6.0
"""The sample after the end comes within this, however slow the beat."""
REST_S = 3.0
"""Length of the look at the power before the run."""


class BenchmarkProblem(Problem):
    """The benchmark has no result."""

    code = "benchmark"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a model, where it runs, and with which context."""

    model: str
    digest: str
    device: str
    context: int
    server_version: str | None = None
    host: HostId = LOCAL_HOST


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``stage`` is "loading" or "measuring"; tokens so far of about how many."""

    stage: str
    tokens: int = 0
    of_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _TimedAnswer:
    counters: Counters
    start_s: float
    end_s: float


class Benchmark:
    """Runs on the caller's thread, about 15 s after the model is loaded.

    Args:
        server: the one asked.
        energy: what knows the power, None if nothing does.
        book: where the result is kept; None: it does not count as how fast the model is here.
        on_use: is told of each request (its tokens belong to the meter too).
    """

    def __init__(
        self,
        server: ModelServer,
        energy: PowerHistory | None,
        book: LearningStore | None,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        on_use: Callable[[TokenUse], None] | None = None,
    ) -> None:
        self._server = server
        self._energy = energy
        self._book = book
        self._now = now
        self._monotonic = monotonic
        self._on_use = on_use or (lambda _use: None)

    def run(
        self,
        subject: Subject,
        progress: Callable[[Progress], None] | None = None,
        cancel: Event | None = None,
    ) -> MeasuredSpeed:
        """Measure ``subject`` and keep the result.

        The first short answer loads the model and tells how long the measured one must be.

        Raises:
            Problem: the server's own, or :class:`BenchmarkProblem` when it sent no counters.
        """
        tell = progress or (lambda _progress: None)
        began = self._monotonic()
        tell(Progress("loading"))
        # a beginning never seen before, so that nothing of the prompt is in the server's cache
        fresh = f"{self._now():%Y%m%d%H%M%S%f} {PROMPT}"
        first = self._round(subject, fresh, FIRST_TOKENS, lambda _n: None, cancel)
        speed = _speed([first])
        wanted = max(FIRST_TOKENS, min(MOST_TOKENS, round(speed * WINDOW_S)))
        rounds: list[_TimedAnswer] = []
        while len(rounds) < MOST_ROUNDS and (tokens := _tokens(rounds)) < wanted:
            size = min(ROUND_TOKENS, max(FIRST_TOKENS, wanted - tokens))
            count = partial(_tell_pieces, tell, tokens, wanted)
            try:
                rounds.append(self._round(subject, PROMPT, size, count, cancel))
            except RuntimeProblem as problem:
                # an answer that broke off spoils neither those before it nor their figures
                if problem.code != "cut_stream" or not rounds:
                    raise
                break
        result = self._result(subject, first, rounds, began)
        if self._book is not None:
            self._book.add_speed(result)
        return result

    def _round(
        self,
        subject: Subject,
        prompt: str,
        tokens: int,
        count: Callable[[int], None],
        cancel: Event | None,
    ) -> _TimedAnswer:
        question = AnswerRequest(subject.model, prompt, subject.context, tokens, steady=True)
        started_at, start = self._now(), self._monotonic()
        first_piece: float | None = None
        for number, piece in enumerate(self._server.answer(question, cancel), start=1):
            if first_piece is None:
                first_piece = self._monotonic()
            if piece.end is not None:
                end = self._monotonic()
                counters = piece.end.counters
                self._on_use(
                    own_use(
                        subject.model, counters, TokenSource.BENCHMARK, started_at, self._now(), end - start
                    )
                )
                if not counters.output_tokens or not counters.output_ns:
                    break
                return _TimedAnswer(counters, first_piece, end)
            count(number)
        raise BenchmarkProblem(
            tr("{model} gave no answer that can be measured.", model=subject.model),
            tr("Try it once in a chat; a model for embeddings has no such speed."),
        )

    def _result(
        self, subject: Subject, first: _TimedAnswer, rounds: list[_TimedAnswer], began: float
    ) -> MeasuredSpeed:
        tokens = _tokens(rounds)
        seconds = sum(r.end_s - r.start_s for r in rounds)
        window, rest_w = self._window(rounds), self._rest_power(began)
        joules, error, reason = _energy_per_token(window, rest_w, tokens, seconds)
        power = None if window.power_w is None else max(0.0, window.power_w - (rest_w or 0.0))
        return MeasuredSpeed(
            model=subject.model,
            digest=subject.digest,
            device=subject.device,
            context=subject.context,
            at=self._now(),
            output_tokens=tokens,
            output_tokens_per_s=_speed(rounds),
            prompt_tokens_per_s=_prompt_speed(first.counters),
            server_version=subject.server_version,
            joules_per_token=joules,
            energy_error_fraction=error,
            energy_reason=reason,
            power_w=power if joules is not None else None,
            host=subject.host,
        )

    def _window(self, rounds: list[_TimedAnswer]) -> EnergyWindow:
        """The rounds' energy together, without what lies between them."""
        if self._energy is None:
            return EnergyWindow(reason=tr("No part of this computer reports its power."))
        self._energy.wait_past(rounds[-1].end_s, NEXT_SAMPLE_S)
        parts = [self._energy.between(r.start_s, r.end_s) for r in rounds]
        unknown = next((part for part in parts if part.joules is None), None)
        if unknown is not None:
            return unknown
        joules = sum(part.joules or 0.0 for part in parts)
        seconds = sum(r.end_s - r.start_s for r in rounds)
        errors = [part.error_fraction for part in parts if part.error_fraction is not None]
        return EnergyWindow(joules, joules / seconds if seconds else None, max(errors, default=None))

    def _rest_power(self, began: float) -> float | None:
        """Power just before the run, None where it was not read."""
        return None if self._energy is None else self._energy.between(began - REST_S, began).power_w


def _tell_pieces(tell: Callable[[Progress], None], before: int, wanted: int, pieces: int) -> None:
    """A piece is about a token."""
    tell(Progress("measuring", before + pieces, wanted))


def own_use(
    model: str,
    counters: Counters,
    source: TokenSource,
    started_at: datetime,
    ended_at: datetime,
    seconds: float,
    complete: bool = True,
) -> TokenUse:
    """A request of Wattlight's own, as the relay would have counted it."""
    return TokenUse(
        model=model,
        client="wattlight",
        path="/api/generate",
        started_at=started_at,
        ended_at=ended_at,
        duration_ms=round(seconds * 1000),
        status=200,
        complete=complete,
        counters=counters,
        source=source,
    )


def _tokens(rounds: list[_TimedAnswer]) -> int:
    return sum(r.counters.output_tokens or 0 for r in rounds)


def _speed(rounds: list[_TimedAnswer]) -> float:
    return _tokens(rounds) * 1e9 / sum(r.counters.output_ns or 0 for r in rounds)


def _prompt_speed(counters: Counters) -> float | None:
    """Of the first answer only: later ones find the prompt in the server's cache."""
    worked = (counters.prompt_tokens or 0) - (counters.cached_prompt_tokens or 0)
    if worked < MIN_PROMPT_TOKENS or not counters.prompt_ns:
        return None
    return worked * 1e9 / counters.prompt_ns


def _energy_per_token(
    window: EnergyWindow, rest_w: float | None, tokens: int, seconds: float
) -> tuple[float | None, float | None, str | None]:
    """(joules per token above rest, relative error, reason).

    Under ten seconds the error grows as the window shrinks, because sensors average over up to a second and
    the ends weigh more; under two seconds there is no figure.
    """
    taken = window.above(rest_w, seconds)
    if taken is None:
        return None, None, window.reason
    if seconds < SHORTEST_S:
        return None, None, f"The run took only {seconds:.1f} s, too short to measure its energy."
    joules, error = taken
    if joules <= 0:
        return None, None, "The computer drew no more than at rest."
    reasons = []
    if seconds < SURE_WINDOW_S:
        error *= SURE_WINDOW_S / seconds
        reasons.append(f"The run took only {seconds:.1f} s.")
    if rest_w is None:
        reasons.append("What the computer draws at rest is included.")
    return joules_per_token(joules, tokens), min(error, 1.0), " ".join(reasons) or None
