"""AMD's compute topology: which code each GPU runs (``gfx1100``), joined by PCI address."""

from .numbers import pairs, whole
from .reader import Reader

NODES = "/sys/class/kfd/kfd/topology/nodes"


def gfx_targets(reader: Reader) -> dict[str, str]:
    """PCI address to target. Never raises."""
    found = {}
    for node in reader.listdir(NODES):
        values = pairs(reader.text(f"{NODES}/{node}/properties"), " ")
        if not whole(values.get("simd_count"), 1, 100_000):
            continue
        version = whole(values.get("gfx_target_version"), 10_000, 999_999)
        location = whole(values.get("location_id"), 0, 0xFFFF)
        domain = whole(values.get("domain", "0"), 0, 0xFFFFFFFF)
        if version is not None and location is not None and domain is not None:
            bus, device, function = location >> 8, location >> 3 & 0x1F, location & 7
            found[f"{domain:04x}:{bus:02x}:{device:02x}.{function}"] = target_name(version)
    return found


def target_name(version: int) -> str:
    """110501 is gfx1151, 90010 is gfx90a: minor and step in hexadecimal."""
    return f"gfx{version // 10_000}{version // 100 % 100:x}{version % 100:x}"
