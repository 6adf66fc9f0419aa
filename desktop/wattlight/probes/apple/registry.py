"""Properties in a Mac's device registry: the GPU's statistics, the battery's telemetry. macOS only."""

import ctypes
import struct
from collections.abc import Mapping
from typing import Any

from wattlight.i18n import tr

from ..report import Battery
from .foundation import CoreFoundation, Ref

_IOKIT = "/System/Library/Frameworks/IOKit.framework/IOKit"
GPU_CLASS = "AGXAccelerator"
BATTERY_CLASS = "AppleSmartBattery"


class DeviceRegistry:
    """Reads properties of the first entry of a class.

    Raises:
        OSError, AttributeError: not on macOS.
    """

    def __init__(self, foundation: CoreFoundation) -> None:
        self._cf = foundation
        self._kit: Any = ctypes.CDLL(_IOKIT)
        u32 = ctypes.c_uint32
        for name, result, arguments in (
            ("IOServiceMatching", Ref, [ctypes.c_char_p]),
            ("IOServiceGetMatchingService", u32, [u32, Ref]),
            ("IORegistryEntryCreateCFProperty", Ref, [u32, Ref, Ref, u32]),
            ("IOObjectRelease", ctypes.c_int, [u32]),
        ):
            function = getattr(self._kit, name)
            function.restype, function.argtypes = result, arguments

    def properties(self, class_name: str, keys: tuple[str, ...]) -> dict[str, Any]:
        """The named properties that are there; empty when the class is not."""
        matching = self._kit.IOServiceMatching(class_name.encode())
        entry = self._kit.IOServiceGetMatchingService(0, matching)
        if not entry:
            return {}
        found = {}
        for key in keys:
            name = self._cf.string(key)
            value = self._kit.IORegistryEntryCreateCFProperty(entry, name, None, 0)
            self._cf.release(name)
            if value:
                found[key] = self._cf.to_python(Ref(value))
                self._cf.release(Ref(value))
        self._kit.IOObjectRelease(entry)
        return found


_BATTERY_KEYS = (
    "BatteryInstalled CurrentCapacity MaxCapacity IsCharging FullyCharged ExternalConnected InstantAmperage "
    "Amperage Voltage AppleRawCurrentCapacity AppleRawMaxCapacity PowerTelemetryData"
)
BATTERY_KEYS = tuple(_BATTERY_KEYS.split())


def battery_of(values: Mapping[str, Any]) -> Battery:
    """The battery from its registry entry (mA, mV, mAh); a desktop Mac's entry has none installed."""
    if not values or values.get("BatteryInstalled") is False:
        return Battery()
    on_ac = values.get("ExternalConnected")
    amps = _signed(values.get("InstantAmperage"), 100_000) or _signed(values.get("Amperage"), 100_000)
    volts = _number(values.get("Voltage"), 1_000, 100_000)
    watts = abs(amps) * volts / 1e6 if amps and volts else None
    state = _state(values, amps)
    now = _number(values.get("AppleRawCurrentCapacity"), 1, 100_000)
    full = _number(values.get("AppleRawMaxCapacity"), 1, 100_000)
    now_wh = now * volts / 1e6 if now and volts else None
    discharge = watts if state == "discharging" else None
    return Battery(
        present=True,
        percent=_percent(values),
        state=state,
        on_ac=on_ac if isinstance(on_ac, bool) else None,
        discharge_w=discharge,
        charge_w=watts if state == "charging" else None,
        source="AppleSmartBattery amperage x voltage" if watts is not None else None,
        energy_now_wh=None if now_wh is None else round(now_wh, 3),
        energy_full_wh=round(full * volts / 1e6, 3) if full and volts else None,
        seconds_left=round(now_wh / discharge * 3600) if now_wh and discharge else None,
        reason=None if watts is not None else tr("on mains: the battery says nothing about power"),
    )


def system_input_w(values: Mapping[str, Any]) -> float | None:
    """What the Mac takes from its adapter (``SystemPowerIn``, mW), None on battery and on old systems."""
    telemetry = values.get("PowerTelemetryData")
    raw = telemetry.get("SystemPowerIn") if isinstance(telemetry, Mapping) else None
    watts = _number(raw, 100, 1_000_000)
    return None if watts is None else watts / 1000


class AdapterInput:
    """The whole Mac's watts from the battery's telemetry, where the controller does not tell them (slow)."""

    def __init__(self, registry: DeviceRegistry) -> None:
        self._registry = registry

    def watts(self, key: str = "") -> float | None:
        """What the adapter gives now, None on battery."""
        return system_input_w(self._registry.properties(BATTERY_CLASS, ("PowerTelemetryData",)))


def _state(values: Mapping[str, Any], amps: int | None) -> str | None:
    if values.get("IsCharging") is True:
        return "charging"
    if values.get("ExternalConnected") is False or (amps is not None and amps < 0):
        return "discharging"
    if values.get("FullyCharged") is True:
        return "full"
    return "not charging" if values.get("ExternalConnected") is True else None


def _percent(values: Mapping[str, Any]) -> int | None:
    now, full = (
        _number(values.get("CurrentCapacity"), 0, 100_000),
        _number(values.get("MaxCapacity"), 1, 100_000),
    )
    return min(100, round(100 * now / full)) if now is not None and full else None


def _number(value: Any, low: int, high: int) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return value if good else None


def _signed(value: Any, high: int) -> int | None:
    """A signed figure; some texts give negatives as 2^64 - n."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if value >= 1 << 63:
        value -= 1 << 64
    return value if -high <= value <= high else None


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
