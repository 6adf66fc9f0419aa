"""Times, dates and spans as a person reads them."""

from datetime import date, datetime, tzinfo

from .numbers import DASH, words_locale
from .texts import tr


def clock_time(at: datetime | None, zone: tzinfo | None = None) -> str:
    """The time of day in the user's zone: "23:05"."""
    if at is None:
        return DASH
    from babel.dates import format_time

    return str(format_time(at.astimezone(zone), format="short", locale=words_locale()))


def short_date(day: date | None) -> str:
    """A date: "24 Nov 2026" in the language's manner."""
    if day is None:
        return DASH
    from babel.dates import format_date

    return str(format_date(day, format="medium", locale=words_locale()))


def day_name(day: date) -> str:
    """A weekday, short: "Mon"."""
    from babel.dates import format_date

    return str(format_date(day, format="EEE", locale=words_locale()))


def month_name(day: date) -> str:
    """A month as it stands alone: "November"."""
    from babel.dates import format_date

    return str(format_date(day, format="LLLL", locale=words_locale()))


def day_and_month(day: date) -> str:
    """A day of this year: "Nov 30" in the language's manner."""
    from babel.dates import format_skeleton

    return str(format_skeleton("MMMd", day, locale=words_locale()))


def duration(seconds: float | None) -> str:
    """A span: "21 h 40", "12 min", "8 s"."""
    if seconds is None:
        return DASH
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{s} s", s=whole)
    minutes = whole // 60
    if minutes < 60:
        return tr("{m} min", m=minutes)
    return tr("{h} h {m}", h=minutes // 60, m=f"{minutes % 60:02d}")
