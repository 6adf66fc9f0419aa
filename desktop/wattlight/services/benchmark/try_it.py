"""The first answer: a person asks a model something and sees it come."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Event

from wattlight.domain.tokens import NO_COUNTERS, Counters, TokenSource, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.runtime import AnswerPiece, Question

from .run import Answers

MOST_TOKENS = 512


class TryIt:
    """Streams one answer on the caller's thread. ``on_use`` hears of it when it ends, cancelled or not."""

    def __init__(
        self,
        answers: Answers,
        now: Callable[[], datetime],
        on_use: Callable[[TokenUse], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        host: HostId = LOCAL_HOST,
    ) -> None:
        self._answers = answers
        self._now = now
        self._on_use = on_use or (lambda _use: None)
        self._monotonic = monotonic
        self._host = host

    def ask(
        self, model: str, prompt: str, context_length: int | None = None, cancel: Event | None = None
    ) -> Iterator[AnswerPiece]:
        """The pieces of the answer, the last with its counters.

        Raises:
            RuntimeProblem: the server's; code ``cancelled`` after a cancel.
        """
        question = Question(model, prompt, context_length, MOST_TOKENS)
        started_at, start = self._now(), self._monotonic()
        first: float | None = None
        counters: Counters = NO_COUNTERS
        complete = False
        try:
            for piece in self._answers.answer(question, cancel):
                if first is None:
                    first = self._monotonic()
                if piece.end is not None:
                    counters, complete = piece.end.counters, True
                yield piece
        finally:
            end = self._monotonic()
            if first is not None:
                self._on_use(
                    TokenUse(
                        model=model,
                        client="wattlight",
                        path="/api/generate",
                        started_at=started_at,
                        ended_at=self._now(),
                        duration_ms=round((end - start) * 1000),
                        first_byte_ms=round((first - start) * 1000),
                        status=200,
                        complete=complete,
                        counters=counters,
                        source=TokenSource.TRY_IT,
                        host=self._host,
                    )
                )
