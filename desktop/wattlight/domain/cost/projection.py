"""What a month will come to, from the days that were observed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

DAYS_NEEDED = 3
DAYS_USED = 14
LOW, HIGH = 0.2, 0.8
_KIND_NEEDED = 3


@dataclass(frozen=True, slots=True)
class DayAmount:
    """What one observed day came to (money in micro-units, or energy in mJ)."""

    day: date
    amount: int


@dataclass(frozen=True, slots=True)
class Projection:
    """Expected amount of the whole month; ``low`` and ``high`` are where it will lie in most months."""

    low: int
    mid: int
    high: int


def project_month(days: Sequence[DayAmount], today: date) -> Projection | None:
    """Booked so far, plus a typical day for each that is left; None before three whole days were observed.

    A typical day is the median of the latest 14 observed days before today, weekdays and weekends apart
    where there are three of the kind; the range uses their 20 % and 80 % quantiles.

    Args:
        days: observed days of this and earlier months, today included.
    """
    past = sorted((d for d in days if d.day < today), key=lambda d: d.day)[-DAYS_USED:]
    if len(past) < DAYS_NEEDED:
        return None
    booked = sum(d.amount for d in days if _same_month(d.day, today) and d.day < today)
    so_far = sum(d.amount for d in days if d.day == today)
    low = mid = high = booked
    day = today
    while _same_month(day, today):
        kind = [d.amount for d in past if _weekend(d.day) == _weekend(day)]
        amounts = kind if len(kind) >= _KIND_NEEDED else [d.amount for d in past]
        least = so_far if day == today else None
        typical = (_quantile(amounts, LOW), round(median(amounts)), _quantile(amounts, HIGH))
        one, two, three = (amount if least is None else max(least, amount) for amount in typical)
        low, mid, high = low + one, mid + two, high + three
        day += timedelta(days=1)
    return Projection(low, mid, high)


def _quantile(amounts: Sequence[int], part: float) -> int:
    ordered = sorted(amounts)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _weekend(day: date) -> bool:
    return day.weekday() >= 5


def _same_month(one: date, two: date) -> bool:
    return (one.year, one.month) == (two.year, two.month)
