"""From measured parts to the wall plug: an assumed rest, a power-supply curve, or a calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
        """Watts at the plug."""
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
