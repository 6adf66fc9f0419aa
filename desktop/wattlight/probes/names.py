"""Names of devices by their PCI ids: the system's lists first, then a small shipped one."""

import csv
import re
from functools import lru_cache

from wattlight.assets import asset_text
from wattlight.domain.values import clean_text

from .pci import Adapter
from .reader import Reader

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
