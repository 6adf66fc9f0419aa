"""Numbers with their units. None is a dash, everywhere and always."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any

from .texts import apart, language, tr, without_marks, words_language

DASH = "–"
GIB = 1 << 30
MIB = 1 << 20
GB = 10**9
MB = 10**6
MICRO = 1_000_000
MJ_PER_KWH = 3_600_000_000
KEPT = 2048
"""Figures that are kept as text: pages write the same ones again and again, and each takes 0.1 ms."""


@lru_cache(maxsize=8)
def _locale(code: str) -> Any:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def babel_locale() -> Any:
    """Babel's locale for the language in force, English if Babel does not know it."""
    return _locale(language())


def words_locale() -> Any:
    """Babel's locale for names of months and days: that of the texts."""
    return _locale(words_language())


def number(value: float | Decimal | None, digits: int = 0) -> str:
    """A plain number with ``digits`` decimals, grouped as the language does."""
    return DASH if value is None else _number(value or 0, digits, language())


@lru_cache(KEPT)
def _number(value: float | Decimal, digits: int, code: str) -> str:
    from babel.numbers import format_decimal

    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(format_decimal(value, format=pattern, locale=_locale(code)))


def as_typed(decimal_text: str) -> str:
    """Plain decimal text ("0.39") as a person of this language would type it into a field ("0,39")."""
    from babel.numbers import get_decimal_symbol

    symbol = str(get_decimal_symbol(babel_locale()))
    return decimal_text.replace(".", symbol) if symbol == "," else decimal_text


def gib(value_bytes: int | None, digits: int = 1) -> str:
    """Device memory: "5.7 GiB", below a twentieth of one in MiB."""
    if value_bytes is None:
        return DASH
    if 0 < abs(value_bytes) < GIB // 20:
        return apart(f"{number(value_bytes / MIB, 1 if abs(value_bytes) < 10 * MIB else 0)} MiB")
    return apart(f"{number(value_bytes / GIB, digits)} GiB")


def gb(value_bytes: int | None, digits: int = 1) -> str:
    """Downloads and disk: "4.9 GB" (10^9), below a tenth of one in MB (10^6)."""
    if value_bytes is None:
        return DASH
    if 0 < abs(value_bytes) < GB // 10:
        return apart(f"{number(value_bytes / MB, 1 if abs(value_bytes) < 10 * MB else 0)} MB")
    return apart(f"{number(value_bytes / GB, digits)} GB")


def watts(value_w: float | None) -> str:
    """Power: "52 W", one decimal below 10 W."""
    if value_w is None:
        return DASH
    return apart(f"{number(value_w, 1 if abs(value_w) < 9.95 else 0)} W")


def kwh(energy_mj: int | None) -> str:
    """Energy from millijoules: "0.42 kWh", below 0.1 kWh in Wh."""
    if energy_mj is None:
        return DASH
    value = energy_mj / MJ_PER_KWH
    if abs(value) < 0.1:
        wh = value * 1000
        return apart(f"{number(wh, 1 if 0 < abs(wh) < 9.95 else 0)} Wh")
    return apart(f"{number(value, 2 if abs(value) < 9.995 else 1)} kWh")


def percent(fraction: float | None, digits: int = 0) -> str:
    """A share: 0.42 is "42%" in English, "42 %" in German."""
    if fraction is None:
        return DASH
    from babel.numbers import format_percent

    locale = babel_locale()
    pattern = locale.percent_formats[None].pattern.replace("0", f"0.{'0' * digits}" if digits else "0")
    return str(format_percent(fraction, format=pattern, locale=locale))


def money(micro: int | None, currency: str | None, error_fraction: float | None = None) -> str:
    """Money from micro-units, in the currency's own manner.

    With an error the digits are cut to what it allows, but never finer than a tenth of a minor unit
    and never coarser than the minor unit. What is less than the smallest amount so written is "< " it.
    """
    if micro is None or currency is None:
        return DASH
    from babel.numbers import get_currency_precision

    minor = get_currency_precision(currency)
    amount = Decimal(micro) / MICRO
    digits = minor
    if amount and abs(amount) < Decimal(10) ** (1 - minor) and not (error_fraction and error_fraction > 0.2):
        digits = minor + 1
    step = Decimal(1).scaleb(-digits)
    rounded = amount.quantize(step, rounding=ROUND_HALF_EVEN)
    if amount and not rounded:
        least = money(round(step.copy_sign(amount) * MICRO), currency, error_fraction)
        return apart(f"{'<' if amount > 0 else '>'} {without_marks(least)}")
    return _within_texts(_amount(rounded, currency, digits - minor, language()))


@lru_cache(KEPT)
def _amount(rounded: Decimal, currency: str, finer: int, code: str) -> str:
    """``rounded`` as the currency is written, with ``finer`` more digits than usual."""
    from babel.numbers import format_currency, get_currency_precision

    locale = _locale(code)
    if not finer:
        return str(format_currency(rounded, currency, locale=locale))
    digits = get_currency_precision(currency) + finer
    pattern = locale.currency_formats["standard"].pattern.replace(".00", "." + "0" * digits)
    return str(format_currency(rounded, currency, format=pattern, locale=locale, currency_digits=False))


def _within_texts(amount: str) -> str:
    """Marks of a right-to-left script would turn an amount around within an English sentence; a code in
    letters stands apart from its figures ("KWD 0.085")."""
    amount = _CODE_AND_FIGURE.sub("\u00a0", amount)
    return without_marks(amount) if words_language().startswith("en") else apart(amount)


_CODE_AND_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)")


def interval(low: str, high: str) -> str:
    """A range with an en dash from its two formatted ends; a sign or unit both have is written once:
    "38–46 tokens/s", "€3.30–3.80", "3,30–3,80 €"."""
    low, high = without_marks(low), without_marks(high)
    if low == high:
        return apart(low)
    first, last = _ENDS.match(low), _ENDS.match(high)
    if first is not None and last is not None and first.group(1) == last.group(1):
        before, after = first.group(3), last.group(3)
        if before == after:
            return apart(f"{low[: len(low) - len(before)]}–{high[len(last.group(1)) :]}")
    return apart(f"{low}–{high}")


_ENDS = re.compile(r"([^\d−-]*)(\d.*\d|\d)(\D*)$")
"""What stands before the first figure, the number, what stands after it; negative amounts do not match."""


def tokens_per_second(low: float | None, high: float | None) -> str:
    """A speed range with the digits its error allows."""
    if low is None or high is None:
        return DASH
    digits = 1 if high < 9.95 else 0
    return apart(tr("{speed} tokens/s", speed=interval(number(low, digits), number(high, digits))))
