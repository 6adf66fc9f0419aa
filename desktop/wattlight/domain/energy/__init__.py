"""Pure rules of the meter: readings to energy, energy to models, buckets of minutes. No clock, no thread."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attribution import Levels, Load, Part, Resident, attribute, share
    from .cadence import FixedCadence, RollingCadence, gap_threshold_us
    from .coverage import Coverage
    from .integrator import Integrator
    from .learner import LevelLearner
    from .reading import Gap, Interval, Reading, Rules
    from .rows import Batch, CounterBase, DeviceInfo, EnergyRow, GapRow, LevelRow, State, worst_quality
    from .split import MINUTE_US, QUARTER_US, split_minutes
    from .trust import CounterTrust

_PARTS = {
    "attribution": "Levels Load Part Resident attribute share",
    "cadence": "FixedCadence RollingCadence gap_threshold_us",
    "coverage": "Coverage",
    "integrator": "Integrator",
    "learner": "LevelLearner",
    "reading": "Gap Interval Reading Rules",
    "rows": "Batch CounterBase DeviceInfo EnergyRow GapRow LevelRow State worst_quality",
    "split": "MINUTE_US QUARTER_US split_minutes",
    "trust": "CounterTrust",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

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


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
