"""Learns from each load: compares what was predicted with what the server and the driver then say."""

from .foretelling import LoadPredictor
from .learner import ComparisonBook, LoadLearner, Predict

__all__ = ["ComparisonBook", "LoadLearner", "LoadPredictor", "Predict"]
