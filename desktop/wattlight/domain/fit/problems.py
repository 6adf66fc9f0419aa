"""What can be wrong with a question about fit."""

from ..values import Problem, clean_text
from .cache import KV_TYPES


class UnknownCacheType(Problem):
    """The engine does not know this type of KV cache."""

    code = "bad_kv_type"

    def __init__(self, kv_type: str) -> None:
        super().__init__(
            f"The engine knows no KV cache of type {clean_text(kv_type, 40)}.",
            f"Use one of {', '.join(KV_TYPES)}.",
        )
