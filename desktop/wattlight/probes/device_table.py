"""Nominal figures of devices (bandwidth, rated and idle power) from the shipped table, by name."""

import csv
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from wattlight.domain.power import estimated_range
from wattlight.domain.values import DeviceSample, clean_text
from wattlight.i18n import number, tr
from wattlight.paths import asset_text

from .linux.pci import Adapter
from .probe import ProbeContext
from .reader import Reader

TABLE = "devices/devices.csv"
_GIB = 1 << 30
_SIZE_SLACK = 0.12
"""A driver shows up to a tenth less than the box says (reserve, error correction)."""
_NOISE = (
    "nvidia geforce amd ati radeon tesla intel corporation graphics gpu generation quadro r tm sxm edition "
    "workstation server with w developer kit engineering reference"
)
"""Words of names that tell nothing."""
_SIZE = re.compile(r"\b([0-9]+)\s*gb\b")
_WHOLE_MACHINE = "WHOLE MACHINE"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What makers and reviewers state about a device; ``source`` names who.

    ``whole_machine``: the watts are those of the complete computer at the wall. ``bandwidth_high_gbs``: where
    what is known of the device leaves several variants, that of the fastest.
    """

    pattern: str
    bandwidth_gbs: float | None
    tdp_w: float | None
    idle_w: float | None
    source: str
    whole_machine: bool = False
    bandwidth_high_gbs: float | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    alternatives: tuple[frozenset[str], ...]
    memory_gb: tuple[float, float] | None
    facts: DeviceFacts


def facts_for(*names: str | None, memory_bytes: int | None = None) -> DeviceFacts | None:
    """The facts of the first name that the table knows; None rather than those of a similar device.

    Every word of the pattern must be in the name, no other telling word may be ("RTX 4090 D" is not a
    "RTX 4090"), and the memory size, where known, must agree: it tells the variants of a chip apart. Where it
    does not, nor the name, the slowest is taken, so that no speed is promised that the device may not have.
    """
    for name in names:
        words, told = _words(name or ""), _SIZE.search((name or "").lower())
        size = int(told[1]) * _GIB if memory_bytes is None and told else memory_bytes
        found = [
            row.facts for row in (_table() if words else ()) if words in row.alternatives and _fits(row, size)
        ]
        if found:
            slowest = min(found, key=lambda facts: facts.bandwidth_gbs or 0.0)
            high = max(facts.bandwidth_gbs or 0.0 for facts in found)
            more = high if slowest.bandwidth_gbs and high > slowest.bandwidth_gbs else None
            return replace(slowest, bandwidth_high_gbs=more)
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
    text = re.sub(r"\(r\)|\(tm\)", " ", _SIZE.sub(" ", text))
    return frozenset(word for word in re.split(r"[^a-z0-9+]+", text) if word and word not in _NOISE.split())


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


AMDGPU_IDS = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
PCI_IDS = (
    "/usr/share/hwdata/pci.ids",
    "/usr/share/misc/pci.ids",
    "/usr/share/pci.ids",
    "/var/lib/pciutils/pci.ids",
)
_LIST_BYTES = 8_000_000
_BRACKETS = re.compile(r"\[([^\[\]]+)\]\s*\Z")
_NEXT_VENDOR = re.compile(rb"\n[0-9a-fA-FC]")
_AMD = 0x1002
_NVIDIA = 0x10DE


def name_of(reader: Reader, adapter: Adapter, discrete: bool) -> tuple[str, str]:
    """``(name, where it is from)`` of an adapter, the bare ids in the worst case. Never raises."""
    if adapter.vendor_id == _AMD and adapter.revision is not None:
        found = _from_amdgpu_ids(reader, adapter.device_id, adapter.revision)
        if found:
            source = f"libdrm amdgpu.ids ({adapter.device_id:04X}, rev {adapter.revision:02X})"
            return clean_text(found), source
    found = _from_pci_ids(reader, adapter.vendor_id, adapter.device_id)
    if found:
        if adapter.vendor_id == _NVIDIA:
            return clean_text(found), "pci.ids"
        return clean_text(_product(found) if discrete else found), f"pci.ids ({adapter.pci_id})"
    shipped = shipped_name(adapter)
    if shipped:
        return shipped, f"shipped list ({adapter.pci_id})"
    return f"{_VENDORS.get(adapter.vendor_id, 'Graphics')} device {adapter.pci_id}", "pci id"


def shipped_name(adapter: Adapter) -> str | None:
    """The marketing name in our own list (which knows revisions), None if it is not there."""
    table = _shipped()
    key = adapter.pci_id
    if adapter.revision is not None:
        found = table.get((key, f"{adapter.revision:02x}"))
        if found:
            return found
    return table.get((key, ""))


def _product(name: str) -> str:
    """The product in brackets where there is exactly one: "Battlemage G21 [Arc B580]" is an Arc B580."""
    match = _BRACKETS.search(name)
    return match.group(1) if match and "/" not in match.group(1) else name


def _from_amdgpu_ids(reader: Reader, device: int, revision: int) -> str | None:
    wanted = re.compile(rb"^%04X,\s*%02X,\s*([^\r\n]+)" % (device, revision), re.MULTILINE | re.IGNORECASE)
    for path in AMDGPU_IDS:
        match = wanted.search(_list(reader, path))
        if match:
            return match.group(1).decode("utf-8", "replace").strip() or None
    return None


def _from_pci_ids(reader: Reader, vendor: int, device: int) -> str | None:
    for path in PCI_IDS:
        text = b"\n" + _list(reader, path)
        start = text.find(b"\n%04x  " % vendor)
        if start < 0:
            continue
        end = _NEXT_VENDOR.search(text, start + 1)
        at = text.find(b"\n\t%04x  " % device, start, end.start() if end else len(text))
        if at >= 0:
            return text[at + 8 : at + 300].split(b"\n")[0].decode("utf-8", "replace").strip() or None
    return None


def _list(reader: Reader, path: str) -> bytes:
    if not reader.exists(path):
        return b""
    try:
        return reader.read_bytes(path, _LIST_BYTES)
    except OSError:
        return b""


@lru_cache(maxsize=1)
def _shipped() -> dict[tuple[str, str], str]:
    try:
        rows = csv.DictReader(asset_text("devices/pci_names.csv").splitlines())
        return {(row["pci_id"].lower(), row["revision"].lower()): row["name"] for row in rows}
    except (OSError, KeyError):
        return {}


_VENDORS = {_AMD: "AMD", _NVIDIA: "NVIDIA", 0x8086: "Intel"}


_known: dict[tuple[str, str | None, int | None], DeviceFacts | None] = {}


def with_table_facts(row: DeviceSample, context: ProbeContext) -> DeviceSample:
    """``row`` with nominal figures and, if it is awake and its power unknown, a labelled range of watts."""
    facts = _facts(row, context)
    if facts is None:
        return row
    if facts.bandwidth_high_gbs is not None and row.device.bandwidth_gbs is None:
        said = tr(
            "It is sold with {low} to {high} GB/s of memory bandwidth, which of them is not known: the lower "
            "counts.",
            low=number(facts.bandwidth_gbs),
            high=number(facts.bandwidth_high_gbs),
        )
        row = replace(row, messages=(*row.messages, said))
    unrated = facts.whole_machine or row.device.sliced
    device = replace(
        row.device,
        bandwidth_gbs=row.device.bandwidth_gbs or facts.bandwidth_gbs,
        rated_w=None if unrated else facts.tdp_w,
    )
    if row.power_w is not None or row.state != "active" or unrated:
        return replace(row, device=device)
    return replace(
        row,
        device=device,
        estimate_w=estimated_range(row.limit_w or facts.tdp_w, facts.idle_w, row.load.value),
        estimate_source=f"rated power and load ({facts.source})",
    )


def _facts(row: DeviceSample, context: ProbeContext) -> DeviceFacts | None:
    size = row.memory.dedicated_total_bytes if not row.memory.unified else None
    if row.device.vendor == "apple":
        size = row.memory.shared_total_bytes  # chips are sold by it
    key = (row.name, row.device.pci_id, size)
    if key not in _known:
        adapter = next((a for a in context.adapters if a.id == row.id), None)
        shipped = shipped_name(adapter) if adapter else None
        if len(_known) > 128:
            _known.clear()
        _known[key] = facts_for(row.name, shipped, memory_bytes=size)
    return _known[key]
