"""A price as a person types it: an exact decimal number, with a point."""

import re
from decimal import Decimal

from wattlight.domain.values import clean_text

from .problem import TariffProblem

MAX_PER_KWH = Decimal(1_000_000)
"""More than this per kWh is a slip of the hand in every currency there is."""
_PLAIN = re.compile(r"[+-]?(\d{1,9}(\.\d{1,9})?|\.\d{1,9})")
_COMMA = re.compile(r"[+-]?\d{1,9},\d{1,9}")


def parse_price(value: object, where: str = "The price", allow_negative: bool = False) -> Decimal:
    """The price in ``value`` (text, or a JSON number).

    Args:
        where: begins the sentence of an error ("The price", "In periods[0]: price_per_kwh").
        allow_negative: only slots of dynamic tariffs and bands may be below zero.

    Raises:
        TariffProblem: it is empty, not a number, has a comma, is negative or far too large.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TariffProblem(
            f"{where} is missing.", 'Give the price of one kWh as text, like "0.39".', "price"
        )
    text = value.strip() if isinstance(value, str) else format(Decimal(str(value)), "f")
    if not text:
        raise TariffProblem(f"{where} is empty.", 'Give the price of one kWh, like "0.39".', "price")
    shown = clean_text(text, 30)
    if _COMMA.fullmatch(text):
        with_point = text.replace(",", ".")
        raise TariffProblem(
            f"{where} '{shown}' is written with a comma.", f'Write it with a point: "{with_point}".', "price"
        )
    if not _PLAIN.fullmatch(text):
        raise TariffProblem(f"{where} '{shown}' is not a number.", 'Write it like "0.39".', "price")
    price = Decimal(text)
    if price < 0 and not allow_negative:
        raise TariffProblem(
            f"{where} '{shown}' is negative.",
            "Only bands and the slots of a dynamic tariff can be below zero.",
            "price",
        )
    if abs(price) > MAX_PER_KWH:
        raise TariffProblem(f"{where} '{shown}' is far too high.", "Give the price of one kWh.", "price")
    return price
