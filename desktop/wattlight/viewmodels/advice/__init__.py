"""Recommendations in words, for both faces."""

from .offer_list import left_out, listed_offer, offers
from .sentences import api_sentence, confidence_name, passed_over_sentence, verdict_name, why_sentence

__all__ = [
    "api_sentence",
    "confidence_name",
    "left_out",
    "listed_offer",
    "offers",
    "passed_over_sentence",
    "verdict_name",
    "why_sentence",
]
