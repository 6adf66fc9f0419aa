"""Translated texts (gettext). The chosen language is the one piece of module state in the program."""

import gettext
import locale
import os
import re
import sys
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
    Language("ja", "日本語"),
    Language("ar", "العربية"),
)
"""What the texts can be shown in; each but English has a folder below ``resources/i18n``."""


class _Choice:
    """The language in force; replaced by :func:`activate`, read by everything that shows text."""

    translations: gettext.NullTranslations = gettext.NullTranslations()
    language: str = "en"
    mirrored: bool = False
    isolates: bool = True


_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
_ISOLATE, _END = "\u2068", "\u2069"
_FROM_RIGHT = "\u200f"
_ANY_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u061c\u2066\u2067\u2068\u2069"))


def activate(language_code: str | None, folder: Path | None = None, isolates: bool = True) -> str:
    """Use ``language_code`` ("de", "pt_BR"); None takes the user's own, from the environment or the system.

    Falls back to English for a language that is not shipped. Returns the language in force for numbers.
    ``folder`` holds the translations, those that are shipped if it is None. ``isolates``: see :func:`apart`;
    a terminal may show the marks, and is better without.
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
    _Choice.mirrored = words_language().split("_")[0] in _RIGHT_TO_LEFT
    _Choice.isolates = isolates
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
    return _Choice.mirrored


def apart(text: str) -> str:
    """``text`` as a piece of its own within what is read from right to left, where "5.7 GiB" would become
    "GiB 5.7" and "--day" "day--"; unchanged in other languages."""
    return f"{_ISOLATE}{text}{_END}" if text and _Choice.mirrored and _Choice.isolates else text


def paragraph(text: str) -> str:
    """``text`` as a line of its own that begins at the right where reading does, whatever its first letter;
    what has no letter of such a script keeps its own order. Unchanged in other languages."""
    if not _Choice.mirrored or text.startswith(_FROM_RIGHT):
        return text
    return "\n".join(
        _FROM_RIGHT + (part if _ANY_FROM_RIGHT.search(part) else apart(part)) if part else part
        for part in text.split("\n")
    )


def without_marks(text: str) -> str:
    """``text`` without the marks of :func:`apart` and others of direction, to look into it."""
    return text.translate(_MARKS)


def marked(text: str) -> str:
    """``text`` as it is: it stands in a table, and is translated by :func:`tr` where it is shown."""
    return text


def tr(text: str | None, **values: object) -> str:
    """``text`` translated, with ``{name}`` replaced by ``values`` (already formatted); "" stays "", and so
    does None."""
    message = _Choice.translations.gettext(text) if text else ""  # "" is the head of a translation
    return _filled(message, values)


_BETWEEN = (marked(", "), marked("; "), marked(". "))


def joined(parts: Iterable[str], mark: str = ", ") -> str:
    """``parts`` in a row with the language's own mark between them, for ", ", "; " or ". "."""
    return tr(mark).join(map(apart, parts))


def trn(one: str, many: str, count: int, **values: object) -> str:
    """The form of a text that goes with ``count``; ``{count}`` is replaced too."""
    return _filled(_Choice.translations.ngettext(one, many, count), {"count": count, **values})


def _filled(message: str, values: dict[str, object]) -> str:
    if _Choice.mirrored:
        values = {name: apart(str(value)) for name, value in values.items()}
        message = message if _Choice.isolates else without_marks(message)
    return message.format(**values) if values else message


def _from_environment() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "").split(".")[0].split("@")[0]
        if value and value not in {"C", "POSIX"}:
            return value if locale.normalize(value) else "en"
    return _from_system() or "en"


def _from_system() -> str | None:
    """What the system's own settings say; on Windows, and for what the Finder starts, no variable does."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage())
    if sys.platform == "darwin":
        import plistlib

        try:
            data = (Path.home() / _MAC_WISHES).read_bytes()
            wish = plistlib.loads(data, fmt=plistlib.FMT_BINARY)["AppleLanguages"][0]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        return _as_posix(wish) if isinstance(wish, str) and _TAG.fullmatch(wish) else None
    return None


_MAC_WISHES = "Library/Preferences/.GlobalPreferences.plist"
_TAG = re.compile("[A-Za-z0-9-]{2,30}")
_SCRIPTS = {"zh_Hans": "zh_CN", "zh_Hant": "zh_TW"}


def _as_posix(tag: str) -> str:
    """ "de-AT" as "de_AT", "zh-Hans-CN" as "zh_CN": language and country, without a script."""
    parts = tag.split("-")
    country = [part for part in parts[1:] if re.fullmatch("[A-Z]{2}|[0-9]{3}", part)]
    return "_".join([parts[0], *country[:1]]) if country else _SCRIPTS.get("_".join(parts[:2]), parts[0])
