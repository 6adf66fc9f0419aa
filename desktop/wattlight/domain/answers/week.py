"""Today so far against the same hours a week ago."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

LEAST_SEEN = 0.8
"""Both spans must have been observed for at least this share."""


@dataclass(frozen=True, slots=True)
class SameHours:
    """Two spans, aware UTC: today from midnight until now, and those hours of the same weekday before."""

    today_start: datetime
    today_end: datetime
    then_start: datetime
    then_end: datetime


@dataclass(frozen=True, slots=True)
class Versus:
    """``change_fraction``: 0.2 is a fifth more than then. None with a sentence why it cannot be told."""

    now_mj: int
    then_mj: int | None
    change_fraction: float | None
    reason: str | None = None


def same_hours_of_last_week(now: datetime, zone: ZoneInfo) -> SameHours:
    """By the clocks on the wall: a day on which they changed is compared until the same time of day."""
    local = now.astimezone(zone)
    then_day = local.date() - timedelta(days=7)
    midnight = datetime.combine(local.date(), time(), zone)
    then_midnight = datetime.combine(then_day, time(), zone)
    then_now = datetime.combine(then_day, local.time(), zone).replace(fold=local.fold)
    return SameHours(
        midnight.astimezone(UTC), now.astimezone(UTC), then_midnight.astimezone(UTC), then_now.astimezone(UTC)
    )


def versus_last_week(now_mj: int, then_mj: int | None, now_seen: float, then_seen: float) -> Versus:
    """Compare two sums; ``*_seen`` are the observed shares of the spans (0 to 1).

    Nothing is scaled up: with holes in one of the spans there is no comparison.
    """
    if then_mj is None or then_seen <= 0:
        return Versus(now_mj, None, None, "Nothing was recorded a week ago.")
    if then_seen < LEAST_SEEN:
        return Versus(now_mj, then_mj, None, "The same hours a week ago were only partly recorded.")
    if now_seen < LEAST_SEEN:
        return Versus(now_mj, then_mj, None, "Today was only partly recorded.")
    if then_mj <= 0:
        return Versus(now_mj, then_mj, None, "Nothing was used in the same hours a week ago.")
    return Versus(now_mj, then_mj, now_mj / then_mj - 1)
