"""Thins a fast stream of values: at most so many a second are passed on, and the newest wins."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Throttle(Generic[Value]):
    """Passes values on, no more often than every ``interval_s``; :meth:`flush` passes on what is held back.

    For one thread. ``clock`` is monotonic seconds.
    """

    def __init__(
        self, publish: Callable[[Value], None], clock: Callable[[], float], interval_s: float = 0.1
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._interval_s = interval_s
        self._last_at: float | None = None
        self._held: Value | None = None

    def offer(self, value: Value, now: bool = False) -> None:
        """Pass ``value`` on, or hold it back until the time has come; ``now`` for one of another kind.

        (After "verifying" a server may be silent for minutes: that must not be held back.)
        """
        at = self._clock()
        if now or self._last_at is None or at - self._last_at >= self._interval_s:
            self._last_at = at
            self._held = None
            self._publish(value)
        else:
            self._held = value

    def flush(self) -> None:
        """Pass on what is held back, if anything is."""
        if self._held is not None:
            held, self._held = self._held, None
            self._last_at = self._clock()
            self._publish(held)
