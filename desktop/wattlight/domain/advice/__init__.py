"""Which models to recommend on a machine, and why.

:func:`recommend` is pure: the same catalogue, machine and question give the same answer. Every model it names
can be pulled by Ollama and fits in the memory that is free now.
"""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .judgement import effective_billions
    from .known import KnownModel, KnownModels, estimated_by_name
    from .ranking import recommend
    from .shape_estimate import EstimatedShape, estimate_shape, stand_in, tensors_of
    from .uses import (
        DEFAULT_CONTEXT,
        DEFAULT_LIMIT,
        READING_TOKENS_PER_S,
        Advice,
        ApiAdvice,
        Editorial,
        Languages,
        PassedOver,
        Question,
        Recommendation,
        Statement,
        Use,
    )
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "judgement": "effective_billions",
            "known": "KnownModel KnownModels estimated_by_name",
            "ranking": "recommend",
            "shape_estimate": "EstimatedShape estimate_shape stand_in tensors_of",
            "uses": "DEFAULT_CONTEXT DEFAULT_LIMIT READING_TOKENS_PER_S Advice ApiAdvice Editorial Languages "
            "PassedOver Question Recommendation Statement Use",
        },
    )
