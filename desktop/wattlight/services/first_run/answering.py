"""One prompt and its answer, with tokens per second and joules, on a thread of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from wattlight import StartThread, start_thread
from wattlight.domain.pulls import PullState
from wattlight.domain.state import AnswerState
from wattlight.domain.tokens import NO_COUNTERS, Counters, TokenSource, TokenUse
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime import AnswerPiece, AnswerRequest, ModelServer
from wattlight.services.benchmark import PowerHistory, own_use
from wattlight.services.models import SerialExecutor, Throttle

SHORTEST_S = 2.0
"""The energy of a shorter answer is not known from samples a second apart."""
WAIT_SAMPLE_S = 4.0
MOST_CHARS = 20_000
MOST_TOKENS = 512


class Answering:
    """Asks one prompt at a time; a new one ends the one before.

    ``publish`` is called on the answering thread, at most ten times a second and once at the end.
    """

    def __init__(
        self,
        server: Callable[[], ModelServer],
        tap: PowerHistory,
        now: Callable[[], datetime],
        publish: Callable[[AnswerState], None],
        on_use: Callable[[TokenUse], None],
        monotonic: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._server = server
        self._tap = tap
        self._now = now
        self._publish = publish
        self._on_use = on_use
        self._monotonic = monotonic
        self._lane = SerialExecutor("wattlight-answer", start)
        self._cancel = threading.Event()

    def ask(self, model: str, prompt: str, context_length: int | None) -> None:
        self._cancel.set()
        cancel = self._cancel = threading.Event()
        self._lane.submit(lambda: self._run(model, prompt, context_length, cancel))

    def stop(self) -> None:
        self._cancel.set()

    def close(self, timeout_s: float = 1.0) -> bool:
        """End everything; False if that took longer."""
        self._cancel.set()
        return self._lane.close(timeout_s)

    def _run(self, model: str, prompt: str, context: int | None, cancel: threading.Event) -> None:
        state = AnswerState(model, prompt)
        merged: Throttle[AnswerState] = Throttle(self._publish, self._monotonic)
        merged.offer(state, now=True)
        self._tap.wait_begun(WAIT_SAMPLE_S)
        begun = self._monotonic()
        try:
            for piece in self._pieces(AnswerRequest(model, prompt, context, MOST_TOKENS), cancel):
                if piece.end is not None:
                    state = self._ended(state, piece.end.counters, piece.end.reason == "length")
                else:
                    text = state.text if piece.thinking else (state.text + piece.text)[:MOST_CHARS]
                    state = replace(state, text=text, thinking=piece.thinking)
                    merged.offer(state)
        except Problem as problem:
            error = None if problem.code == "cancelled" else str(problem)
            self._publish(replace(state, running=False, thinking=False, error=error))
            return
        end = self._monotonic()
        state = replace(state, seconds=end - begun)
        self._publish(state)
        self._publish(self._with_energy(state, begun, end, cancel))

    def _pieces(self, question: AnswerRequest, cancel: threading.Event) -> Iterator[AnswerPiece]:
        """The answer; ``on_use`` hears of it when it ends, whole or not."""
        started_at, start = self._now(), self._monotonic()
        counters = NO_COUNTERS
        began = complete = False
        try:
            for piece in self._server().answer(question, cancel):
                began = True
                if piece.end is not None:
                    counters, complete = piece.end.counters, True
                yield piece
        finally:
            seconds = self._monotonic() - start
            if began:
                source = TokenSource.TRY_IT
                use = own_use(question.model, counters, source, started_at, self._now(), seconds, complete)
                self._on_use(use)

    @staticmethod
    def _ended(state: AnswerState, counters: Counters, cut: bool) -> AnswerState:
        tokens, spent = counters.output_tokens, counters.output_ns
        speed = tokens * 1e9 / spent if tokens and spent else None
        return replace(state, thinking=False, cut=cut, output_tokens=tokens, tokens_per_s=speed)

    def _with_energy(
        self, state: AnswerState, begun: float, end: float, cancel: threading.Event
    ) -> AnswerState:
        state = replace(state, running=False)
        if end - begun < SHORTEST_S:
            return replace(state, joules_reason=tr("The answer was too short to measure it."))
        deadline = end + WAIT_SAMPLE_S
        while not self._tap.wait_past(end, 0.2) and self._monotonic() < deadline and not cancel.is_set():
            pass
        window = self._tap.between(begun, end)
        return replace(
            state,
            joules=window.joules,
            joules_error=window.error_fraction,
            joules_reason=window.reason,
        )


ENOUGH_BYTES = 20_000_000
LONGEST_S = 60.0
"""On a line so slow that 20 MB take longer, what came until then is enough."""
LEAST_BYTES = 1_000_000


class LineTimer:
    """Fed with the states of downloads as they come; counts only what arrives while it watches.

    What a server had on its disk from an earlier try is not counted: the clock starts with the first state
    that shows bytes. A pause of the server (it verifies, it waits) is no speed either: only the first
    stretch of a download is timed.
    """

    def __init__(self) -> None:
        self._model = ""
        self._begun: tuple[float, int] | None = None
        self._timed = False

    def take(self, pull: PullState, at_s: float) -> float | None:
        """Bytes per second when this state completes a measurement, else None. ``at_s`` is monotonic."""
        if pull.model != self._model:
            self._model, self._begun, self._timed = pull.model, None, False
        if self._timed or pull.error or pull.cancelled or not pull.total_bytes:
            return None
        if self._begun is None:
            if pull.completed_bytes > 0:
                self._begun = (at_s, pull.completed_bytes)
            return None
        seconds = at_s - self._begun[0]
        came = pull.completed_bytes - self._begun[1]
        ended = pull.completed_bytes >= pull.total_bytes or seconds >= LONGEST_S
        if seconds <= 0 or not (came >= ENOUGH_BYTES or (ended and came >= LEAST_BYTES)):
            return None
        self._timed = True
        return came / seconds
