"""From when on a missing reading is a gap."""

from collections import deque
from collections.abc import Iterable
from statistics import median
from typing import Protocol

GAP_FLOOR_US = 10_000_000
GAP_FACTOR = 3


def gap_threshold_us(distances_us: Iterable[int]) -> int:
    """max(3 x median distance, 10 s); distances of 0 (the same moment twice) do not count."""
    known = [d for d in distances_us if d > 0]
    return max(int(GAP_FACTOR * median(known)), GAP_FLOOR_US) if known else GAP_FLOOR_US


class Cadence(Protocol):
    """Tells how far apart two readings may be."""

    def note(self, distance_us: int) -> None:
        """Learn from a distance that was seen."""

    def threshold_us(self) -> int:
        """A longer distance is a gap."""


class FixedCadence:
    """The distances are known beforehand (a recorded trace)."""

    def __init__(self, threshold_us: int) -> None:
        self._threshold_us = threshold_us

    def note(self, distance_us: int) -> None:
        """Nothing to learn."""

    def threshold_us(self) -> int:
        """As given."""
        return self._threshold_us


class RollingCadence:
    """Learns from the latest distances; ``expect`` tells it of a change of beat beforehand."""

    def __init__(self, window: int = 61) -> None:
        self._seen: deque[int] = deque(maxlen=window)
        self._expected_us = 0
        self._fresh = 0
        self._threshold_us: int | None = None

    def expect(self, beat_us: int) -> None:
        self._expected_us = beat_us
        self._threshold_us = None

    def note(self, distance_us: int) -> None:
        self._seen.append(distance_us)
        self._fresh += 1
        if self._fresh >= min(8, len(self._seen)):
            self._fresh, self._threshold_us = 0, None

    def threshold_us(self) -> int:
        """max(3 x median distance or expected beat, 10 s)."""
        if self._threshold_us is None:
            self._threshold_us = max(gap_threshold_us(self._seen), GAP_FACTOR * self._expected_us)
        return self._threshold_us
