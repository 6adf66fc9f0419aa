"""What a fit says, in words, for both faces."""

from .sentences import reason_sentence

__all__ = ["reason_sentence"]
