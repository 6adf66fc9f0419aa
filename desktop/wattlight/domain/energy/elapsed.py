"""Two clocks: how long the computer was awake between two readings, and where that lies in UTC."""

from dataclasses import dataclass

from .reading import Reading


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
