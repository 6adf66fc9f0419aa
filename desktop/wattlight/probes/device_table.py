"""Nominal figures of devices (bandwidth, rated and idle power) from the shipped table, by name."""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache

from wattlight.assets import asset_text

TABLE = "devices/devices.csv"
_GIB = 1 << 30
_SIZE_SLACK = 0.12
"""A driver shows up to a tenth less than the box says (reserve, error correction)."""
_NOISE = frozenset(
    [
        "nvidia",
        "geforce",
        "amd",
        "ati",
        "radeon",
        "tesla",
        "intel",
        "corporation",
        "graphics",
        "gpu",
        "generation",
        "quadro",
        "r",
        "tm",
        "sxm",
        "edition",
        "workstation",
        "server",
        "with",
        "w",
    ]
)
_WHOLE_MACHINE = "WHOLE MACHINE"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What makers and reviewers state about a device; ``source`` names who.

    ``whole_machine``: the watts are those of the complete computer at the wall.
    """

    pattern: str
    bandwidth_gbs: float | None
    tdp_w: float | None
    idle_w: float | None
    source: str
    whole_machine: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    alternatives: tuple[frozenset[str], ...]
    memory_gb: tuple[float, float] | None
    facts: DeviceFacts


def facts_for(*names: str | None, memory_bytes: int | None = None) -> DeviceFacts | None:
    """The facts of the first name that the table knows; None rather than those of a similar device.

    Every word of the pattern must be in the name, no other telling word may be ("RTX 4090 D" is not a
    "RTX 4090"), and the memory size, where known, must agree.
    """
    for name in names:
        words = _words(name or "")
        for row in _table() if words else ():
            if any(words == alternative for alternative in row.alternatives) and _fits(row, memory_bytes):
                return row.facts
    return None


def _fits(row: _Row, memory_bytes: int | None) -> bool:
    if row.memory_gb is None or memory_bytes is None:
        return True
    low, high = row.memory_gb
    return low * (1 - _SIZE_SLACK) <= memory_bytes / _GIB <= high * (1 + _SIZE_SLACK)


def _words(name: str) -> frozenset[str]:
    text = name.lower()
    bracket = re.search(r"\[([^\[\]]+)\]", text)
    if bracket:
        text = bracket.group(1)
    text = re.sub(r"max-q(\s*/\s*mobile)?|mobile", " laptop ", text)
    text = re.sub(r"\b[0-9]+\s*gb\b|\(r\)|\(tm\)", " ", text)
    return frozenset(word for word in re.split(r"[^a-z0-9+]+", text) if word and word not in _NOISE)


@lru_cache(maxsize=1)
def _table() -> tuple[_Row, ...]:
    try:
        lines = asset_text(TABLE).splitlines()
    except OSError:
        return ()
    return tuple(row for item in csv.DictReader(lines) if (row := _row(item)))


def _row(item: dict[str, str]) -> _Row | None:
    pattern = item["pattern"]
    if pattern.startswith("CPU "):
        return None
    plain = re.sub(r"\([^)]*\)", "", pattern)
    facts = DeviceFacts(
        pattern=pattern,
        bandwidth_gbs=_number(item["bandwidth_gbs"]),
        tdp_w=_number(item["tdp_w"]),
        idle_w=_number(item["idle_w"]),
        source=item["source"],
        whole_machine=_WHOLE_MACHINE in item["source"],
    )
    return _Row(tuple(_words(part) for part in plain.split("|")), _sizes(item["memory_gb"]), facts)


def _sizes(text: str) -> tuple[float, float] | None:
    low, _, high = text.partition("-")
    small, large = _number(low), _number(high or low)
    return None if small is None or large is None else (small, large)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value > 0 else None
