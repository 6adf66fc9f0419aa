"""What this computer's own runs of the benchmark say of the speed of a model, and of a device."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from .pace import SURE_SPREAD, Pace
from .tokens import MeasuredSpeed

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


@dataclass(frozen=True, slots=True)
class SpeedFigure:
    """What the measurements of one model say together."""

    low: float
    mid: float
    high: float
    runs: int
    newest: datetime


def speed_of(
    runs: Iterable[MeasuredSpeed], digest: str, device: str, context: int | None = None, deep: bool = False
) -> SpeedFigure | None:
    """The measured speed of a model on a device from its last five runs; None without any.

    ``deep``: of runs with a filled context, else of those with an empty one.

    With ``context`` only runs loaded with the same one count. The range spans the runs, and at least 5 % to
    each side: two runs on one machine differ by that much.
    """
    mine = [r for r in runs if (r.digest, r.device, r.deep) == (digest, device, deep)]
    mine = [r for r in mine if context in {None, r.context}]
    last = sorted(mine, key=lambda r: r.at)[-5:]
    if not last:
        return None
    speeds = [r.output_tokens_per_s for r in last]
    mid = median(speeds)
    return SpeedFigure(min(*speeds, mid * 0.95), mid, max(*speeds, mid * 1.05), len(last), last[-1].at)
