"""Pure rules of the way to the wall plug: power supplies, a calibration against a meter, assumptions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from math import hypot
from statistics import fmean, pstdev

from .power import LearnedFigure, MachineTotal

SUPPLY_CURVES: dict[str, tuple[float, float, float]] = {
    "white": (0.80, 0.80, 0.80),
    "bronze": (0.82, 0.85, 0.82),
    "silver": (0.85, 0.88, 0.85),
    "gold": (0.87, 0.90, 0.87),
    "platinum": (0.90, 0.92, 0.89),
    "titanium": (0.92, 0.94, 0.90),
}
"""80 PLUS minimum efficiency at 20, 50 and 100 % load (115 V). Below 20 % nothing is promised."""
_LOADS = (0.2, 0.5, 1.0)
_AT_NOTHING = 0.65
"""Efficiency towards no load: large supplies were measured at 0.73-0.81 around 5-10 % load."""
_MIN_SPREAD_W = 15.0
"""Two calibration levels closer than this cannot carry a line."""


@dataclass(frozen=True, slots=True)
class WallFit:
    """``wall = base_w + factor x measured`` as found against a meter; ``error_w`` is the mean miss."""

    base_w: float
    factor: float
    error_w: float

    def wall_w(self, measured_w: float) -> float:
        return self.base_w + self.factor * measured_w


@dataclass(frozen=True, slots=True)
class WallModel:
    """The user's own assumptions: watts of unmeasured parts and the power supply."""

    rest_w: float
    supply: str | None = None
    supply_rated_w: float | None = None

    def wall_w(self, measured_w: float) -> float:
        """Watts at the plug under these assumptions; without a supply its loss is left out."""
        inside = measured_w + self.rest_w
        if self.supply is None or not self.supply_rated_w:
            return inside
        return inside / supply_efficiency(self.supply, inside / self.supply_rated_w)


def supply_efficiency(label: str, load: float) -> float:
    """Efficiency of an 80 PLUS supply at a share of its rated load, linear between the stated points.

    Raises:
        KeyError: the label is not one of :data:`SUPPLY_CURVES`.
    """
    points = [(0.0, _AT_NOTHING), *zip(_LOADS, SUPPLY_CURVES[label], strict=True)]
    load = min(max(load, 0.0), 1.0)
    for (x0, y0), (x1, y1) in pairwise(points):
        if load <= x1:
            return y0 + (y1 - y0) * (load - x0) / (x1 - x0)
    return points[-1][1]


def fit_wall(points: Sequence[tuple[float, float]]) -> WallFit | None:
    """A straight line through (measured watts, wall watts), by least squares.

    None when the points cannot carry one: fewer than two, less than 15 W apart, or a line no computer can
    have (less at the wall than is measured inside, a factor outside 0.9-2).
    """
    if len(points) < 2 or max(x for x, _ in points) - min(x for x, _ in points) < _MIN_SPREAD_W:
        return None
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    factor = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    base = mean_y - factor * mean_x
    if not 0.9 <= factor <= 2.0 or base < 0:
        return None
    miss = sum(abs(base + factor * x - y) for x, y in points) / count
    return WallFit(base, factor, miss)


REST_ERROR = 0.3
"""Relative error taken for a remainder that somebody assumed (our judgement)."""
SUPPLY_ERROR = 0.05
"""Share of the wall power by which a supply may miss its 80 PLUS curve (our judgement)."""


class WallBasis(StrEnum):
    """What the figure rests on."""

    CALIBRATED = "calibrated"
    """The person's own two readings of a wall meter, for just the parts measured now."""
    LEARNED = "learned"
    """Minutes on battery, in which the whole computer was measured."""
    ASSUMED = "assumed"
    """What the person assumed for the remainder and the power supply."""


@dataclass(frozen=True, slots=True)
class WallFigure:
    """What the whole computer draws where that is not measured, and the expected error: at the plug, or
    out of the battery while that drives it."""

    power_w: float
    error_w: float
    basis: WallBasis


@dataclass(frozen=True, slots=True)
class Wall:
    """What is known of the way to the plug: a calibration of ``parts``, and assumptions."""

    fit: WallFit | None = None
    parts: frozenset[str] = frozenset()
    calibrated_on: date | None = None
    assumed: WallModel | None = None

    def figure(self, total: MachineTotal, learned: LearnedFigure | None = None) -> WallFigure | None:
        """The surest figure for ``total``; None where nothing carries one.

        A calibration says nothing of other parts than its own; then what was learned on battery, then the
        assumptions are taken. On battery nothing comes from the wall.
        """
        if total.whole and not total.uncovered:
            return None
        measured_w = total.measured_w
        if measured_w is not None and self.fit is not None and self.parts == frozenset(total.counted):
            return WallFigure(self.fit.wall_w(measured_w), self.fit.error_w, WallBasis.CALIBRATED)
        if learned is not None and not total.whole:
            return WallFigure(learned.power_w, learned.error_w, WallBasis.LEARNED)
        if measured_w is None or self.assumed is None:
            return None
        rest_w = 0.0 if total.whole else self.assumed.rest_w
        model = WallModel(rest_w, self.assumed.supply, self.assumed.supply_rated_w)
        power_w = model.wall_w(measured_w)
        supply_w = SUPPLY_ERROR * power_w if model.supply else 0.0
        error_w = hypot(total.error_w or 0.0, REST_ERROR * rest_w, supply_w)
        return WallFigure(power_w, error_w, WallBasis.ASSUMED)


PLUG = "plug"
"""Id of the smart plug that the computer hangs on, as a part of it."""
PLUG_EVERY_S = 10.0
"""It is asked so often."""
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
    return LEAST_WALL_W <= value <= MOST_WALL_W


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
