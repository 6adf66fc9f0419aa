"""AMD's binary ``gpu_metrics`` table: only for what the plain files lack."""

import struct
from dataclasses import dataclass

from ..numbers import credible_celsius, credible_watts, pairs, percent_of, whole
from ..reader import Reader

_ABSENT16, _ABSENT32 = 0xFFFF, 0xFFFFFFFF
_WATTS_BELOW = 200
"""Version 2 states milliwatts, but some firmware writes watts: no whole package draws less than 0.2 W."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one table; ``gpu_only_w`` is the graphics share of an APU's package."""

    version: str
    edge_c: float | None = None
    hotspot_c: float | None = None
    memory_c: float | None = None
    busy_pct: float | None = None
    socket_w: float | None = None
    gpu_only_w: float | None = None


def parse_metrics(raw: bytes) -> Metrics | None:
    """The figures of a table of a known layout (little endian), None for any other or a cut one.

    Layouts as in the kernel's ``kgd_pp_interface.h``: 1.1-1.3 (cards), 2.1-2.4 and 3.0 (APUs).
    """
    if len(raw) < 4:
        return None
    size, major, minor = struct.unpack_from("<HBB", raw)
    if size > len(raw):
        return None
    version = f"v{major}.{minor}"
    if major == 1 and 1 <= minor <= 3 and size >= 24:
        return _card(raw, version)
    if major == 2 and 1 <= minor <= 4 and size >= 42:
        return _older_apu(raw, version)
    if major == 3 and minor == 0 and size >= 132:
        return _newer_apu(raw, version)
    return None


def _card(raw: bytes, version: str) -> Metrics:
    edge, hotspot, memory = (_u16(raw, at) for at in (4, 6, 8))
    return Metrics(
        version,
        credible_celsius(edge),
        credible_celsius(hotspot),
        credible_celsius(memory),
        percent_of(_u16(raw, 16)),
        credible_watts(_u16(raw, 22)),
    )


def _older_apu(raw: bytes, version: str) -> Metrics:
    edge, power, busy = _u16(raw, 4), _u16(raw, 40), _u16(raw, 28)
    watts = None if power is None else power if power < _WATTS_BELOW else power / 1000
    return Metrics(
        version,
        edge_c=None if edge is None else credible_celsius(edge / 100),
        busy_pct=None if busy is None else percent_of(busy / 100),
        socket_w=credible_watts(watts),
    )


def _newer_apu(raw: bytes, version: str) -> Metrics:
    edge, socket, gpu = _u16(raw, 4), _u32(raw, 112), _u32(raw, 124)
    return Metrics(
        version,
        edge_c=None if edge is None else credible_celsius(edge / 100),
        busy_pct=percent_of(_u16(raw, 42)),
        socket_w=None if socket is None else credible_watts(socket / 1000),
        gpu_only_w=None if gpu is None else credible_watts(gpu / 1000),
    )


def _u16(raw: bytes, at: int) -> int | None:
    value: int = struct.unpack_from("<H", raw, at)[0]
    return None if value == _ABSENT16 else value


def _u32(raw: bytes, at: int) -> int | None:
    value: int = struct.unpack_from("<I", raw, at)[0]
    return None if value == _ABSENT32 else value


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
