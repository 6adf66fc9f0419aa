"""The computer's own time zone, by its IANA name where that can be found."""

import os
import sys
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def local_zone(environ: dict[str, str] | None = None, localtime: Path = Path("/etc/localtime")) -> ZoneInfo:
    """The zone from TZ, or from what ``/etc/localtime`` links to; UTC if neither names one.

    On Windows the standard library has no name for it; there the days are those of UTC until a tariff
    with a zone is set.
    """
    env = os.environ if environ is None else environ
    names = [env.get("TZ", "").lstrip(":")]
    if sys.platform != "win32":
        parts = Path(os.path.realpath(localtime)).parts
        if "zoneinfo" in parts:
            names.append("/".join(parts[parts.index("zoneinfo") + 1 :]))
    for name in names:
        try:
            if name:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")
