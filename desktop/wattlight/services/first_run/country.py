"""Which country this computer is likely in, told from its clock's zone, without asking anybody."""

import re
from collections.abc import Mapping
from pathlib import Path

ZONE_TABLES = (Path("/usr/share/zoneinfo/zone.tab"), Path("/usr/share/lib/zoneinfo/tab/zone_sun.tab"))
_TERRITORY = re.compile(r"[a-z]{2,3}_([A-Z]{2})(?:[.@]|$)")


def guess_country(zone: str, environ: Mapping[str, str], tables: tuple[Path, ...] = ZONE_TABLES) -> str:
    """ISO 3166 code, "" when it cannot be told.

    The zone ("Europe/Berlin") says where the clock stands; the language only what the person reads, so it
    comes second.
    """
    for table in tables:
        try:
            text = table.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            columns = line.split("\t")
            if not line.startswith("#") and len(columns) >= 3 and columns[2].strip() == zone:
                return columns[0][:2]
    for name in ("LC_ALL", "LC_MONETARY", "LC_MEASUREMENT", "LANG"):
        found = _TERRITORY.match(environ.get(name, ""))
        if found:
            return found[1]
    return ""
