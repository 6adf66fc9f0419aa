"""A quick benchmark of a model on this machine, and the first answer a person tries."""

from .energy import EnergyWindow, PowerHistory
from .ranges import measured_range
from .run import Answers, Benchmark, BenchmarkProblem, Progress, SpeedBook, Subject
from .try_it import TryIt

__all__ = [
    "Answers",
    "Benchmark",
    "BenchmarkProblem",
    "EnergyWindow",
    "PowerHistory",
    "Progress",
    "SpeedBook",
    "Subject",
    "TryIt",
    "measured_range",
]
