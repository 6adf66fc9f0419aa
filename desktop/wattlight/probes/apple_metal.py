"""How much memory Metal lets a program use (the recommended working set). macOS only."""

import ctypes
from typing import Any

_GIB = 1 << 30
_SMALL_RAM = 36 * _GIB


def working_set_bytes() -> int | None:
    """Metal's own figure; it follows ``iogpu.wired_limit_mb`` at once. None where there is no Metal device.

    CoreGraphics is loaded too: without it the device is nil in plain processes. The message is sent through
    a prototype of its exact signature (the untyped one is wrong on arm64).
    """
    try:
        ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
        metal: Any = ctypes.CDLL("/System/Library/Frameworks/Metal.framework/Metal")
        objc: Any = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
        metal.MTLCreateSystemDefaultDevice.restype = ctypes.c_void_p
        objc.sel_registerName.restype = ctypes.c_void_p
        objc.sel_registerName.argtypes = [ctypes.c_char_p]
        device = metal.MTLCreateSystemDefaultDevice()
        if not device:
            return None
        selector = objc.sel_registerName(b"recommendedMaxWorkingSetSize")
        send = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(("objc_msgSend", objc))
        size = int(send(device, selector))
    except (OSError, AttributeError, ValueError):
        return None
    return size if 0 < size < 1 << 45 else None


def estimated_working_set(ram_bytes: int) -> int:
    """A guess for when Metal does not answer: 0.66 of the memory up to 36 GB, 0.75 above."""
    return int(ram_bytes * (0.66 if ram_bytes <= _SMALL_RAM else 0.75))
