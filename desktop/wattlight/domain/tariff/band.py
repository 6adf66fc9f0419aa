"""Weekly bands: hours with a price of their own."""

from dataclasses import dataclass
from decimal import Decimal

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Band:
    """Local wall-clock hours of some weekdays.

    ``days`` are 0 (Monday) to 6. ``start`` and ``end`` are minutes of the day, ``end`` exclusive; an end
    at or before the start lies on the following day, and the band belongs to the day on which it starts.
    """

    days: frozenset[int]
    start: int
    end: int
    price_per_kwh: Decimal

    @property
    def crosses_midnight(self) -> bool:
        """It ends on the following day."""
        return self.end <= self.start

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether wall-clock ``minute`` of a day that is a ``weekday`` lies in the band."""
        if not self.crosses_midnight:
            return weekday in self.days and self.start <= minute < self.end
        return (weekday in self.days and minute >= self.start) or (
            (weekday - 1) % 7 in self.days and minute < self.end
        )

    def minutes_of_week(self) -> frozenset[int]:
        """Every minute of a week (0 is Monday 00:00) the band covers; used to find overlaps."""
        length = self.end - self.start + (DAY_MINUTES if self.crosses_midnight else 0)
        week = 7 * DAY_MINUTES
        return frozenset(
            (day * DAY_MINUTES + self.start + k) % week for day in self.days for k in range(length)
        )
