"""Pure rules of power: what contains what, totals, estimates, the way to the wall plug."""

from .composition import MachineTotal, compose
from .estimate import estimated_range
from .wall import WallFit, WallModel, fit_wall, supply_efficiency

__all__ = [
    "MachineTotal",
    "WallFit",
    "WallModel",
    "compose",
    "estimated_range",
    "fit_wall",
    "supply_efficiency",
]
