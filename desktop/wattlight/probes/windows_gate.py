"""Which display devices of a Windows computer are awake, without asking a driver (plug-and-play manager)."""

import ctypes
import struct
from typing import Any

from .windows_calls import guid, library

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
