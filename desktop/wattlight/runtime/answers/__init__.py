"""Asks a model for an answer and gives it piece by piece, with the server's own counters at its end."""

from .asking import Answerer, connect_answers
from .pieces import AnswerEnd, AnswerPiece, Question

__all__ = ["AnswerEnd", "AnswerPiece", "Answerer", "Question", "connect_answers"]
