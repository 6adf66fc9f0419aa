"""Windows' energy meter interface: the processor package's counter, without rights or a driver of ours.

Windows 11 bridges the counters of Intel and AMD processors; a device stands for each core, and the package
is shown once among them.
"""

import ctypes
import struct
from dataclasses import dataclass
from typing import Any

from wattlight.domain.values import clean_text

from .windows_calls import guid, library

INTERFACE = "45BD8344-7ED6-49CF-A440-C276C933B053"
JOULES_PER_COUNT = 3.6e-9
"""A count is a picowatt-hour."""
_VERSION, _METADATA_SIZE, _METADATA, _MEASUREMENT = 0x224000, 0x224004, 0x224008, 0x22400C
_PRESENT_INTERFACES = 0x12
_GENERIC_READ, _SHARE, _OPEN_EXISTING = 0x80000000, 3, 3
_INVALID = ctypes.c_void_p(-1).value
_MAX_METADATA = 65536


@dataclass(frozen=True, slots=True)
class Meter:
    """A channel of one device: which measurement of it is the package's."""

    path: str
    channel: int
    name: str


def channel_names(raw: bytes) -> list[str]:
    """Names of the channels in version 2 metadata: two 16-character texts, revision, count, then each."""
    if len(raw) < 68:
        return []
    (count,) = struct.unpack_from("<H", raw, 66)
    names, at = [], 68
    for _ in range(min(count, 256)):
        if at + 6 > len(raw):
            break
        (size,) = struct.unpack_from("<H", raw, at + 4)
        text = raw[at + 6 : at + 6 + size].decode("utf-16-le", "replace").rstrip("\0")
        names.append(clean_text(text, 80))
        at += 6 + size
    return names


def package_channel(names: list[str]) -> int | None:
    """The package's channel ("RAPL_Package0_PKG"), None if this device has none."""
    return next((index for index, name in enumerate(names) if name.upper().endswith("_PKG")), None)


def energy_of(raw: bytes, channel: int) -> int | None:
    """The energy count of a channel (16 bytes each: energy, time), None in a short answer or when it is 0."""
    if len(raw) < 16 * (channel + 1):
        return None
    value: int = struct.unpack_from("<Q", raw, 16 * channel)[0]
    return value or None


class EnergyMeters:
    """The package meters of all processors; one for each name, whatever number of devices repeats it.

    Raises:
        OSError, AttributeError: from the constructor where Windows has no such interface.
    """

    def __init__(self) -> None:
        self._kernel: Any = library("kernel32")
        self._kernel.CreateFileW.restype = ctypes.c_void_p
        self._handles: dict[str, tuple[Any, int]] = {}
        for path in _device_paths():
            self._add(path)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the package meters."""
        return tuple(self._handles)

    def counts(self) -> dict[str, int | None]:
        """The energy count of each package."""
        return {
            name: energy_of(self._ask(handle, _MEASUREMENT, 16 * (channel + 1)), channel)
            for name, (handle, channel) in self._handles.items()
        }

    def close(self) -> None:
        """Close the devices."""
        for handle, _ in self._handles.values():
            self._kernel.CloseHandle(ctypes.c_void_p(handle))
        self._handles.clear()

    def _add(self, path: str) -> None:
        handle = self._kernel.CreateFileW(path, _GENERIC_READ, _SHARE, None, _OPEN_EXISTING, 0, None)
        if handle in {None, _INVALID}:
            return
        size = self._ask(handle, _METADATA_SIZE, 4)
        length = struct.unpack("<I", size)[0] if len(size) == 4 else 0
        names = channel_names(self._ask(handle, _METADATA, min(length, _MAX_METADATA))) if length else []
        channel = package_channel(names)
        if channel is None or names[channel] in self._handles:
            self._kernel.CloseHandle(ctypes.c_void_p(handle))
        else:
            self._handles[names[channel]] = (handle, channel)

    def _ask(self, handle: Any, code: int, size: int) -> bytes:
        buffer, got = ctypes.create_string_buffer(size), ctypes.c_uint32()
        done = self._kernel.DeviceIoControl(
            ctypes.c_void_p(handle), code, None, 0, buffer, size, ctypes.byref(got), None
        )
        return buffer.raw[: got.value] if done else b""


def _device_paths() -> list[str]:
    """Paths of all energy meters that are present."""
    setup: Any = library("setupapi")
    setup.SetupDiGetClassDevsW.restype = ctypes.c_void_p
    interface = guid(INTERFACE)
    listed = setup.SetupDiGetClassDevsW(ctypes.byref(interface), None, None, _PRESENT_INTERFACES)
    if listed in {None, _INVALID}:
        return []
    paths = []
    data = ctypes.create_string_buffer(32)
    for index in range(1024):
        struct.pack_into("<I", data, 0, 32)
        if not setup.SetupDiEnumDeviceInterfaces(
            ctypes.c_void_p(listed), None, ctypes.byref(interface), index, data
        ):
            break
        detail = ctypes.create_string_buffer(2048)
        struct.pack_into("<I", detail, 0, 8)
        if setup.SetupDiGetDeviceInterfaceDetailW(ctypes.c_void_p(listed), data, detail, 2048, None, None):
            paths.append(detail.raw[4:].decode("utf-16-le", "replace").split("\0")[0])
    setup.SetupDiDestroyDeviceInfoList(ctypes.c_void_p(listed))
    return paths
