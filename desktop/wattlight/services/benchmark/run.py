"""Measures how fast a model answers here, and what an answer costs in energy."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Event

from wattlight.domain.tokens import MeasuredSpeed, TokenSource, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.i18n import tr
from wattlight.runtime import AnswerRequest, ModelServer, RuntimeProblem
from wattlight.store.jobs import LearningStore

from .energy import EnergyWindow, PowerHistory
from .timing import (
    PROMPT,
    TimedAnswer,
    disturbed,
    energy_per_token,
    filled_prompt,
    no_figures,
    own_use,
    prompt_speed,
    refuse_uneven,
    speed_of_answers,
    tokens_of,
)

FIRST_TOKENS = 48
WINDOW_S = 12.0
"""So long the measured answer should take: power sensors average over up to a second."""
MOST_TOKENS = 4096
ROUND_TOKENS = 512
"""Longer answers would measure a filling context, or overflow a short one."""
MOST_ROUNDS = 8
NEXT_SAMPLE_S = 6.0
"""The sample after the end comes within this, however slow the beat."""
REST_S = 3.0
"""Length of the look at the power before the run."""
FILLED_WINDOW_S = 6.0
FILLED_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a model, where it runs, and with which context. ``loaded``: it is already."""

    model: str
    digest: str
    device: str
    context: int
    server_version: str | None = None
    host: HostId = LOCAL_HOST
    driver: str | None = None
    loaded: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``stage`` is "loading" or "measuring"; tokens so far of about how many."""

    stage: str
    tokens: int = 0
    of_tokens: int | None = None

    @property
    def share(self) -> float | None:
        """So much of it is done, 0 to 1; None while that cannot be told."""
        return min(1.0, self.tokens / self.of_tokens) if self.of_tokens else None


class Benchmark:
    """Runs on the caller's thread, about 15 s after the model is loaded, and as long for a filled context.

    Args:
        server: the one asked.
        energy: what knows the power, and what disturbs; None if nothing does.
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
        """Measure ``subject`` with a nearly empty context and keep the result.

        The first short answer loads the model and tells how long the measured one must be.

        Raises:
            Problem: the server's own, or :class:`BenchmarkProblem` when it sent no counters or was disturbed
                (code ``disturbed``).
        """
        return self._measured(subject, progress, cancel, False)[0]

    def run_fills(
        self,
        subject: Subject,
        progress: Callable[[Progress], None] | None = None,
        cancel: Event | None = None,
    ) -> tuple[MeasuredSpeed, ...]:
        """The same, and then with a filled context, where the context is long enough for that to differ."""
        return self._measured(subject, progress, cancel, True)

    def _measured(
        self,
        subject: Subject,
        progress: Callable[[Progress], None] | None,
        cancel: Event | None,
        filled: bool,
    ) -> tuple[MeasuredSpeed, ...]:
        tell = progress or (lambda _progress: None)
        began = self.begin()
        tell(Progress("loading"))
        # a beginning never seen before, so that nothing of the prompt is in the server's cache
        fresh = f"{self._now():%Y%m%d%H%M%S%f}"
        first = self._timed(subject, f"{fresh} {PROMPT}", FIRST_TOKENS, cancel)
        long = filled_prompt(fresh, subject.context, first.counters) if filled else ""
        wanted = max(FIRST_TOKENS, min(MOST_TOKENS, round(speed_of_answers([first]) * WINDOW_S)))
        more = max(FIRST_TOKENS, round(wanted * FILLED_WINDOW_S / WINDOW_S)) if long else 0

        def count(tokens: int) -> None:
            tell(Progress("measuring", tokens, wanted + more))

        rounds = self._rounds(subject, PROMPT, wanted, MOST_ROUNDS, count, cancel)
        rest_w = self.rest_w(began)
        waited = (first if subject.loaded else rounds[0]).first_token_s
        result = replace(self._result(subject, first, rounds, rest_w), first_token_s=waited)
        if not subject.loaded:
            result = replace(result, load_s=max(0.0, first.first_token_s - waited))
        results = [result]
        if long:
            done = partial(_tell_more, count, wanted)
            deep = self._rounds(subject, long, more, FILLED_ROUNDS, done, cancel)
            result = self._result(subject, deep[0], deep, rest_w)
            if result.deep:  # the server cuts a prompt that is longer than its context
                results.append(result)
        self.refuse_disturbed(began)
        if self._book is not None:
            for result in results:
                self._book.add_speed(result)
        return tuple(results)

    def begin(self) -> float:
        """The monotonic moment of now.

        Raises:
            BenchmarkProblem: it is none to measure.
        """
        began = self._monotonic()
        self.refuse_disturbed(began - REST_S)
        return began

    def rest_w(self, began: float) -> float | None:
        """The power just before that moment, None where it was not read."""
        return None if self._energy is None else self._energy.between(began - REST_S, began).power_w

    def refuse_disturbed(self, since_s: float) -> None:
        """Raises:
        BenchmarkProblem: something was seen since then (monotonic) that makes figures untrue.
        """
        why = "" if self._energy is None else self._energy.disturbed(since_s, self._monotonic())
        if why:
            raise disturbed(why)

    def _rounds(
        self,
        subject: Subject,
        prompt: str,
        wanted: int,
        most: int,
        count: Callable[[int], None],
        cancel: Event | None,
    ) -> list[TimedAnswer]:
        """Answers to one prompt until ``wanted`` tokens came, or ``most`` of them."""
        rounds: list[TimedAnswer] = []
        while len(rounds) < most and (tokens := tokens_of(rounds)) < wanted:
            size = min(ROUND_TOKENS, max(FIRST_TOKENS, wanted - tokens))
            try:
                rounds.append(self._timed(subject, prompt, size, cancel, partial(_tell_more, count, tokens)))
            except RuntimeProblem as problem:
                # an answer that broke off spoils neither those before it nor their figures
                if problem.code != "cut_stream" or not rounds:
                    raise
                break
        refuse_uneven(rounds)
        return rounds

    def ask(
        self,
        subject: Subject,
        prompt: str,
        tokens: int,
        cancel: Event | None = None,
        count: Callable[[int], None] = lambda _pieces: None,
    ) -> TimedAnswer:
        """One answer of at most ``tokens``, with its text and the server's counters.

        Raises:
            Problem: the server's own, or :class:`BenchmarkProblem` when it sent no end.
        """
        question = AnswerRequest(subject.model, prompt, subject.context, tokens, steady=True)
        started_at, asked = self._now(), self._monotonic()
        first_piece: float | None = None
        texts: list[str] = []
        for number, piece in enumerate(self._server.answer(question, cancel), start=1):
            if first_piece is None:
                first_piece = self._monotonic()
            if piece.end is not None:
                end, counters = self._monotonic(), piece.end.counters
                ended_at, source = self._now(), TokenSource.BENCHMARK
                self._on_use(own_use(subject.model, counters, source, started_at, ended_at, end - asked))
                return TimedAnswer(counters, asked, first_piece, end, "".join(texts))
            if not piece.thinking:
                texts.append(piece.text)
            count(number)
        raise no_figures(subject.model)

    def _timed(
        self,
        subject: Subject,
        prompt: str,
        tokens: int,
        cancel: Event | None,
        count: Callable[[int], None] = lambda _pieces: None,
    ) -> TimedAnswer:
        """One answer that tells a speed."""
        answer = self.ask(subject, prompt, tokens, cancel, count)
        if not answer.tells_speed:
            raise no_figures(subject.model)
        return answer

    def _result(
        self, subject: Subject, first: TimedAnswer, rounds: list[TimedAnswer], rest_w: float | None
    ) -> MeasuredSpeed:
        """``first``: whose prompt was not in the server's cache."""
        tokens, prompt = tokens_of(rounds), rounds[0].counters.prompt_tokens
        window = self.window(rounds, subject.host)
        seconds = sum(r.end_s - r.start_s for r in rounds)
        joules, error, reason = energy_per_token(window, rest_w, tokens, seconds)
        power = None if window.power_w is None else max(0.0, window.power_w - (rest_w or 0.0))
        return MeasuredSpeed(
            model=subject.model,
            digest=subject.digest,
            device=subject.device,
            context=subject.context,
            at=self._now(),
            output_tokens=tokens,
            output_tokens_per_s=speed_of_answers(rounds),
            prompt_tokens_per_s=prompt_speed(first.counters),
            server_version=subject.server_version,
            joules_per_token=joules,
            energy_error_fraction=error,
            energy_reason=reason,
            power_w=power if joules is not None else None,
            host=subject.host,
            cache_tokens=None
            if prompt is None
            else prompt + sum(r.tokens**2 for r in rounds) // (2 * tokens),
            first_token_s=rounds[0].first_token_s,
            driver=subject.driver,
        )

    def window(self, rounds: list[TimedAnswer], host: HostId = LOCAL_HOST) -> EnergyWindow:
        """The energy of the answers together, without what lies between them."""
        if host != LOCAL_HOST:
            return EnergyWindow(reason=tr("The watts of another computer are not read during a run."))
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


def _tell_more(count: Callable[[int], None], before: int, tokens: int) -> None:
    """A piece is about a token."""
    count(before + tokens)
