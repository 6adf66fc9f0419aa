"""System memory on Windows: physical and what may still be committed."""

import ctypes
import struct

from .memory import budgeted
from .report import Memory
from .windows_calls import library

_LAYOUT = "<IIQQQQQQQ"
NO_COMMIT = "Windows may commit less than is free: the page file is small or off, so a load can fail early."


def memory_of(raw: bytes) -> Memory:
    """The memory out of a MEMORYSTATUSEX; its "page file" fields are the commit limit and what is left.

    A load needs both physical memory and commit: the smaller counts.
    """
    if len(raw) < struct.calcsize(_LAYOUT):
        return Memory(reason="Windows does not say how much memory there is")
    _, _, total, free, _, commit_left, *_ = struct.unpack_from(_LAYOUT, raw)
    if total == 0 or free > total:
        return Memory(reason="Windows does not say how much memory there is")
    room = min(free, commit_left)
    return budgeted(
        Memory(
            host_total_bytes=total,
            host_available_bytes=free,
            limit_source="commit limit" if commit_left < free else None,
            total_bytes=total,
            available_bytes=room,
            messages=(NO_COMMIT,) if commit_left < free else (),
        )
    )


def read_memory() -> Memory:
    """Memory now. Never raises."""
    size = struct.calcsize(_LAYOUT)
    buffer = ctypes.create_string_buffer(size)
    struct.pack_into("<I", buffer, 0, size)
    try:
        done = library("kernel32").GlobalMemoryStatusEx(buffer)
    except (OSError, AttributeError):
        done = 0
    return memory_of(buffer.raw if done else b"")
