"""The meter: sampler, attribution, recorder, replay of traces, sums of cost."""

from .days import Days, DaySum, close_days, kept_since, sums_of_days, sums_of_span
from .device_meter import DeviceMeter, MeterRules
from .history import hours_of_the_week, power_history
from .live import LiveMeter, MeterView
from .meter import Meter
from .recorder import Recorder
from .recording import Recording, Wiring
from .sampler import ResidentWatch, Sampler, running_of
from .trace import Replay, TraceProblem, TraceRow, read_trace, record_trace, replay
