"""Which moments were observed by at least one device: a union of spans, grown piece by piece."""

import bisect


class Coverage:
    """Remembers the latest spans and tells what a new one adds, so that no moment counts twice."""

    def __init__(self, keep: int = 64) -> None:
        self._spans: list[tuple[int, int]] = []
        self._keep = keep

    def add(self, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that were not covered before; they are covered from now on."""
        if end_us <= start_us:
            return []
        if self._spans and self._spans[-1][1] == start_us:  # time went on, as it nearly always does
            self._spans[-1] = (self._spans[-1][0], end_us)
            return [(start_us, end_us)]
        first = bisect.bisect_left(self._spans, start_us, key=lambda span: span[1])
        last = first
        fresh = []
        at = start_us
        low, high = start_us, end_us
        while last < len(self._spans) and self._spans[last][0] <= end_us:
            left, right = self._spans[last]
            if at < left:
                fresh.append((at, left))
            at = max(at, right)
            low, high = min(low, left), max(high, right)
            last += 1
        if at < end_us:
            fresh.append((at, end_us))
        self._spans[first:last] = [(low, high)]
        del self._spans[: -self._keep]
        return fresh
