"""Translated texts (gettext). The chosen language is the one piece of module state in the program."""

import gettext
import locale
import os
from pathlib import Path

_DOMAIN = "wattlight"


class _Choice:
    """The language in force; replaced by :func:`activate`, read by everything that shows text."""

    translations: gettext.NullTranslations = gettext.NullTranslations()
    language: str = "en"


def activate(language_code: str | None, folder: Path | None = None) -> str:
    """Use ``language_code`` ("de", "pt_BR"); None takes the user's own from the environment.

    Falls back to English for a language that is not shipped. Returns the language in force for numbers.
    """
    code = language_code or _from_environment()
    _Choice.language = code
    if folder is not None:
        _Choice.translations = gettext.translation(_DOMAIN, folder, [code], fallback=True)
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


def tr(text: str, **values: object) -> str:
    """``text`` translated, with ``{name}`` replaced by ``values`` (already formatted)."""
    message = _Choice.translations.gettext(text)
    return message.format(**values) if values else message


def trn(one: str, many: str, count: int, **values: object) -> str:
    """The form of a text that goes with ``count``; ``{count}`` is replaced too."""
    return _Choice.translations.ngettext(one, many, count).format(count=count, **values)


def _from_environment() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "").split(".")[0].split("@")[0]
        if value and value not in {"C", "POSIX"}:
            return value if locale.normalize(value) else "en"
    return "en"
