"""Use cases and their threads."""

from .controller import Controller
from .workshop import Workshop

__all__ = ["Controller", "Workshop"]
