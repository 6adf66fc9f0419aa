"""From measured parts to the wall plug: the guided calibration, and what the settings say of it."""

from .guide import BEAT_S, MEASURE_S, SETTLE_S, NoCalibration, WallCalibration, implausible
from .kept import assumed_in, calibration_in, forgotten_in, wall_of
from .line import wall_line

__all__ = [
    "BEAT_S",
    "MEASURE_S",
    "SETTLE_S",
    "NoCalibration",
    "WallCalibration",
    "assumed_in",
    "calibration_in",
    "forgotten_in",
    "implausible",
    "wall_line",
    "wall_of",
]
