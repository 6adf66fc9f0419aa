"""Watts from energy counters: two samples, a monotonic clock, and rules for everything that goes wrong."""

from dataclasses import dataclass

from .numbers import LEAST_W, MAX_DEVICE_W

SHORTEST_S = 0.04
"""Two reads closer than this say nothing: counters move every 1-100 ms."""
LONGEST_S = 3600.0
"""A rate over a longer gap is an average of the past, not power now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a tick happens.

    ``epoch`` changes when time jumped (suspend, clock change): differences across it are not formed.
    """

    monotonic_s: float
    epoch: int = 0


class CounterRate:
    """Power of one cumulative energy counter.

    Args:
        unit_j: joules per count.
        range_counts: where the counter wraps; None if it does not.
        ceiling_w: more than this is not believed.
        steady_w: power the part can keep up for long; with the range it gives the time after which the
            number of wraps is unknown.
    """

    def __init__(
        self,
        unit_j: float,
        range_counts: int | None = None,
        ceiling_w: float = MAX_DEVICE_W,
        steady_w: float | None = None,
    ) -> None:
        self._unit_j = unit_j
        self._range = range_counts
        self._ceiling_w = ceiling_w
        self._steady_w = steady_w or ceiling_w
        self._last: tuple[int, Moment] | None = None
        self._watts: float | None = None
        self.reason = "needs a second reading"
        self.rejected = 0

    def watts(self, count: int | None, now: Moment) -> float | None:
        """Mean power since the last reading, None (see :attr:`reason`) when it cannot be given.

        A missing reading keeps the baseline. A count that stands still is unknown, not 0 W.
        """
        if count is None:
            self._watts, self.reason = None, "no reading"
            return None
        last, self._last = self._last, (count, now)
        if last is None or last[1].epoch != now.epoch:
            return self._none("needs a second reading")
        gap_s = now.monotonic_s - last[1].monotonic_s
        if gap_s < SHORTEST_S:
            self._last = last
            return self._watts
        if gap_s > LONGEST_S or (self._range is not None and gap_s > self._wrap_s()):
            return self._none("too long since the last reading")
        delta = count - last[0]
        if delta < 0 and self._range is not None and last[0] <= self._range:
            delta += self._range
        if delta < 0:
            return self._none("the counter was reset")
        if delta == 0:
            return self._none("the counter stands still")
        value = delta * self._unit_j / gap_s
        if value < LEAST_W:
            return self._none("the counter stands still")
        if value > self._ceiling_w:
            self.rejected += 1
            return self._none("implausible reading")
        self._watts, self.reason = value, ""
        return value

    def _wrap_s(self) -> float:
        assert self._range is not None
        return self._range * self._unit_j / self._steady_w

    def _none(self, reason: str) -> float | None:
        self._watts, self.reason = None, reason
        return self._watts


class ShareRate:
    """Busy share from a counter of idle milliseconds."""

    def __init__(self) -> None:
        self._last: tuple[int, Moment] | None = None
        self._percent: float | None = None

    def busy_percent(self, idle_ms: int | None, now: Moment) -> float | None:
        """100 x (1 - idle time / time) since the last reading; None until it can be said."""
        if idle_ms is None:
            return None
        last, self._last = self._last, (idle_ms, now)
        if last is None or last[1].epoch != now.epoch:
            self._percent = None
            return None
        gap_ms = (now.monotonic_s - last[1].monotonic_s) * 1000
        if gap_ms < SHORTEST_S * 1000:
            self._last = last
            return self._percent
        idle = idle_ms - last[0]
        if idle < 0 or idle > gap_ms * 1.05 + 20 or gap_ms > LONGEST_S * 1000:
            self._percent = None
        else:
            self._percent = round(100 * max(0.0, 1 - idle / gap_ms), 2)
        return self._percent
