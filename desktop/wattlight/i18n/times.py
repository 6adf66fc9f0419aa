"""Times, dates and spans as a person reads them; the zone of the clock, and the country that is likely."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from .numbers import DASH, words_locale
from .texts import tr

_MONTHS = tuple(datetime(datetime.now(UTC).year, month, 15, tzinfo=UTC) for month in range(1, 13))
_TERRITORY = re.compile(r"[a-z]{2,3}_([A-Z]{2})(?:[.@]|$)")


def clock_time(at: datetime | None, zone: tzinfo | None = None) -> str:
    """The time of day in the user's zone: "23:05"."""
    if at is None:
        return DASH
    from babel.dates import format_time

    return str(format_time(at.astimezone(zone), format="short", locale=words_locale()))


def short_date(day: date | None) -> str:
    """A date: "24 Nov 2026" in the language's manner."""
    if day is None:
        return DASH
    from babel.dates import format_date

    return str(format_date(day, format="medium", locale=words_locale()))


def day_name(day: date) -> str:
    """A weekday, short: "Mon"."""
    from babel.dates import format_date

    return str(format_date(day, format="EEE", locale=words_locale()))


def month_name(day: date) -> str:
    """A month as it stands alone: "November"."""
    from babel.dates import format_date

    return str(format_date(day, format="LLLL", locale=words_locale()))


def day_and_month(day: date) -> str:
    """A day of this year: "Nov 30" in the language's manner."""
    from babel.dates import format_skeleton

    return str(format_skeleton("MMMd", day, locale=words_locale()))


def duration(seconds: float | None) -> str:
    """A span: "21 h 40", "12 min", "8 s"."""
    if seconds is None:
        return DASH
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{s} s", s=whole)
    minutes = whole // 60
    if minutes < 60:
        return tr("{m} min", m=minutes)
    return tr("{h} h {m}", h=minutes // 60, m=f"{minutes % 60:02d}")


def local_zone(environ: Mapping[str, str]) -> ZoneInfo:
    """The IANA zone of this computer; UTC where it cannot be told.

    ``TZ`` may be a name, the path of a zone file, or a POSIX rule ("CET-1CEST,M3.5.0,M10.5.0/3"). A rule and
    a copied zone file have no name: a zone that keeps the same time all year is taken, the system's own
    before one of the language's country before any.
    """
    wanted = environ.get("TZ", "").removeprefix(":")
    named = _zone(wanted.partition("zoneinfo/")[2] if wanted.startswith("/") else wanted)
    if named is not None:
        return named
    system = _zone(_system_name())
    is_rule = any(character.isdigit() for character in wanted) and not wanted.startswith("/")
    is_rule = is_rule and hasattr(time, "tzset")  # Windows keeps no time by them
    if system is not None and (not is_rule or _offsets(system) == _time_kept()):
        return system
    return ZoneInfo(_alike(_time_kept(), _country_of_language(environ)))


def guess_country(zone: str, environ: Mapping[str, str]) -> str:
    """ISO 3166 code of the country this computer is likely in, "" when it cannot be told.

    The zone ("Europe/Berlin") says where the clock stands; the language only what the person reads, so it
    comes second.
    """
    from babel.core import get_global

    country = str(get_global("zone_territories").get(zone) or "")
    if re.fullmatch("[A-Z]{2}", country) and country != "ZZ":
        return country
    return _country_of_language(environ)


def country_name(code: str, otherwise: str) -> str:
    """A country in the language of the texts; ``code`` has two or three letters (ISO 3166). ``otherwise``
    where its name is not known."""
    from babel.core import get_global

    two = code if len(code) == 2 else (get_global("territory_aliases").get(code) or [""])[0]
    return str(words_locale().territories.get(two) or otherwise)


def _country_of_language(environ: Mapping[str, str]) -> str:
    for name in ("LC_ALL", "LC_MONETARY", "LC_MEASUREMENT", "LANG"):
        found = _TERRITORY.match(environ.get(name, ""))
        if found:
            return found[1]
    return ""


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _system_name() -> str:
    import tzlocal  # takes 13 ms, and TZ mostly answers

    try:
        return tzlocal.get_localzone_name() or ""
    except (LookupError, ValueError, OSError):
        return ""


def _time_kept() -> tuple[timedelta, ...]:
    """The offsets from UTC that the process keeps in each month."""
    return tuple(timedelta(seconds=time.localtime(at.timestamp()).tm_gmtoff) for at in _MONTHS)


def _offsets(zone: ZoneInfo) -> tuple[timedelta | None, ...]:
    return tuple(at.astimezone(zone).utcoffset() for at in _MONTHS)


@cache
def _alike(kept: tuple[timedelta, ...], country: str) -> str:
    """The name of a zone that keeps this time, of the country if it has one; looks through all of them."""
    from babel.core import get_global

    if not any(kept):
        return "UTC"
    territories = get_global("zone_territories")
    alike = [name for name in sorted(available_timezones()) if _offsets(ZoneInfo(name)) == kept]
    alike.sort(key=lambda name: (territories.get(name) != country, name.startswith("Etc/")))
    return alike[0] if alike else "UTC"
