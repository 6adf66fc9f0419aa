"""Versions of Ollama with known holes, and since when they are closed."""

import json
import re
from dataclasses import dataclass

ASSET = "servers/advisories.json"
_NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[A-Za-z0-9.]+)?")


@dataclass(frozen=True, slots=True)
class Advisory:
    """A hole that versions before ``fixed_in`` have; ``text`` is one sentence, ``source`` its public name."""

    fixed_in: str
    text: str
    source: str


def read_advisories(text: str) -> tuple[Advisory, ...]:
    """The shipped list, the one with the newest fix first."""
    items = [
        Advisory(str(a["fixed_in"]), str(a["text"]), str(a["source"])) for a in json.loads(text)["advisories"]
    ]
    return tuple(sorted(items, key=lambda a: _order(a.fixed_in) or (0, 0, 0, 0), reverse=True))


def advisories_for(version: str | None, advisories: tuple[Advisory, ...]) -> tuple[Advisory, ...]:
    """Those that concern ``version``; none for an unknown one or a development build (0.0.0)."""
    order = None if version is None else _order(version)
    if order is None or order[:3] == (0, 0, 0):
        return ()
    return tuple(a for a in advisories if order < (_order(a.fixed_in) or (0, 0, 0, 0)))


def floor_version(advisories: tuple[Advisory, ...]) -> str | None:
    """The oldest version without a known hole."""
    return advisories[0].fixed_in if advisories else None


def _order(version: str) -> tuple[int, int, int, int] | None:
    """A key to compare by; a pre-release comes before its release."""
    found = _NUMBERS.match(version.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), 0 if found[4] else 1
