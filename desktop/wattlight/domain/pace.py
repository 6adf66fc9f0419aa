"""What this computer's own runs of the benchmark say of the speed of a device."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Pace:
    """What a device's own runs say: measured over expected speed, and how far runs lie from it (a share).

    ``depth``: measured over expected time that the tokens in a filled context add; None: not measured.
    """

    factor: float
    spread: float
    runs: int
    depth: float | None = None


SURE_SPREAD = 0.12
_ONE_RUN_SPREAD = 0.2
_MOST_OFF = 3.0
"""A run so many times off what was expected tells of something else (another program, a draft)."""


LEAST_DEPTH = 0.1
"""Of the time of a token, so much must the filled context be expected to add: runs differ by half of it."""
_DEPTHS = (0.25, 12.0)
"""What a filled context adds is at most so far off what is expected: on processors its work, not its bytes,
takes the time."""


def depth_of_runs(measured: tuple[float, float], expected: tuple[float, float]) -> float | None:
    """Measured over expected time that a filled context adds to a token, from tokens per second with an empty
    and with a filled one; None where too little is expected, or what was measured is not plausible."""
    (empty, filled), (empty_law, filled_law) = measured, expected
    if min(*measured, *expected) <= 0:
        return None
    added = 1 / filled_law - 1 / empty_law
    if added * empty_law < LEAST_DEPTH:
        return None
    ratio = (1 / filled - 1 / empty) / added
    return ratio if _DEPTHS[0] < ratio < _DEPTHS[1] else None


def pace_of_runs(ratios: Iterable[float], depths: Iterable[float] = ()) -> Pace | None:
    """What own runs say of a device, from measured over expected speeds; None without a plausible one.

    ``depths``: of :func:`depth_of_runs`, of each pair of runs that has one.

    The median holds for models not yet run too; the spread is that of the runs, a fifth for a single one.
    """
    kept = [ratio for ratio in ratios if 1 / _MOST_OFF < ratio < _MOST_OFF]
    if not kept:
        return None
    factor = median(kept)
    spread = max(abs(ratio / factor - 1) for ratio in kept)
    floor = _ONE_RUN_SPREAD if len(kept) == 1 else SURE_SPREAD
    known = tuple(depths)
    return Pace(factor, min(max(spread, floor), 0.5), len(kept), median(known) if known else None)
