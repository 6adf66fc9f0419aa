"""Which models to recommend on a machine, and why.

:func:`recommend` is pure: the same catalogue, machine and question give the same answer. Every model it names
can be pulled by Ollama and fits in the memory that is free now.
"""

from .editorial import Editorial, Languages
from .geometry import geometry_of, metadata_of, windowed_layers
from .known_models import KnownModel, KnownModels
from .quality import effective_billions
from .question import (
    DEFAULT_CONTEXT,
    DEFAULT_LIMIT,
    Advice,
    ApiAdvice,
    PassedOver,
    Question,
    Recommendation,
    Statement,
)
from .ranking import recommend
from .shape_estimate import EstimatedShape, estimate_shape
from .uses import READING_TOKENS_PER_S, Use

__all__ = [
    "DEFAULT_CONTEXT",
    "DEFAULT_LIMIT",
    "READING_TOKENS_PER_S",
    "Advice",
    "ApiAdvice",
    "Editorial",
    "EstimatedShape",
    "KnownModel",
    "KnownModels",
    "Languages",
    "PassedOver",
    "Question",
    "Recommendation",
    "Statement",
    "Use",
    "effective_billions",
    "estimate_shape",
    "geometry_of",
    "metadata_of",
    "recommend",
    "windowed_layers",
]
