"""How fast bytes come: the speed at which they arrive, and the limit that a person sets."""

import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock

BEAT_S = 0.1
"""At a limit so much is read at a time as comes in this time: few reads, and even ones."""
_SURE_S = 1e-4
"""So much longer, so that it is not short of a fraction of a byte afterwards."""
LOOK_S = 0.2
"""A wait ends at the latest after so long, so that a change of the limit or a stop is seen."""


class RateLimit:
    """At most so many bytes a second for all connections together; None is no limit.

    Any thread may change :attr:`bytes_per_s` at any time.
    """

    def __init__(self, bytes_per_s: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.bytes_per_s = bytes_per_s
        self.waits = 0
        """How often somebody had to wait: as long as it grows, the limit decides the speed."""
        self._clock = clock
        self._lock = Lock()
        self._left = 0.0
        self._at = clock()

    def take(self, wanted: int, stop: Event) -> int:
        """How many bytes may be read now, at most ``wanted``; waits until there are some, 0 once stopped."""
        while not stop.is_set():
            with self._lock:
                rate = self.bytes_per_s
                if rate is None:
                    return wanted
                rate = max(1.0, rate)
                share = max(1, min(wanted, int(rate * BEAT_S)))
                now = self._clock()
                self._left = min(self._left + (now - self._at) * rate, max(share, rate * BEAT_S))
                self._at = now
                if self._left >= share:
                    granted = min(wanted, int(self._left))
                    self._left -= granted
                    return granted
                pause_s = (share - self._left) / rate + _SURE_S
                self.waits += 1
            stop.wait(min(pause_s, LOOK_S))
        return 0

    def give_back(self, unused: int) -> None:
        """What was granted and not read."""
        with self._lock:
            self._left += unused


class Arrivals:
    """The speed at which bytes arrived, over a sliding window of seconds."""

    def __init__(self, window_s: float = 8.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def rate(self, now_s: float, total_bytes: int) -> float | None:
        """Bytes a second, when there are ``total_bytes`` in all by now; None in the first half second."""
        self._seen.append((now_s, total_bytes))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > self._window_s:
            self._seen.popleft()
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start) if end - start >= 0.5 else None
