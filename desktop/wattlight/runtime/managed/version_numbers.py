"""Compares version numbers of Ollama."""

import re

_NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[A-Za-z0-9.]+)?")

Order = tuple[int, int, int, int]


def version_order(version: str) -> Order | None:
    """A key to compare by, None for what is no version; a pre-release comes before its release."""
    found = _NUMBERS.match(version.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), 0 if found[4] else 1


def is_newer(version: str, than: str | None) -> bool:
    """True when ``version`` is newer; False where that cannot be told."""
    first, second = version_order(version), None if than is None else version_order(than)
    return first is not None and second is not None and first > second
