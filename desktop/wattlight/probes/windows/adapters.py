"""Loads a Windows library; everything Windows-only goes through here, so that other systems can import us."""

import ctypes
import re
import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from wattlight.domain.values import clean_text


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
    _fields_ = (
        ("data1", ctypes.c_uint32),
        ("data2", ctypes.c_uint16),
        ("data3", ctypes.c_uint16),
        ("data4", ctypes.c_uint8 * 8),
    )


def guid(text: str) -> Guid:
    """A GUID from its text form without braces."""
    return Guid.from_buffer_copy(UUID(text).bytes_le)


_TYPE, _ADDRESS, _IDS, _NAME, _SEGMENTS, _PERFORMANCE = 15, 6, 31, 8, 3, 62
_SOFTWARE, _COMPUTE_ONLY = 1 << 2, 1 << 11
_INTEGRATED = 1 << 5
_MOST = 34
_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
LEAST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class WindowsAdapter:
    """A hardware adapter. ``luid`` changes at every start of the computer, ``slot`` does not."""

    luid: str
    name: str
    vendor_id: int
    device_id: int
    slot: str
    dedicated_bytes: int | None
    shared_bytes: int | None
    integrated: bool


def adapter_of(
    luid: tuple[int, int],
    kind: bytes,
    address: bytes,
    ids: bytes,
    name: str,
    segments: bytes,
    registry: dict[tuple[int, int], int],
) -> WindowsAdapter | None:
    """An adapter out of the kernel's answers; None for software ones (WARP, Basic Render, remote).

    The registry's size is the card's own; the kernel's is what is left of it for segments.
    """
    if len(kind) < 4 or struct.unpack_from("<I", kind)[0] & _SOFTWARE:
        return None
    bits = struct.unpack_from("<I", kind)[0]
    vendor, device = struct.unpack_from("<II", ids, 4) if len(ids) >= 12 else (0, 0)
    bus, slot, function = struct.unpack_from("<III", address) if len(address) >= 12 else (0, 0, 0)
    own, _, shared = struct.unpack_from("<QQQ", segments) if len(segments) >= 24 else (0, 0, 0)
    size = registry.get((vendor, device)) or own
    return WindowsAdapter(
        luid=f"{luid[0]:x}_{luid[1]:x}",
        name=clean_text(name) or f"GPU {vendor:04x}:{device:04x}",
        vendor_id=vendor,
        device_id=device,
        slot=f"0000:{bus & 0xFF:02x}:{slot & 0x1F:02x}.{function & 7:x}",
        dedicated_bytes=size if LEAST_BYTES <= size < 1 << 45 else None,
        shared_bytes=shared if 0 < shared < 1 << 45 else None,
        integrated=bool(bits & _INTEGRATED) or size < 1 << 30,
    )


class GraphicsKernel:
    """Asks ``gdi32``.

    Raises:
        OSError, AttributeError: from the constructor, anywhere but on Windows 10 or newer.
    """

    def __init__(self) -> None:
        self._gdi: Any = library("gdi32")
        self._enumerate = self._gdi.D3DKMTEnumAdapters2
        self._query = self._gdi.D3DKMTQueryAdapterInfo
        self._close = self._gdi.D3DKMTCloseAdapter

    def adapters(self) -> list[WindowsAdapter]:
        items = ctypes.create_string_buffer(20 * _MOST)
        asked = ctypes.create_string_buffer(struct.pack("<I4xQ", _MOST, ctypes.addressof(items)), 16)
        if self._enumerate(asked) != 0:
            return []
        (count,) = struct.unpack_from("<I", asked.raw)
        sizes = registry_sizes()
        found = []
        for index in range(min(count, _MOST)):
            handle, low, high, *_ = struct.unpack_from("<IIiII", items.raw, 20 * index)
            try:
                adapter = self._one(handle, (high & 0xFFFFFFFF, low), sizes)
            finally:
                self._close(ctypes.create_string_buffer(struct.pack("<I", handle), 4))
            if adapter is not None:
                found.append(adapter)
        return found

    def _one(
        self, handle: int, luid: tuple[int, int], sizes: dict[tuple[int, int], int]
    ) -> WindowsAdapter | None:
        name = self._ask(handle, _NAME, 4 * 260 * 2)
        return adapter_of(
            luid,
            self._ask(handle, _TYPE, 4),
            self._ask(handle, _ADDRESS, 12),
            self._ask(handle, _IDS, 28),
            name[: 260 * 2].decode("utf-16-le", "replace").split("\0")[0],
            self._ask(handle, _SEGMENTS, 24),
            sizes,
        )

    def _ask(self, handle: int, what: int, size: int) -> bytes:
        data = ctypes.create_string_buffer(size)
        raw = struct.pack("<IIQI4x", handle, what, ctypes.addressof(data), size)
        asked = ctypes.create_string_buffer(raw, len(raw))
        return data.raw if self._query(asked) == 0 else b""


def registry_sizes() -> dict[tuple[int, int], int]:
    """Memory of cards by (vendor, device) from the drivers' 64-bit value; closed keys are skipped."""
    try:
        import winreg
    except ImportError:
        return {}
    api: Any = winreg
    found: dict[tuple[int, int], int] = {}
    try:
        parent = api.OpenKey(api.HKEY_LOCAL_MACHINE, _CLASS)
    except OSError:
        return found
    for index in range(64):
        try:
            key = api.OpenKey(parent, f"{index:04d}")
            size = api.QueryValueEx(key, "HardwareInformation.qwMemorySize")[0]
            ids = ids_of(str(api.QueryValueEx(key, "MatchingDeviceId")[0]))
        except OSError:
            continue
        if isinstance(size, bytes):
            size = int.from_bytes(size[:8], "little")
        if ids and isinstance(size, int) and LEAST_BYTES <= size < 1 << 45:
            found[ids] = max(size, found.get(ids, 0))
    return found


def registry_texts(key: str, *names: str) -> tuple[str, ...]:
    """Values of a key below HKEY_LOCAL_MACHINE that anybody may read; "" for what is not there."""
    try:
        import winreg
    except ImportError:
        return ("",) * len(names)
    api: Any = winreg
    found = []
    for name in names:
        try:
            value = api.QueryValueEx(api.OpenKey(api.HKEY_LOCAL_MACHINE, key), name)[0]
        except OSError:
            value = ""
        found.append(value.strip() if isinstance(value, str) else "")
    return tuple(found)


def ids_of(matching: str) -> tuple[int, int] | None:
    """Vendor and device of a ``PCI\\VEN_10DE&DEV_2684...`` text."""
    match = re.search(r"VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})", matching, re.IGNORECASE)
    return (int(match.group(1), 16), int(match.group(2), 16)) if match else None


_DISPLAY_CLASS = "{4d36e968-e325-11ce-bfc1-08002be10318}"
_CLASS_PRESENT = 0x200 | 0x100
_POWER_DATA = ("a45c254e-df1c-4efd-8020-67d146a850e0", 32)
_AWAKE = 1


def power_state_of(raw: bytes) -> int | None:
    """1 (D0, awake) to 4 (D3) out of CM_POWER_DATA: its second number is the most recent state."""
    if len(raw) < 8:
        return None
    (state,) = struct.unpack_from("<I", raw, 4)
    return state if 1 <= state <= 4 else None


class DeviceStates:
    """Asks for the power state of display devices.

    Raises:
        OSError, AttributeError: from the constructor, anywhere but on Windows.
    """

    def __init__(self) -> None:
        self._cfg: Any = library("cfgmgr32")

    def asleep(self, vendor_id: int, device_id: int) -> bool:
        """Whether every present device with these ids is known not to be in D0."""
        wanted = f"VEN_{vendor_id:04X}&DEV_{device_id:04X}"
        states = [self._state(name) for name in self._names() if wanted in name.upper()]
        known = [state for state in states if state is not None]
        return bool(known) and len(known) == len(states) and _AWAKE not in known

    def _names(self) -> list[str]:
        size = ctypes.c_uint32()
        if self._cfg.CM_Get_Device_ID_List_SizeW(ctypes.byref(size), _DISPLAY_CLASS, _CLASS_PRESENT) != 0:
            return []
        buffer = ctypes.create_string_buffer(2 * max(1, min(size.value, 65536)))
        if self._cfg.CM_Get_Device_ID_ListW(_DISPLAY_CLASS, buffer, size, _CLASS_PRESENT) != 0:
            return []
        return [name for name in buffer.raw.decode("utf-16-le", "replace").split("\0") if name]

    def _state(self, name: str) -> int | None:
        node = ctypes.c_uint32()
        if self._cfg.CM_Locate_DevNodeW(ctypes.byref(node), name, 0) != 0:
            return None
        raw = struct.pack("<16sI", bytes(guid(_POWER_DATA[0])), _POWER_DATA[1])
        key = ctypes.create_string_buffer(raw, len(raw))
        kind, size = ctypes.c_uint32(), ctypes.c_uint32(128)
        data = ctypes.create_string_buffer(128)
        result = self._cfg.CM_Get_DevNode_PropertyW(
            node, key, ctypes.byref(kind), data, ctypes.byref(size), 0
        )
        return power_state_of(data.raw[: size.value]) if result == 0 else None
