"""How long a model stays loaded: what a person types, as the server takes it."""

import re

from wattlight.domain.values import clean_text

from .problems import RuntimeProblem

_GO = re.compile(r"-?(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+")
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,3})?")
_FOREVER = frozenset({"forever", "-1"})


def read_keep_alive(text: str) -> str | float:
    """``5m``, ``1h30m``, a number of seconds, ``-1`` or ``forever``.

    Raises:
        RuntimeProblem: none of these (code ``invalid_duration``).
    """
    word = text.strip().lower()
    if word in _FOREVER:
        return -1
    if _NUMBER.fullmatch(word):
        return float(word)
    if _GO.fullmatch(word):
        return word
    raise RuntimeProblem(
        f'"{clean_text(text, 40)}" is not a time to keep a model loaded.',
        'Use a duration like "5m" or "1h", or "forever".',
        "invalid_duration",
    )
