"""How far back records are kept."""

import calendar
from datetime import datetime


def kept_since(now: datetime, months: int) -> datetime:
    """The moment so many months ago, on the last day of that month where the day does not exist in it."""
    count = now.year * 12 + now.month - 1 - months
    year, month = divmod(count, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return now.replace(year=year, month=month + 1, day=day)
