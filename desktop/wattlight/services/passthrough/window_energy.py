"""Energy per token, from the requests that had the machine to themselves."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from wattlight.domain.tokens import TokenUse, joules_per_token

from ..benchmark import PowerHistory

SHORTEST_S = 2.0
"""The power during a shorter request is not known from samples a second apart."""
SURE_S = 10.0
MOST_WAITING = 200
MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class ModelEnergy:
    """Of one model: requests used, their tokens, seconds and energy.

    ``above_rest``: the draw of the computer at rest was taken off; else it is included.
    """

    model: str
    requests: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    joules: float = 0.0
    error_fraction: float = 0.0
    above_rest: bool = True

    @property
    def joules_per_token(self) -> float | None:
        """None before ten seconds were seen."""
        return joules_per_token(self.joules, self.output_tokens) if self.seconds >= SURE_S else None


class WindowEnergy:
    """:meth:`take` each counted request as it ends, :meth:`settle` after each sample; any thread.

    Args:
        tap: knows the power of the last minutes.
        rest_w: what the measured parts draw at rest, None if that is not known.
    """

    def __init__(
        self,
        tap: PowerHistory,
        rest_w: Callable[[], float | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tap = tap
        self._rest_w = rest_w
        self._monotonic = monotonic
        self._waiting: deque[tuple[TokenUse, float]] = deque(maxlen=MOST_WAITING)
        self._sums: dict[str, ModelEnergy] = {}
        self._lock = threading.Lock()

    def take(self, use: TokenUse) -> None:
        """A request has just ended. Those that overlapped, were cut or were short are left out."""
        seconds = use.duration_ms / 1000
        if not use.alone or not use.complete or not use.counters.output_tokens or seconds < SHORTEST_S:
            return
        end = self._monotonic()
        with self._lock:
            self._waiting.append((use, end))

    def settle(self) -> None:
        """Work out the requests whose end lies before the newest sample."""
        with self._lock:
            ready = [known for known in self._waiting if self._tap.wait_past(known[1], 0.0)]
            for known in ready:
                self._waiting.remove(known)
                self._add(*known)

    def forget(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._sums.clear()

    def sums(self) -> tuple[ModelEnergy, ...]:
        with self._lock:
            return tuple(sorted(self._sums.values(), key=lambda s: (-s.output_tokens, s.model)))

    def _add(self, use: TokenUse, end_s: float) -> None:
        model, seconds = use.model, use.duration_ms / 1000
        if model not in self._sums and len(self._sums) >= MOST_MODELS:
            return
        energy = self._tap.between(end_s - seconds, end_s)
        rest = self._rest_w()
        taken = energy.above(rest, seconds)
        if taken is None:
            return
        above, error = taken
        known = self._sums.get(model, ModelEnergy(model))
        self._sums[model] = replace(
            known,
            requests=known.requests + 1,
            output_tokens=known.output_tokens + (use.counters.output_tokens or 0),
            seconds=known.seconds + seconds,
            joules=known.joules + above,
            error_fraction=min(1.0, max(known.error_fraction, error)),
            above_rest=known.above_rest and rest is not None,
        )
