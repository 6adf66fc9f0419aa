"""Pure rules of the meter: readings to energy, energy to models, buckets of minutes. No clock, no thread."""

from .attribution import Levels, Load, Part, Resident, attribute, share
from .cadence import FixedCadence, RollingCadence, gap_threshold_us
from .coverage import Coverage
from .integrator import Integrator
from .learner import LevelLearner
from .reading import Gap, Interval, Reading, Rules
from .rows import Batch, CounterBase, DeviceInfo, EnergyRow, GapRow, LevelRow, State, worst_quality
from .split import MINUTE_US, QUARTER_US, split_minutes
from .trust import CounterTrust

__all__ = [
    "MINUTE_US",
    "QUARTER_US",
    "Batch",
    "CounterBase",
    "CounterTrust",
    "Coverage",
    "DeviceInfo",
    "EnergyRow",
    "FixedCadence",
    "Gap",
    "GapRow",
    "Integrator",
    "Interval",
    "LevelLearner",
    "LevelRow",
    "Levels",
    "Load",
    "Part",
    "Reading",
    "Resident",
    "RollingCadence",
    "Rules",
    "State",
    "attribute",
    "gap_threshold_us",
    "share",
    "split_minutes",
    "worst_quality",
]
