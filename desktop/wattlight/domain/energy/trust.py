"""Compares a counter with the gauge beside it, and says when the counter cannot be believed."""

WINDOW_US = 60_000_000
LOW, HIGH = 0.8, 1.25
"""A sound counter stays within these ratios to the integral of the power."""
STRIKES = 3
QUIET_UW = 15_000_000
"""Below this mean power the two may differ for harmless reasons."""


class CounterTrust:
    """Three windows of a minute in a row with a ratio outside 0.8 to 1.25 end the trust, for one epoch."""

    def __init__(self) -> None:
        self._epoch = ""
        self._last: tuple[int, int, int] | None = None
        self._window = (0, 0, 0.0)
        self._strikes = 0
        self.distrusted = False

    def note(self, epoch: str, mono_us: int, counter_mj: int | None, power_uw: int | None) -> bool:
        """Take a reading with both values; True while the counter may be used."""
        if epoch != self._epoch:
            self._epoch, self._last, self._strikes, self.distrusted = epoch, None, 0, False
            self._window = (0, 0, 0.0)
        if counter_mj is None or power_uw is None:
            self._last = None
            return not self.distrusted
        if self._last is not None:
            self._step(mono_us, counter_mj, power_uw)
        self._last = (mono_us, counter_mj, power_uw)
        return not self.distrusted

    def _step(self, mono_us: int, counter_mj: int, power_uw: int) -> None:
        then_us, then_mj, then_uw = self._last or (mono_us, counter_mj, power_uw)
        distance_us, delta_mj = mono_us - then_us, counter_mj - then_mj
        if not 0 < distance_us <= 10_000_000 or delta_mj < 0:
            return
        time, counted, gauged = self._window
        gauged += (then_uw + power_uw) * distance_us / 2e9
        time, counted = time + distance_us, counted + delta_mj
        if time < WINDOW_US:
            self._window = (time, counted, gauged)
            return
        self._window = (0, 0, 0.0)
        if gauged * 1e9 / time < QUIET_UW:
            return
        self._strikes = 0 if LOW <= counted / gauged <= HIGH else self._strikes + 1
        self.distrusted = self.distrusted or self._strikes >= STRIKES
