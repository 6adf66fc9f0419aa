"""A made-up language: longer than English, with accents, in brackets; what lacks them is not translated."""

import gettext
import re
from collections.abc import Iterator
from contextlib import contextmanager

from wattlight.i18n import activate, texts

OPEN, CLOSE = "⟦", "⟧"
LONGER = 0.35
"""German and French are about a third longer than English; short words grow most."""
_ACCENTED = str.maketrans("aeiouAEIOUcnsyz", "áéîöûÁÉÎÖÛçñšýž")
_PLACE = re.compile(r"(\{[^{}]*\}|'wattlight [^']*'|%[sd]|\(\*\.[a-z]+\))")


def pseudo(text: str) -> str:
    """``text`` in the made-up language; placeholders stay."""
    said = "".join(
        part if _PLACE.fullmatch(part) else part.translate(_ACCENTED) for part in _PLACE.split(text)
    )
    letters = sum(map(str.isalpha, _PLACE.sub("", text)))
    more = "·" * round(letters * LONGER + (1 if 0 < letters < 12 else 0)) if letters > 1 else ""
    blank = " " if text.endswith(" ") else ""
    return f"{OPEN}{said.rstrip()}{more}{CLOSE}{blank}"


class Pseudo(gettext.GNUTranslations):
    """Stands for the translations of a language."""

    def __init__(self) -> None:
        super().__init__()

    def gettext(self, message: str) -> str:
        return pseudo(message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return pseudo(one if count == 1 else many)


@contextmanager
def spoken() -> Iterator[None]:
    """Everything is said in the made-up language meanwhile."""
    activate("en")
    before, texts._Choice.translations = texts._Choice.translations, Pseudo()
    try:
        yield
    finally:
        texts._Choice.translations = before
