"""Every text, number, date and sum as a person reads it. Import :func:`tr` and mark every string with it."""

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
from .texts import activate, language, tr, trn
from .times import clock_time, day_and_month, day_name, duration, month_name, short_date
from .zones import guess_country, local_zone

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
