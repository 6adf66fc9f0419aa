"""The battery on Windows: state and signed rate from the power manager."""

import ctypes
import struct

from .report import Battery
from .windows_calls import library

_STATE = 5
_SIZE = 32
_UNKNOWN = -0x80000000
_UNKNOWN_U = 0xFFFFFFFF


def battery_of(raw: bytes) -> Battery:
    """The battery out of a SYSTEM_BATTERY_STATE (flags, mWh, rate in mW, seconds).

    The rate is signed, negative while discharging; 0x80000000 and 0 say nothing.
    """
    if len(raw) < _SIZE:
        return Battery()
    on_ac, present, charging, discharging = (byte != 0 for byte in raw[:4])
    full, left, rate, seconds = struct.unpack_from("<IIiI", raw, 8)
    if not present:
        return Battery()
    watts = abs(rate) / 1000 if rate not in {0, _UNKNOWN} and abs(rate) <= 500_000 else None
    state = "charging" if charging else "discharging" if discharging else "full" if on_ac else None
    known = 0 < full < _UNKNOWN_U and 0 < left < _UNKNOWN_U and left <= full * 1.1
    discharge = watts if state == "discharging" else None
    return Battery(
        present=True,
        percent=min(100, round(100 * left / full)) if known else None,
        state=state,
        on_ac=on_ac,
        discharge_w=discharge,
        charge_w=watts if state == "charging" else None,
        source="SystemBatteryState rate" if watts is not None else None,
        energy_now_wh=left / 1000 if known else None,
        energy_full_wh=full / 1000 if known else None,
        seconds_left=seconds if discharge and 0 < seconds < _UNKNOWN_U else None,
        reason=None if watts is not None else "the battery does not say how much power flows",
    )


def read_battery() -> Battery:
    """The battery now. Never raises."""
    buffer = ctypes.create_string_buffer(_SIZE)
    try:
        status = library("powrprof").CallNtPowerInformation(_STATE, None, 0, buffer, _SIZE)
    except (OSError, AttributeError):
        return Battery()
    return battery_of(buffer.raw) if status == 0 else Battery()
