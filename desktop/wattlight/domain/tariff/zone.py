"""Local days and hours of an IANA zone, right on the days when clocks change."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from wattlight.domain.instant import from_us, to_us
from wattlight.domain.values import clean_text

from .problem import TariffProblem

HOUR_US = 3_600_000_000


def parse_zone(value: object) -> ZoneInfo:
    """The IANA zone named ``value`` ("Europe/Berlin").

    Raises:
        TariffProblem: there is no such zone.
    """
    if not isinstance(value, str) or not value.strip():
        raise TariffProblem("The tariff has no timezone.", 'Add one, like "Europe/Berlin".', "timezone")
    try:
        return ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError) as error:
        raise TariffProblem(
            f"The timezone '{clean_text(value, 60)}' is not known.",
            'Use a name of the IANA list, like "Europe/Berlin" or "America/New_York".',
            "timezone",
        ) from error


def wall_us(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> int:
    """The moment when clocks in ``zone`` show ``minute`` of ``day`` (``fold`` 1: the second time).

    A time that clocks skip is read with the offset before (fold 0) or after (fold 1) the change.
    """
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    return to_us(wall.replace(fold=fold))


def day_start_us(day: date, zone: ZoneInfo) -> int:
    """The first moment of the local ``day``; where midnight is skipped, the moment of the change."""
    return wall_us(day, 0, zone)


def offset_us(at_us: int, zone: ZoneInfo) -> int:
    """What ``zone`` is ahead of UTC at that moment."""
    offset = from_us(at_us).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def clock_changes(day: date, zone: ZoneInfo) -> tuple[int, ...]:
    """Moments within the local ``day`` at which the offset changes (none on nearly all days)."""
    found = []
    left, end = day_start_us(day, zone), day_start_us(day + timedelta(days=1), zone)
    while left < end:
        right = min(left + HOUR_US, end)
        if offset_us(left, zone) != offset_us(right, zone):
            found.append(_change_between(left, right, zone))
        left = right
    return tuple(found)


def _change_between(left: int, right: int, zone: ZoneInfo) -> int:
    before = offset_us(left, zone)
    while right - left > 1_000_000:
        middle = (left + right) // 2_000_000 * 1_000_000
        if offset_us(middle, zone) == before:
            left = middle
        else:
            right = middle
    return right


def local_day(at_us: int, zone: ZoneInfo) -> date:
    """The local date of a moment."""
    return from_us(at_us).astimezone(zone).date()


def day_key(at_us: int, zone: ZoneInfo) -> str:
    """ISO date in ``zone``: "2026-03-29"."""
    return local_day(at_us, zone).isoformat()


def hour_key(at_us: int, zone: ZoneInfo) -> str:
    """The local hour with the offset in force at that moment: "2026-10-25T02:00:00+01:00".

    The offset is the moment's own, so that the two hours of an autumn night stay apart, in Lord Howe
    (30 minutes) too.
    """
    local = from_us(at_us).astimezone(zone)
    return f"{local:%Y-%m-%dT%H:00:00}{local.isoformat()[-6:]}"
