"""A quick benchmark of a model on this machine, and the first answer a person tries."""

from .energy import EnergyWindow, PowerHistory, measured_range
from .run import Benchmark, BenchmarkProblem, Progress, Subject, own_use
