"""The meter: sampler, attribution, recorder, replay of traces, sums of cost."""

from .daybook import Amount, DayBook, DaySum, ModelSum, close_days
from .device_meter import DeviceMeter, MeterRules
from .keeping import kept_since
from .ledger_file import LedgerFile
from .live import LiveMeter, MeterView
from .meter import Meter
from .recorder import Recorder
from .recording import Recording, Wiring
from .resident_watch import ResidentWatch, running_of
from .sampler import Sampler
from .sums import SpanSums
from .trace import Replay, TraceProblem, TraceRow, read_trace, record_trace, replay

__all__ = [
    "Amount",
    "DayBook",
    "DaySum",
    "DeviceMeter",
    "LedgerFile",
    "LiveMeter",
    "Meter",
    "MeterRules",
    "MeterView",
    "ModelSum",
    "Recorder",
    "Recording",
    "Replay",
    "ResidentWatch",
    "Sampler",
    "SpanSums",
    "TraceProblem",
    "TraceRow",
    "Wiring",
    "close_days",
    "kept_since",
    "read_trace",
    "record_trace",
    "replay",
    "running_of",
]
