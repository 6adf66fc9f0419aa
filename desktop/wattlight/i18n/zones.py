"""Where this computer's clock stands: its IANA zone, and the country that is likely."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_MONTHS = tuple(datetime(datetime.now(UTC).year, month, 15, tzinfo=UTC) for month in range(1, 13))
_TERRITORY = re.compile(r"[a-z]{2,3}_([A-Z]{2})(?:[.@]|$)")


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
