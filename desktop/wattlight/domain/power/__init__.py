"""Pure rules of power: what contains what, totals, estimates, the way to the wall plug."""

from .at_wall import Wall, WallBasis, WallFigure
from .calibration import Inside, calibrated, inside, plausible_wall_w
from .composition import MachineTotal, combined_error, compose, error_fraction
from .estimate import estimated_range
from .wall import SUPPLY_CURVES, WallFit, WallModel, fit_wall, supply_efficiency

__all__ = [
    "SUPPLY_CURVES",
    "Inside",
    "MachineTotal",
    "Wall",
    "WallBasis",
    "WallFigure",
    "WallFit",
    "WallModel",
    "calibrated",
    "combined_error",
    "compose",
    "error_fraction",
    "estimated_range",
    "fit_wall",
    "inside",
    "plausible_wall_w",
    "supply_efficiency",
]
