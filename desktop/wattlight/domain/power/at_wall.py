"""Watts of the whole computer at the plug, estimated from what is measured; in no measured sum."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import hypot

from .composition import MachineTotal
from .wall import WallFit, WallModel

REST_ERROR = 0.3
"""Relative error taken for a remainder that somebody assumed (our judgement)."""
SUPPLY_ERROR = 0.05
"""Share of the wall power by which a supply may miss its 80 PLUS curve (our judgement)."""


class WallBasis(StrEnum):
    """What the figure rests on."""

    CALIBRATED = "calibrated"
    """The person's own two readings of a wall meter, for just the parts measured now."""
    ASSUMED = "assumed"
    """What the person assumed for the remainder and the power supply."""


@dataclass(frozen=True, slots=True)
class WallFigure:
    """An estimate of the draw at the plug and its expected error."""

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

    def figure(self, total: MachineTotal) -> WallFigure | None:
        """The estimate for ``total``; None where nothing carries one.

        A calibration says nothing of other parts than its own; then the assumptions, if any, are taken. On
        battery nothing comes from the wall.
        """
        if total.measured_w is None or (total.whole and not total.uncovered):
            return None
        if self.fit is not None and self.parts == frozenset(total.counted):
            return WallFigure(self.fit.wall_w(total.measured_w), self.fit.error_w, WallBasis.CALIBRATED)
        if self.assumed is None:
            return None
        rest_w = 0.0 if total.whole else self.assumed.rest_w
        model = WallModel(rest_w, self.assumed.supply, self.assumed.supply_rated_w)
        power_w = model.wall_w(total.measured_w)
        supply_w = SUPPLY_ERROR * power_w if model.supply else 0.0
        error_w = hypot(total.error_w or 0.0, REST_ERROR * rest_w, supply_w)
        return WallFigure(power_w, error_w, WallBasis.ASSUMED)
