"""Tokens of requests: counters a server sends at the end of an answer, sums of them, energy per token."""

from .client import client_name
from .counters import COUNTED_PATHS, NO_COUNTERS, Counters, model_in, read_counters
from .speeds import MeasuredSpeed, SpeedFigure, speed_of
from .sums import TokenSum, joules_per_token, sum_by_client, sum_by_model
from .use import TokenSource, TokenUse

__all__ = [
    "COUNTED_PATHS",
    "NO_COUNTERS",
    "Counters",
    "MeasuredSpeed",
    "SpeedFigure",
    "TokenSource",
    "TokenSum",
    "TokenUse",
    "client_name",
    "joules_per_token",
    "model_in",
    "read_counters",
    "speed_of",
    "sum_by_client",
    "sum_by_model",
]
