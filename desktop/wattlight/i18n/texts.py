"""Translated texts (gettext). The chosen language is the one piece of module state in the program."""

import gettext
import locale
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wattlight import SHIPPED

_DOMAIN = "wattlight"


@dataclass(frozen=True, slots=True)
class Language:
    """A language the texts are offered in; ``name`` is its own. ``reviewed``: a person reads it as native."""

    code: str
    name: str
    reviewed: bool = False


OFFERED = (
    Language("en", "English", reviewed=True),
    Language("de", "Deutsch", reviewed=True),
    Language("es", "Español"),
    Language("fr", "Français"),
    Language("pt_BR", "Português (Brasil)"),
    Language("zh_CN", "简体中文"),
)
"""What the texts can be shown in; each but English has a folder below ``resources/i18n``."""


class _Choice:
    """The language in force; replaced by :func:`activate`, read by everything that shows text."""

    translations: gettext.NullTranslations = gettext.NullTranslations()
    language: str = "en"


def activate(language_code: str | None, folder: Path | None = None) -> str:
    """Use ``language_code`` ("de", "pt_BR"); None takes the user's own from the environment.

    Falls back to English for a language that is not shipped. Returns the language in force for numbers.
    ``folder`` holds the translations, those that are shipped if it is None.
    """
    code = language_code or _from_environment()
    _Choice.language = code
    folders = [shipped / "i18n" for shipped in SHIPPED] if folder is None else [folder]
    files = [gettext.find(_DOMAIN, place, [code]) for place in folders if not code.startswith("en")]
    found = next((file for file in files if file), None)
    _Choice.translations = gettext.NullTranslations()
    if found:
        with Path(found).open("rb") as stream:
            _Choice.translations = gettext.GNUTranslations(stream)
    return code


def language() -> str:
    """The language in force, as Babel understands it."""
    return _Choice.language


def words_language() -> str:
    """The language of the texts themselves: English where the user's own is not shipped.

    Names of months go with the texts, numbers and money with the user's language.
    """
    code = _Choice.language
    shipped = type(_Choice.translations) is not gettext.NullTranslations
    return code if shipped or code.startswith("en") else "en_150"


def right_to_left() -> bool:
    """Whether the texts are read from right to left."""
    return words_language().split("_")[0] in {"ar", "fa", "he", "ur"}


def marked(text: str) -> str:
    """``text`` as it is: it stands in a table, and is translated by :func:`tr` where it is shown."""
    return text


def tr(text: str | None, **values: object) -> str:
    """``text`` translated, with ``{name}`` replaced by ``values`` (already formatted); "" stays "", and so
    does None."""
    message = _Choice.translations.gettext(text) if text else ""  # "" is the head of a translation
    return message.format(**values) if values else message


_BETWEEN = (marked(", "), marked("; "), marked(". "))


def joined(parts: Iterable[str], mark: str = ", ") -> str:
    """``parts`` in a row with the language's own mark between them, for ", ", "; " or ". "."""
    return tr(mark).join(parts)


def trn(one: str, many: str, count: int, **values: object) -> str:
    """The form of a text that goes with ``count``; ``{count}`` is replaced too."""
    return _Choice.translations.ngettext(one, many, count).format(count=count, **values)


def _from_environment() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "").split(".")[0].split("@")[0]
        if value and value not in {"C", "POSIX"}:
            return value if locale.normalize(value) else "en"
    return "en"
