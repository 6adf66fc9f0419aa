"""Loads a Windows library; everything Windows-only goes through here, so that other systems can import us."""

import ctypes
from typing import Any


def library(name: str) -> Any:
    """A system library, from the system folder only.

    Raises:
        OSError: it is not there, or this is not Windows.
    """
    loader = getattr(ctypes, "WinDLL", None)
    if loader is None:
        raise OSError("not Windows")
    search_system32 = 0x0800
    return loader(name, winmode=search_system32)


class Guid(ctypes.Structure):
    """A GUID as Windows lays it out."""

    _fields_ = (
        ("data1", ctypes.c_uint32),
        ("data2", ctypes.c_uint16),
        ("data3", ctypes.c_uint16),
        ("data4", ctypes.c_uint8 * 8),
    )


def guid(text: str) -> Guid:
    """A GUID from its text form without braces."""
    from uuid import UUID

    return Guid.from_buffer_copy(UUID(text).bytes_le)
