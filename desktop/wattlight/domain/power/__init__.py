"""Pure rules of power: what contains what, totals, estimates, cross-checks, the way to the wall plug."""

from .composition import MachineTotal, compose
from .crosscheck import CounterCheck
from .estimate import estimated_range
from .wall import WallFit, WallModel, fit_wall, supply_efficiency

__all__ = [
    "CounterCheck",
    "MachineTotal",
    "WallFit",
    "WallModel",
    "compose",
    "estimated_range",
    "fit_wall",
    "supply_efficiency",
]
