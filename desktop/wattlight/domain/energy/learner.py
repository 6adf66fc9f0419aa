"""Learns the power of a device while nothing happens: a low quantile over time."""

from collections import deque

QUANTILE = 0.10
"""Low enough that short bursts do not lift it, high enough that one dip does not decide it."""
LEARNED_S = 300
"""Five minutes of observation before a level is trusted."""
PROVISIONAL_S = 3
"""From here on it is used until a better one is there."""
WINDOW_S = 1800


class LevelLearner:
    """Time-weighted 10 % quantile of the power of the latest half hour of one situation."""

    def __init__(self, power_uw: int | None = None, learned_us: int | None = None) -> None:
        self._seen: deque[tuple[int, int]] = deque()
        self._total_us = 0
        self._stored_uw = power_uw
        self.learned_us = learned_us
        """When the level was last learned, None while it is provisional."""

    @property
    def observed_s(self) -> int:
        """Seconds the present level rests on."""
        return self._total_us // 1_000_000

    @property
    def left_s(self) -> int:
        """Seconds of observation that are missing until the level is trusted; 0 once it was learned."""
        return 0 if self.learned_us is not None else max(0, LEARNED_S - self.observed_s)

    def note(self, power_uw: int, awake_us: int, at_us: int) -> None:
        """Take the mean power of an interval in this situation."""
        if awake_us <= 0:
            return
        self._seen.append((power_uw, awake_us))
        self._total_us += awake_us
        while self._total_us - self._seen[0][1] >= WINDOW_S * 1_000_000:
            self._total_us -= self._seen.popleft()[1]
        if self._total_us >= LEARNED_S * 1_000_000 and (
            self.learned_us is None or at_us - self.learned_us >= 60_000_000
        ):
            self._stored_uw = self._quantile()
            self.learned_us = at_us

    def level_uw(self) -> int | None:
        """The level in microwatts: learned, else provisional, else None."""
        if self._stored_uw is not None:
            return self._stored_uw
        return self._quantile() if self._total_us >= PROVISIONAL_S * 1_000_000 else None

    def forget(self) -> None:
        self._seen.clear()
        self._total_us, self._stored_uw, self.learned_us = 0, None, None

    def _quantile(self) -> int:
        upto = 0
        for power_uw, awake_us in sorted(self._seen):
            upto += awake_us
            if upto >= QUANTILE * self._total_us:
                return power_uw
        return self._seen[-1][0]
