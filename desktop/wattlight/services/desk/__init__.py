"""The running desktop program: carries out the faces' commands and keeps the state true."""

from .current import CurrentSettings
from .days import days_until
from .desk import Desk, DeskParts
from .meter_port import MeterPort, NoMeter
from .station import MeterStation, StationNews, StationParts

__all__ = [
    "CurrentSettings",
    "Desk",
    "DeskParts",
    "MeterPort",
    "MeterStation",
    "NoMeter",
    "StationNews",
    "StationParts",
    "days_until",
]
