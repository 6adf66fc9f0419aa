"""What goes into the integration of one device, and what comes out."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ..values import Quality

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one device.

    Attributes:
        at_us: UTC, microseconds since the epoch; for storage.
        mono_us: monotonic clock in microseconds; for durations. It stops while the computer sleeps.
        power_uw: microwatts, None if not read.
        counter_mj: cumulative counter, None if not read.
        epoch: a change means that the counter may have started again.
        boot_id: a change means that ``mono_us`` cannot be compared.
        counter_range_mj: value at which the counter wraps, None if it does not.
        limit_uw: enforced power limit, None if unknown.
        reason: why nothing was read ("asleep").
        worked: digests of the models that produced tokens since the reading before.
    """

    at_us: int
    mono_us: int
    power_uw: int | None = None
    counter_mj: int | None = None
    epoch: str = ""
    boot_id: str = ""
    counter_range_mj: int | None = None
    limit_uw: int | None = None
    reason: str | None = None
    worked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Interval(Generic[C]):
    """Energy of one device between two readings.

    ``context`` is what was known at the first of them (which models were resident). ``observed`` is False
    for a gap that a counter bridged: the energy is known, when it was used is not. ``awake_us`` is the
    duration by the monotonic clock.
    """

    start_us: int
    end_us: int
    awake_us: int
    energy_mj: int
    observed: bool
    quality: Quality
    context: C
    worked: frozenset[str] = frozenset()

    @property
    def mean_uw(self) -> int:
        """Mean power in microwatts, 0 for an interval without length."""
        return self.energy_mj * 1_000_000_000 // self.awake_us if self.awake_us > 0 else 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A span for which nothing is billed, and why."""

    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of the integration.

    Attributes:
        suspend_us: UTC may run ahead of the monotonic clock by this much before it counts as sleep.
        plausible_factor: power above this times the limit is an error of the sensor.
        sane_power_uw: power no part of a personal computer reaches; None: no such check.
        fallback_after_us: a counter missing for longer than this gives way to the gauge; None: never.
    """

    suspend_us: int = 2_000_000
    plausible_factor: float = 1.5
    sane_power_uw: int | None = 20_000_000_000
    fallback_after_us: int | None = 600_000_000


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The span between two readings.

    ``awake_us`` is never negative. ``slept``: UTC ran ahead of the monotonic clock (sleep, or a clock set
    forward, which cannot be told apart and is treated alike: the extra time is not billed).
    """

    start_us: int
    awake_us: int
    slept: bool


def elapsed_between(first: Reading, second: Reading, suspend_us: int) -> Elapsed:
    """Compare the two clocks.

    A UTC clock that was set back makes the span end now and begin ``awake_us`` before now, so that
    no time is negative. After a restart of the computer the monotonic clock starts again: all of the span
    counts as asleep, with no awake time known.
    """
    wall_us = second.at_us - first.at_us
    if first.boot_id != second.boot_id:
        return Elapsed(min(first.at_us, second.at_us), 0, wall_us > 0)
    awake_us = max(0, second.mono_us - first.mono_us)
    if wall_us - awake_us > suspend_us:
        return Elapsed(first.at_us, awake_us, True)
    if awake_us - wall_us > suspend_us or wall_us < 0:
        return Elapsed(second.at_us - awake_us, awake_us, False)
    return Elapsed(first.at_us, awake_us, False)
