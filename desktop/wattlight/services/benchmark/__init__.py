"""A quick benchmark of a model on this machine, and the first answer a person tries."""

from .energy import EnergyWindow, PowerHistory, measured_range
from .power_caps import CapRun, Sweep, note_file, notes, restore, sweep
from .run import NEXT_SAMPLE_S, REST_S, Benchmark, Progress, Subject
from .side_by_side import ComparedModel, SideBySide, compare
from .timing import BenchmarkProblem, own_use
