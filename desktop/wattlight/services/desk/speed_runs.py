"""Measures a model's speed on request, in the background, with the sampler at its quick beat."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.tokens import TokenUse
from wattlight.services.benchmark import Answers, Benchmark, EnergyTap, Progress, SpeedBook, Subject

TELL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class SpeedParts:
    """What a run needs.

    Attributes:
        answers: the server as it is now (raises a Problem).
        subject: what is measured: the model with its digest, device and context (raises a Problem).
        hurry: True: sample once a second, nobody need look; False: as before.
        count: is told of each request.
    """

    answers: Callable[[], Answers]
    subject: Callable[[str], Subject]
    hurry: Callable[[bool], None]
    tap: EnergyTap
    book: SpeedBook
    count: Callable[[TokenUse], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic


class SpeedRuns:
    """:meth:`run` blocks for about a quarter of a minute: give it to a worker."""

    def __init__(self, parts: SpeedParts) -> None:
        self._parts = parts

    def run(self, model: str, say: Callable[[float | None], None], cancel: threading.Event) -> None:
        """Measure ``model`` and keep the result; ``say`` hears the share that is done, twice a second.

        Raises:
            Problem: the server's, or there was no result; code ``cancelled`` after a cancel.
        """
        parts = self._parts
        told_at = float("-inf")

        def progress(news: Progress) -> None:
            nonlocal told_at
            now = parts.monotonic()
            if news.of_tokens and now - told_at >= TELL_EVERY_S:
                told_at = now
                say(min(1.0, news.tokens / news.of_tokens))

        benchmark = Benchmark(parts.answers(), parts.tap, parts.book, parts.now, parts.monotonic, parts.count)
        subject = parts.subject(model)
        parts.hurry(True)
        try:
            benchmark.run(subject, progress, cancel)
        finally:
            parts.hurry(False)
