"""Documents of JSON that come from outside."""

import json
from typing import Any

MOST_VALUES = 600_000
"""More values than this is no answer (5,000 models have about 100,000); so many empty lists take 40 MB."""


def read_json(raw: bytes | str, most: int = MOST_VALUES, **ways: Any) -> Any:
    """The document in ``raw``; ``ways`` are of :func:`json.loads`.

    A limit of bytes says little: a list of empty lists takes twenty times its text.

    Raises:
        TooManyValues: it was made to fill the memory.
        ValueError, ArithmeticError, RecursionError: it is no JSON.
    """
    if isinstance(raw, bytes):
        values = raw.count(b"[") + raw.count(b"{") + raw.count(b",")
    else:
        values = raw.count("[") + raw.count("{") + raw.count(",")
    if values > most:
        raise TooManyValues
    return json.loads(raw, **ways)


class TooManyValues(ValueError):
    """No document of any use has so many."""
