"""The first ten minutes: what the pages need to know, and what they may ask for."""

from .guide import GuideParts, SetupGuide
from .line_speed import LineTimer
from .setup_controls import SetupControls

__all__ = [
    "GuideParts",
    "LineTimer",
    "SetupControls",
    "SetupGuide",
]
