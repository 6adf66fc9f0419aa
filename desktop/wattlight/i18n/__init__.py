"""Every text, number, date and sum as a person reads it. Import :func:`tr` and mark every string with it.

Lazy but for the texts, which the first icon needs: each name loads its own file.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .texts import activate, language, tr, trn

if TYPE_CHECKING:
    from .numbers import (
        as_typed,
        gb,
        gib,
        interval,
        kwh,
        money,
        number,
        percent,
        tokens_per_second,
        watts,
    )
    from .times import clock_time, day_and_month, day_name, duration, month_name, short_date
    from .zones import guess_country, local_zone

_PARTS = {
    "numbers": "as_typed gb gib interval kwh money number percent tokens_per_second watts",
    "times": "clock_time day_and_month day_name duration month_name short_date",
    "zones": "guess_country local_zone",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

__all__ = [
    "activate",
    "as_typed",
    "clock_time",
    "day_and_month",
    "day_name",
    "duration",
    "gb",
    "gib",
    "guess_country",
    "interval",
    "kwh",
    "language",
    "local_zone",
    "money",
    "month_name",
    "number",
    "percent",
    "short_date",
    "tokens_per_second",
    "tr",
    "trn",
    "watts",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
