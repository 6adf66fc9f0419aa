"""Learns from each load: compares what was predicted with what the server and the driver then say."""

from .announcing import AnnouncingServer
from .foretelling import Foreteller, PreparedOf
from .learner import ComparisonBook, LoadLearner, Predict

__all__ = ["AnnouncingServer", "ComparisonBook", "Foreteller", "LoadLearner", "Predict", "PreparedOf"]
