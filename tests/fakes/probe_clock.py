"""Time for probes."""

from datetime import UTC, datetime, timedelta


class ProbeClock:
    """Monotonic and wall time that move when told."""

    def __init__(self) -> None:
        self.mono_s = 1000.0
        self.wall = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> float:
        return self.mono_s

    def now(self) -> datetime:
        return self.wall

    def step(self, seconds: float) -> None:
        self.mono_s += seconds
        self.wall += timedelta(seconds=seconds)
