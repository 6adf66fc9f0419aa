"""Whole-system watts of a Mac from its system management controller (key ``PSTR``, no root). macOS only."""

import ctypes
import struct
from typing import Any

from .apple_foundation import CoreFoundation, Ref

_IOKIT = "/System/Library/Frameworks/IOKit.framework/IOKit"
_SYSTEM = "/usr/lib/libSystem.dylib"
_SELECTOR = 2
_SIZE = 80
_KEY_INFO, _READ = 9, 5
_NO_KEY = 132


def request(key: str, command: int, info: bytes = b"") -> bytes:
    """The 80 bytes asked with: key as a big-endian number at 0, key info at 28, command at 42."""
    raw = bytearray(_SIZE)
    struct.pack_into("=I", raw, 0, int.from_bytes(key.encode(), "big"))
    raw[28 : 28 + len(info)] = info
    raw[42] = command
    return bytes(raw)


def float_of(answer: bytes, info: bytes) -> float | None:
    """The little-endian float of an answer, None for another type, an unknown key or nonsense."""
    if len(answer) != _SIZE or answer[40] != 0 or len(info) < 9:
        return None
    size, kind = struct.unpack_from("=I4s", info)
    if size != 4 or kind[::-1] != b"flt ":
        return None
    value: float = struct.unpack_from("<f", answer, 48)[0]
    return value if 0 < value < 2000 else None


class Smc:
    """An open connection.

    Raises:
        OSError, AttributeError: there is no controller (another system, a virtual machine).
    """

    def __init__(self, foundation: CoreFoundation) -> None:
        self._cf = foundation
        self._kit: Any = ctypes.CDLL(_IOKIT)
        system: Any = ctypes.CDLL(_SYSTEM)
        u32 = ctypes.c_uint32
        for name, result, arguments in (
            ("IOServiceMatching", Ref, [ctypes.c_char_p]),
            ("IOServiceGetMatchingServices", ctypes.c_int, [u32, Ref, ctypes.POINTER(u32)]),
            ("IOIteratorNext", u32, [u32]),
            ("IORegistryEntryGetName", ctypes.c_int, [u32, ctypes.c_char_p]),
            ("IOServiceOpen", ctypes.c_int, [u32, u32, u32, ctypes.POINTER(u32)]),
            ("IOServiceClose", ctypes.c_int, [u32]),
            ("IOObjectRelease", ctypes.c_int, [u32]),
        ):
            function = getattr(self._kit, name)
            function.restype, function.argtypes = result, arguments
        self._task = u32.in_dll(system, "mach_task_self_").value
        self._connection = self._open()
        self._info: dict[str, bytes | None] = {}

    def watts(self, key: str = "PSTR") -> float | None:
        """The watts of a key, None when it is not there."""
        if key not in self._info:
            answer = self._call(request(key, _KEY_INFO))
            self._info[key] = None if answer is None or answer[40] == _NO_KEY else answer[28:37]
        info = self._info[key]
        answer = self._call(request(key, _READ, info)) if info else None
        return float_of(answer, info) if answer and info else None

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._kit.IOServiceClose(self._connection)
            self._connection = 0

    def _open(self) -> int:
        iterator = ctypes.c_uint32()
        matching = self._kit.IOServiceMatching(b"AppleSMC")
        if self._kit.IOServiceGetMatchingServices(0, matching, ctypes.byref(iterator)) != 0:
            raise OSError("no system management controller")
        name = ctypes.create_string_buffer(128)
        try:
            while device := self._kit.IOIteratorNext(iterator):
                self._kit.IORegistryEntryGetName(device, name)
                opened = ctypes.c_uint32()
                chosen = name.value == b"AppleSMCKeysEndpoint"
                failed = not chosen or self._kit.IOServiceOpen(device, self._task, 0, ctypes.byref(opened))
                self._kit.IOObjectRelease(device)
                if not failed:
                    return opened.value
        finally:
            self._kit.IOObjectRelease(iterator)
        raise OSError("no system management controller")

    def _call(self, asked: bytes) -> bytes | None:
        given = ctypes.create_string_buffer(asked, _SIZE)
        answer = ctypes.create_string_buffer(_SIZE)
        size = ctypes.c_size_t(_SIZE)
        result = self._kit.IOConnectCallStructMethod(
            ctypes.c_uint32(self._connection),
            ctypes.c_uint32(_SELECTOR),
            given,
            ctypes.c_size_t(_SIZE),
            answer,
            ctypes.byref(size),
        )
        return answer.raw if result == 0 else None
