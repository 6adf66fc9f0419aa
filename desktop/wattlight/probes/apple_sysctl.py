"""``sysctlbyname`` of macOS through ctypes."""

import ctypes
from typing import Any

_LIBRARY = "/usr/lib/libSystem.dylib"


class Sysctl:
    """Reads kernel values by name.

    Raises:
        OSError: from the constructor, anywhere but on macOS.
    """

    def __init__(self) -> None:
        self._lib: Any = ctypes.CDLL(_LIBRARY)

    def text(self, name: str) -> str | None:
        """A text value, None if there is none."""
        raw = self._raw(name)
        return raw.split(b"\0")[0].decode("utf-8", "replace") if raw else None

    def number(self, name: str) -> int | None:
        """A whole number of 4 or 8 bytes, None if there is none."""
        raw = self._raw(name)
        return int.from_bytes(raw, "little") if raw and len(raw) in {4, 8} else None

    def _raw(self, name: str) -> bytes | None:
        buffer = ctypes.create_string_buffer(1024)
        size = ctypes.c_size_t(len(buffer))
        result = self._lib.sysctlbyname(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
        return buffer.raw[: size.value] if result == 0 and 0 < size.value <= len(buffer) else None
