"""What idle loaded models cost, and what a shorter keep-alive would have saved."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattlight.domain.energy import MINUTE_US, State

from .buckets import Bucket


@dataclass(frozen=True, slots=True)
class KeepAliveSaving:
    """Over the minutes given: energy of idle loaded models, the part beyond the shorter keep-alive, and
    how long models stayed idle at a stretch."""

    parked_mj: int
    saved_mj: int
    longest_idle_s: int
    days: float
    """Length of the span the minutes cover, to scale to a month."""


def keep_alive_saving(buckets: Iterable[Bucket], keep_alive_s: int) -> KeepAliveSaving:
    """Look at each stretch of minutes in which a model was resident and idle.

    With a keep-alive of ``keep_alive_s`` the model would have been unloaded after that time of each
    stretch; what it drew later is the saving. Loading it again costs a little, which is not counted, so the
    figure is an upper bound. Only minutes count (quarter hours are too coarse to see stretches).
    """
    idle: dict[str, dict[int, int]] = {}
    busy: set[tuple[str, int]] = set()
    first = last = None
    for bucket in buckets:
        if bucket.length_us != MINUTE_US:
            continue
        minute = bucket.start_us // MINUTE_US
        first = minute if first is None else min(first, minute)
        last = minute if last is None else max(last, minute)
        if bucket.model is None:
            continue
        if bucket.state is State.ACTIVE and bucket.energy_mj > 0:
            busy.add((bucket.model, minute))
        elif bucket.state is State.PARKED:
            minutes = idle.setdefault(bucket.model, {})
            minutes[minute] = minutes.get(minute, 0) + bucket.energy_mj
    parked = saved = longest = 0
    keep_minutes = max(1, keep_alive_s // 60)
    for model, minutes in idle.items():
        parked += sum(minutes.values())
        run = 0
        previous: int | None = None
        for minute in sorted(minutes):
            if (model, minute) in busy:
                run, previous = 0, None
                continue
            run = run + 1 if previous is not None and minute - previous <= 1 else 1
            previous = minute
            longest = max(longest, run)
            if run > keep_minutes:
                saved += minutes[minute]
    days = 0.0 if first is None or last is None else (last - first + 1) / 1440
    return KeepAliveSaving(parked, saved, longest * 60, days)
