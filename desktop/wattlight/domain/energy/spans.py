"""Spans of time: cut into minutes with their energy, and joined so that no moment counts twice."""

import bisect
from collections.abc import Iterator

MINUTE_US = 60_000_000
QUARTER_US = 900_000_000


MOST_PIECES = 60_000
STEPS = (1, 15, 60, 1440)
"""Minutes of a piece: what prices are made of, and whole days (UTC)."""


def step_minutes(length_us: int, most: int = MOST_PIECES) -> int:
    """How long the pieces of a span are, so that it is cut into no more than ``most`` of them."""
    minutes = length_us // MINUTE_US
    fitting = (step for step in STEPS if minutes <= step * most)
    return next(fitting, 1440 * -(-minutes // (1440 * most)))


def split_minutes(
    energy_mj: int, start_us: int, end_us: int, step: int = 1
) -> Iterator[tuple[int, int, int]]:
    """(UTC minute, mJ, milliseconds) of each minute the span touches; the mJ sum to ``energy_mj``.

    A span of more than a month is cut into longer pieces (at least ``step`` minutes), each told by its first.

    Up to the end of each minute the share of the time is rounded down, and the latest minute takes what is
    left, so the sum up to any minute is off by less than one mJ, however many there are.
    """
    step = max(step, step_minutes(end_us - start_us))
    minute = start_us // MINUTE_US
    last = max(minute, (end_us - 1) // MINUTE_US)
    if minute == last:
        yield minute, energy_mj, end_us // 1000 - start_us // 1000
        return
    length_us = end_us - start_us
    booked_mj, at_us = 0, start_us
    while (after := (minute // step + 1) * step) <= last:
        edge_us = after * MINUTE_US
        upto_mj = energy_mj * (edge_us - start_us) // length_us
        yield minute, upto_mj - booked_mj, edge_us // 1000 - at_us // 1000
        booked_mj, at_us = upto_mj, edge_us
        minute = after
    yield minute, energy_mj - booked_mj, end_us // 1000 - at_us // 1000


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
