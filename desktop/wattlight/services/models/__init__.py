"""Use cases on models: load, unload, switch, remove, pull; and the watch over the server."""

from .pulls import (
    SMALL_BYTES,
    DamagedLayer,
    Throttle,
    damage_problem,
    damaged_layers,
    remove_damaged,
    run_pull,
)
from .switching import FitsBeside, SwitchResult, remove_model, room_by_size, switch, unload_all
from .tasks import ModelTasks, TaskEnd
from .watch import SerialExecutor, ServerWatch
