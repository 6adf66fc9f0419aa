"""The meter: sampler, attribution, recorder, replay of traces, sums of cost."""

from .device_meter import DeviceMeter, MeterRules
from .meter import Meter
from .recorder import Recorder
from .trace import Replay, TraceProblem, TraceRow, read_trace, replay

__all__ = [
    "DeviceMeter",
    "Meter",
    "MeterRules",
    "Recorder",
    "Replay",
    "TraceProblem",
    "TraceRow",
    "read_trace",
    "replay",
]
