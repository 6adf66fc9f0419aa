"""Properties in a Mac's device registry: the GPU's statistics, the battery's telemetry. macOS only."""

import ctypes
from collections.abc import Mapping
from typing import Any

from .apple_foundation import CoreFoundation, Ref
from .report import Battery

_IOKIT = "/System/Library/Frameworks/IOKit.framework/IOKit"
GPU_CLASS = "AGXAccelerator"
BATTERY_CLASS = "AppleSmartBattery"


class Registry:
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


BATTERY_KEYS = (
    "BatteryInstalled",
    "CurrentCapacity",
    "MaxCapacity",
    "IsCharging",
    "FullyCharged",
    "ExternalConnected",
    "InstantAmperage",
    "Amperage",
    "Voltage",
    "AppleRawCurrentCapacity",
    "AppleRawMaxCapacity",
    "PowerTelemetryData",
)


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
        reason=None if watts is not None else "on mains: the battery says nothing about power",
    )


def system_input_w(values: Mapping[str, Any]) -> float | None:
    """What the Mac takes from its adapter (``SystemPowerIn``, mW), None on battery and on old systems."""
    telemetry = values.get("PowerTelemetryData")
    raw = telemetry.get("SystemPowerIn") if isinstance(telemetry, Mapping) else None
    watts = _number(raw, 100, 1_000_000)
    return None if watts is None else watts / 1000


class AdapterInput:
    """The whole Mac's watts from the battery's telemetry, where the controller does not tell them (slow)."""

    def __init__(self, registry: Registry) -> None:
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
