"""The window of the first run."""

from .window import FirstRunWindow

__all__ = ["FirstRunWindow"]
