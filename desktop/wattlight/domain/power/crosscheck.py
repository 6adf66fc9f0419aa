"""An energy counter checked against the power gauge of the same device."""

WINDOW_S = 60.0
"""Length of one comparison."""
ACTIVE_W = 15.0
"""Below this mean power a window says little (the gauge's own error is larger)."""
LOW, HIGH = 0.8, 1.25
STRIKES = 3
MAX_GAP_S = 10.0


class CounterCheck:
    """Compares the counter's difference with the integral of the gauge, window by window.

    Three windows in a row outside 0.8-1.25 and the counter is distrusted, for good: real cards were seen
    whose counter showed 0.57 of the integral.
    """

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self._last: tuple[float, float] | None = None
        self._integral_mj = 0.0
        self._strikes = 0
        self.ratio: float | None = None
        self.distrusted = False

    def feed(self, monotonic_s: float, power_w: float | None, counter_mj: int | None) -> None:
        """One tick; a missing value, a gap or a counter that goes back starts a new window."""
        if power_w is None or counter_mj is None:
            self._start = self._last = None
            return
        last, self._last = self._last, (monotonic_s, power_w)
        gap_s = monotonic_s - last[0] if last else 0.0
        back = self._start is not None and counter_mj < self._start[1]
        if self._start is None or last is None or not 0 < gap_s <= MAX_GAP_S or back:
            self._start, self._integral_mj = (monotonic_s, counter_mj), 0.0
            return
        self._integral_mj += (last[1] + power_w) / 2 * gap_s * 1000
        if monotonic_s - self._start[0] >= WINDOW_S:
            self._judge(monotonic_s - self._start[0], counter_mj - self._start[1])
            self._start, self._integral_mj = (monotonic_s, counter_mj), 0.0

    def _judge(self, span_s: float, counted_mj: int) -> None:
        if self._integral_mj / 1000 / span_s < ACTIVE_W:
            return
        self.ratio = counted_mj / self._integral_mj
        self._strikes = 0 if LOW <= self.ratio <= HIGH else self._strikes + 1
        if self._strikes >= STRIKES:
            self.distrusted = True
