"""Use cases and their threads."""

from .workshop import Workshop

__all__ = ["Workshop"]
