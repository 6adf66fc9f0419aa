"""Two levels, quiet and busy, against a wall meter: what line they carry, and how sure it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import hypot, isfinite
from statistics import fmean, pstdev

from .wall import WallFit, fit_wall

METER_ERROR = 0.02
"""Relative error taken for a plug-in wall meter."""
LEAST_WALL_W, MOST_WALL_W = 1.0, 5000.0
"""A reading outside is a slip of the finger: no household socket gives more."""
_STEADY = 3.0
"""The levels must be this many times further apart than either of them swings."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A minute as measured inside: mean watts, their standard deviation, and the parts that were added."""

    mean_w: float
    wobble_w: float
    parts: frozenset[str]


def inside(readings_w: Sequence[float], parts: Collection[str]) -> Inside | None:
    """A level from its readings; None without any."""
    if not readings_w:
        return None
    return Inside(fmean(readings_w), pstdev(readings_w), frozenset(parts))


def plausible_wall_w(value: float) -> bool:
    """Whether a meter at the socket of one computer can show this."""
    return isfinite(value) and LEAST_WALL_W <= value <= MOST_WALL_W


def calibrated(quiet: Inside, quiet_wall_w: float, busy: Inside, busy_wall_w: float) -> WallFit | None:
    """The line through both levels; ``error_w`` from their swing and the meter's own error.

    None where they carry none: other parts were measured, the levels swing as much as they differ, or no
    computer can have such a line (see :func:`fit_wall`).
    """
    if quiet.parts != busy.parts or not all(map(plausible_wall_w, (quiet_wall_w, busy_wall_w))):
        return None
    if busy.mean_w - quiet.mean_w < _STEADY * max(quiet.wobble_w, busy.wobble_w):
        return None
    fit = fit_wall([(quiet.mean_w, quiet_wall_w), (busy.mean_w, busy_wall_w)])
    if fit is None:
        return None
    misses = (
        hypot(fit.factor * level.wobble_w, METER_ERROR * wall_w)
        for level, wall_w in ((quiet, quiet_wall_w), (busy, busy_wall_w))
    )
    return replace(fit, error_w=max(misses))
