"""Pure rules of the meter: readings to energy, energy to models, buckets of minutes. No clock, no thread."""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .attribution import (
        HEAVY_PERCENT,
        EnergyShare,
        Levels,
        Load,
        Resident,
        attribute,
        heavy_parts,
        share,
    )
    from .cadence import FixedCadence, RollingCadence, gap_threshold_us
    from .integrator import Integrator
    from .learner import LevelLearner
    from .programs import OTHERS, SHARE_ERROR, ByProgram, PartUse, ProgramsNow, by_program
    from .reading import Gap, Interval, Reading, Rules
    from .rows import (
        LEARNED,
        LEARNED_REST,
        WALL,
        WAYS,
        Batch,
        CounterBase,
        DeviceInfo,
        EnergyRow,
        EstimateRow,
        GapRow,
        LevelRow,
        State,
        worst_quality,
    )
    from .spans import MINUTE_US, MOST_PIECES, QUARTER_US, Coverage, split_minutes, step_minutes
    from .trust import CounterTrust
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "attribution": "HEAVY_PERCENT EnergyShare Levels Load Resident attribute heavy_parts share",
            "cadence": "FixedCadence RollingCadence gap_threshold_us",
            "spans": "MINUTE_US MOST_PIECES QUARTER_US Coverage split_minutes step_minutes",
            "integrator": "Integrator",
            "learner": "LevelLearner",
            "programs": "OTHERS SHARE_ERROR ByProgram PartUse ProgramsNow by_program",
            "reading": "Gap Interval Reading Rules",
            "rows": "LEARNED LEARNED_REST WALL WAYS Batch CounterBase DeviceInfo EnergyRow EstimateRow "
            "GapRow LevelRow State worst_quality",
            "trust": "CounterTrust",
        },
    )
