"""The memory of an Intel card, asked of the kernel: two questions, a bounded answer, hostile sizes."""

import ctypes
import struct
from typing import Any

import pytest

from wattlight.probes.linux.intel_memory import I915_QUERY, XE_QUERY, card_memory
from wattlight.probes.linux.pci import Adapter

GIB = 1 << 30


class Kernel:
    """As a reader of this computer: answers ioctls the way the driver does, with ``said`` for the size."""

    live = True

    def __init__(self, answer: bytes, said: int | None = None) -> None:
        self.answer = answer
        self.said = len(answer) if said is None else said
        self.asked: list[str] = []

    def canned(self, *_names: str) -> bytes | None:
        return None

    def ioctl(self, node: str, request: int, buffer: bytearray, _name: str) -> bool:
        self.asked.append(node)
        if request == XE_QUERY:
            _, what, size, place = struct.unpack_from("<QIIQ", buffer)
            assert what == 1
            if not size:
                struct.pack_into("<I", buffer, 12, self.said)
            else:
                ctypes.memmove(place, self.answer, min(size, len(self.answer)))
        else:
            assert request == I915_QUERY
            (item,) = struct.unpack_from("<Q", buffer, 8)
            what, size, _, place = struct.unpack("<QiIQ", ctypes.string_at(item, 24))
            assert what == 4
            if size:
                ctypes.memmove(place, self.answer, min(size, len(self.answer)))
            ctypes.memmove(item + 8, struct.pack("<i", self.said), 4)
        return True


def adapter(driver: str, render: str = "renderD128") -> Adapter:
    return Adapter("0000:03:00.0", 0x8086, 0x56A0, 8, 0x030000, driver, "/sys/x", "/sys/x", "card0", render)


def region(layout: str, *values: int) -> bytes:
    raw = struct.pack(layout, *values)
    return raw + bytes(88 - len(raw))


def xe(*regions: tuple[int, int, int]) -> bytes:
    packed = [region("<HHI4Q", kind, 0, 4096, total, used, 0, 0) for kind, total, used in regions]
    return struct.pack("<II", len(regions), 0) + b"".join(packed)


def i915(*regions: tuple[int, int, int]) -> bytes:
    packed = [region("<HHIQQ", kind, 0, 0, total, free) for kind, total, free in regions]
    return struct.pack("<4I", len(regions), 0, 0, 0) + b"".join(packed)


def look(driver: str, kernel: Kernel, render: str = "renderD128") -> Any:
    reader: Any = kernel
    found = card_memory(reader, adapter(driver, render))
    return None if found is None else (found.total, found.used)


@pytest.mark.parametrize(
    ("driver", "answer", "found"),
    [
        ("xe", xe((0, 64 * GIB, 0), (1, 16 * GIB, 2 * GIB)), (16 * GIB, 2 * GIB)),
        ("xe", xe((1, 8 * GIB, GIB), (1, 8 * GIB, GIB)), (16 * GIB, 2 * GIB)),
        ("xe", xe((1, 16 * GIB, 0)), (16 * GIB, None)),
        ("xe", xe((1, 16 * GIB, 17 * GIB)), (16 * GIB, None)),
        ("xe", xe((0, 64 * GIB, 0)), None),
        ("xe", xe((1, 1 << 63, 0)), None),
        ("xe", struct.pack("<II", 1 << 31, 0) + xe((1, 16 * GIB, GIB))[8:], (16 * GIB, GIB)),
        ("i915", i915((0, 64 * GIB, 0), (1, 16 * GIB, 14 * GIB)), (16 * GIB, 2 * GIB)),
        ("i915", i915((1, 16 * GIB, 16 * GIB)), (16 * GIB, None)),
        ("i915", i915((1, 16 * GIB, 99 * GIB)), (16 * GIB, None)),
        ("i915", i915(), None),
    ],
)
def test_the_kernels_answer(driver: str, answer: bytes, found: tuple[int, int | None] | None) -> None:
    kernel = Kernel(answer)
    assert look(driver, kernel) == found
    assert kernel.asked == ["/dev/dri/renderD128"] * 2


@pytest.mark.parametrize("driver", ["xe", "i915"])
@pytest.mark.parametrize("said", [0, 7, 65537, (1 << 31) - 1])
def test_an_absurd_size_is_not_asked_for(driver: str, said: int) -> None:
    kernel = Kernel(xe((1, 16 * GIB, GIB)), said)
    assert look(driver, kernel) is None
    assert len(kernel.asked) == 1


def test_a_negative_size_is_an_error_of_the_kernel() -> None:
    assert look("i915", Kernel(b"", -22)) is None


@pytest.mark.parametrize("driver", ["xe", "i915"])
def test_without_a_node_or_another_driver_nothing_is_asked(driver: str) -> None:
    kernel = Kernel(xe((1, 16 * GIB, GIB)))
    assert look(driver, kernel, render="") is None
    assert look("nouveau", kernel) is None
    assert kernel.asked == []
