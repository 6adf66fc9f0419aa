"""The running desktop program: carries out the faces' commands and keeps the state true."""

from .budget_watch import BudgetWatch
from .counting import Counting
from .current import CurrentSettings
from .desk import Desk, DeskParts
from .followers import Followers
from .meter_port import MeterPort, NoMeter
from .speed_runs import SpeedParts, SpeedRuns
from .station import MeterStation, StationNews, StationParts

__all__ = [
    "BudgetWatch",
    "Counting",
    "CurrentSettings",
    "Desk",
    "DeskParts",
    "Followers",
    "MeterPort",
    "MeterStation",
    "NoMeter",
    "SpeedParts",
    "SpeedRuns",
    "StationNews",
    "StationParts",
]
