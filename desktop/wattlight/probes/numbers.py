"""Numbers out of files, kept only when they can be true. Unknown is None, never 0."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .reader import Reader

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}\Z")

MAX_BYTES = 1 << 50
"""Upper limit of any memory size taken for true: 1 PiB."""
MAX_DEVICE_W = 2000.0
"""Upper limit of one device's power taken for true; the largest accelerators stay below 1.5 kW."""
LEAST_W = 0.001
"""Less is the noise of a sensor that is off, not a reading."""
MAX_COUNTER = 1 << 64


def whole(text: str | bytes | None, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """A decimal whole number between ``low`` and ``high``, else None (garbage, NaN, comma, empty)."""
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text[:64].decode("ascii", "replace")
    text = text.strip().strip("\0")
    if not _WHOLE.match(text):
        return None
    value = int(text)
    return value if low <= value <= high else None


def read_whole(reader: Reader, path: str, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """The number in a file, None when absent, unreadable or not credible. Never raises."""
    return whole(reader.text(path), low, high)


def again_whole(reader: Reader, path: str, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """Like :func:`read_whole` with a kept descriptor, for the tick. Raises OSError."""
    return whole(reader.again(path, 64), low, high)


def watts_of(micro: int | None, limit_w: float | None = None) -> float | None:
    """Watts from microwatts, None when not credible: 0, or above 1.5 x the limit, or above 2 kW."""
    if micro is None:
        return None
    return credible_watts(micro / 1e6, limit_w)


def credible_watts(value: float | None, limit_w: float | None = None) -> float | None:
    """``value`` if a powered device can draw it: a milliwatt at least, at most 1.5 x its limit and 2 kW."""
    if value is None or math.isnan(value):
        return None
    ceiling = MAX_DEVICE_W if limit_w is None else min(MAX_DEVICE_W, 1.5 * limit_w)
    return value if LEAST_W <= value <= ceiling else None


def celsius_of(milli: int | None) -> float | None:
    """Degrees from millidegrees; 0 (not reported), absolute zero and the impossible are None."""
    if milli is None or milli == 0 or not -40_000 <= milli <= 150_000:
        return None
    return milli / 1000


def credible_celsius(value: float | None) -> float | None:
    """``value`` in degrees if a chip can have it and it is not the 0 of a silent sensor."""
    return None if value is None else celsius_of(round(value * 1000))


def percent_of(value: float | None) -> float | None:
    """A load clamped to 0..100 where the firmware overshoots a little, None when it is nonsense."""
    if value is None or not 0 <= value <= 110:
        return None
    return min(100.0, value)


def pairs(text: str | None, separator: str = ":") -> Mapping[str, str]:
    """``key<separator>value`` lines as a mapping; lines without the separator are left out."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, cut, value = line.partition(separator)
        if cut:
            found.setdefault(key.strip(), value.strip())
    return found


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
