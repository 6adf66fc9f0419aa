"""How fast a fitted model would answer."""

from .decode import SpeedRange, tokens_per_second

__all__ = ["SpeedRange", "tokens_per_second"]
