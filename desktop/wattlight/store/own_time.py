"""The ledger's own time: what the clock said at every moment of the last day in which the meter ran.

A clock may be wrong for seconds or for hours; what is deleted on its word is gone for good. So nothing counts
as old that was not old all through a day of metering, told by a clock that cannot be set.
"""

from collections import deque

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MOST_HOURS = 60


class OwnTime:
    """Hours of metering, the latest last: how long each is, and the earliest the clock said in it.

    ``text`` is what :meth:`text` made; anything else begins anew.
    """

    def __init__(self, text: str = "") -> None:
        self._hours: deque[tuple[int, int]] = deque()
        try:
            for part in text.split()[-MOST_HOURS:]:
                length_us, earliest_us = (int(number[:20]) for number in part.split(":"))
                if 0 <= length_us <= 2 * HOUR_US:
                    self._hours.append((length_us, earliest_us))
        except ValueError:
            self._hours.clear()

    def note(self, now_us: int, metered_us: int) -> None:
        """The clock says ``now_us``, after ``metered_us`` more of metering."""
        if self._hours and self._hours[-1][0] < HOUR_US:
            length_us, earliest_us = self._hours.pop()
            metered_us, now_us = metered_us + length_us, min(now_us, earliest_us)
        self._hours.append((max(0, metered_us), now_us))
        while sum(length for length, _ in self._hours) - self._hours[0][0] >= DAY_US:
            self._hours.popleft()

    def told_us(self) -> int | None:
        """The moment that has surely come; None before a day of metering."""
        if sum(length for length, _ in self._hours) < DAY_US:
            return None
        return min(earliest for _, earliest in self._hours)

    def text(self) -> str:
        return " ".join(f"{length}:{earliest}" for length, earliest in self._hours)
