"""Use cases on models: load, unload, switch, remove, pull; and the watch over the server."""

from .lane import SerialExecutor
from .merging import Throttle
from .pulls import run_pull
from .removing import remove_model
from .room import room_by_size
from .switching import FitsBeside, SwitchResult, switch, unload_all
from .tasks import ModelTasks, TaskEnd, TaskSettings
from .verifying import SMALL_BYTES, DamagedLayer, damage_problem, damaged_layers, remove_damaged
from .watch import ServerWatch

__all__ = [
    "SMALL_BYTES",
    "DamagedLayer",
    "FitsBeside",
    "ModelTasks",
    "SerialExecutor",
    "ServerWatch",
    "SwitchResult",
    "TaskEnd",
    "TaskSettings",
    "Throttle",
    "damage_problem",
    "damaged_layers",
    "remove_damaged",
    "remove_model",
    "room_by_size",
    "run_pull",
    "switch",
    "unload_all",
]
