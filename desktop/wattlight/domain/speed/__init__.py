"""How fast a fitted model would answer: always a range, always with its basis."""

from .decode import SpeedRange, tokens_per_second
from .prefill import prompt_tokens_per_second
from .traffic import Traffic, traffic_of

__all__ = ["SpeedRange", "Traffic", "prompt_tokens_per_second", "tokens_per_second", "traffic_of"]
