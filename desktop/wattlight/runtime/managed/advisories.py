"""Versions of Ollama with known holes, and since when they are closed."""

import json
from dataclasses import dataclass

from .version_numbers import version_order

ASSET = "servers/advisories.json"


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
    return tuple(sorted(items, key=lambda a: version_order(a.fixed_in) or (0, 0, 0, 0), reverse=True))


def advisories_for(version: str | None, advisories: tuple[Advisory, ...]) -> tuple[Advisory, ...]:
    """Those that concern ``version``; none for an unknown one or a development build (0.0.0)."""
    order = None if version is None else version_order(version)
    if order is None or order[:3] == (0, 0, 0):
        return ()
    return tuple(a for a in advisories if order < (version_order(a.fixed_in) or (0, 0, 0, 0)))


def floor_version(advisories: tuple[Advisory, ...]) -> str | None:
    """The oldest version without a known hole."""
    return advisories[0].fixed_in if advisories else None
