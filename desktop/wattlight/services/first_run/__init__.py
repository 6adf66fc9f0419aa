"""The first ten minutes: what the pages need to know, and what they may ask for."""

from .answering import LineTimer
from .guide import SetupGuide
