"""Memory size of an Intel card: asked of the kernel driver by ioctl, once, on the awake card."""

import struct
from dataclasses import dataclass

from ..numbers import MAX_BYTES
from ..reader import Reader
from .pci import Adapter

XE_QUERY = 0xC0286440
I915_QUERY = 0xC0106479
_MEMORY_REGIONS_XE = 1
_MEMORY_REGIONS_I915 = 4
_LOCAL = 1
_MAX_ANSWER = 65536


@dataclass(frozen=True, slots=True)
class CardMemory:
    """Bytes; ``used`` None when the kernel hides it (it says 0 without the right to know)."""

    total: int
    used: int | None
    source: str


def card_memory(reader: Reader, adapter: Adapter) -> CardMemory | None:
    """The local memory of a card, None when the driver does not say.

    Raises:
        OSError: the render node may not be opened (group ``render`` or a seat is needed).
    """
    if adapter.driver == "xe":
        raw = reader.canned(f"xe_mem_regions@{adapter.slot}", "xe_mem_regions")
        raw = raw if raw is not None or not reader.live else _ask_xe(reader, adapter)
        return parse_xe(raw) if raw else None
    if adapter.driver == "i915":
        names = ("i915_mem_regions", "i915_memory_regions", "i915_query_memory_regions")
        raw = reader.canned(f"i915_mem_regions@{adapter.slot}", *names)
        raw = raw if raw is not None or not reader.live else _ask_i915(reader, adapter)
        return parse_i915(raw) if raw else None
    return None


def parse_xe(raw: bytes) -> CardMemory | None:
    """``u32 n, pad`` and n regions of 88 bytes: class, instance, page, total, used, visible, visible used."""
    regions = _regions(raw, 8, "<HHI4Q")
    return _sum([(r[3], r[4]) for r in regions if r[0] == _LOCAL], "xe mem-regions ioctl")


def parse_i915(raw: bytes) -> CardMemory | None:
    """``u32 n, 3 reserved`` and n regions of 88 bytes: class, instance, reserved, probed, unallocated."""
    regions = _regions(raw, 16, "<HHIQQ")
    known = [(r[3], r[3] - r[4] if r[4] <= r[3] else 0) for r in regions if r[0] == _LOCAL]
    return _sum(known, "i915 memory-regions ioctl")


def _regions(raw: bytes, header: int, layout: str) -> list[tuple[int, ...]]:
    if len(raw) < header:
        return []
    (count,) = struct.unpack_from("<I", raw)
    count = min(count, (len(raw) - header) // 88)
    return [struct.unpack_from(layout, raw, header + 88 * index) for index in range(count)]


def _sum(regions: list[tuple[int, int]], source: str) -> CardMemory | None:
    total, used = sum(size for size, _ in regions), sum(taken for _, taken in regions)
    if not 0 < total <= MAX_BYTES:
        return None
    return CardMemory(total, used if 0 < used <= total else None, source)


def _ask_xe(reader: Reader, adapter: Adapter) -> bytes | None:
    import ctypes

    node = f"/dev/dri/{adapter.render}"
    if not adapter.render:
        return None
    query = bytearray(struct.pack("<QIIQQQ", 0, _MEMORY_REGIONS_XE, 0, 0, 0, 0))
    reader.ioctl(node, XE_QUERY, query, "xe_mem_regions")
    size = struct.unpack_from("<I", query, 12)[0]
    if not 8 <= size <= _MAX_ANSWER:
        return None
    answer = ctypes.create_string_buffer(size)
    query = bytearray(struct.pack("<QIIQQQ", 0, _MEMORY_REGIONS_XE, size, ctypes.addressof(answer), 0, 0))
    reader.ioctl(node, XE_QUERY, query, "xe_mem_regions")
    return answer.raw


def _ask_i915(reader: Reader, adapter: Adapter) -> bytes | None:
    import ctypes

    node = f"/dev/dri/{adapter.render}"
    if not adapter.render:
        return None
    size = 0
    for _ in range(2):
        answer = ctypes.create_string_buffer(max(size, 1))
        data = ctypes.addressof(answer) if size else 0
        raw_item = struct.pack("<QiIQ", _MEMORY_REGIONS_I915, size, 0, data)
        item = ctypes.create_string_buffer(raw_item, len(raw_item))
        query = bytearray(struct.pack("<IIQ", 1, 0, ctypes.addressof(item)))
        reader.ioctl(node, I915_QUERY, query, "i915_mem_regions")
        size = struct.unpack_from("<i", item.raw, 8)[0]
        if not 16 <= size <= _MAX_ANSWER:
            return None
        if data:
            return answer.raw
    return None
