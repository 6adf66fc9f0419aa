"""The running desktop program: carries out the faces' commands and keeps the state true."""

from .current import CurrentSettings
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
]
