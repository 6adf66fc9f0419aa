"""The first ten minutes: what the pages need to know, and what they may ask for."""

from .guide import SetupGuide
from .line_speed import LineTimer

__all__ = [
    "LineTimer",
    "SetupGuide",
]
