"""The battery on Windows: state and signed rate from the power manager."""

import ctypes
import os
import platform
import struct
import time
from dataclasses import replace
from typing import Any

from wattlight.domain.power import measured
from wattlight.domain.values import Quality, Scope, clean_text, unknown
from wattlight.i18n import marked, tr

from ..environment import IN_VM, Host, hypervisor_of, optional, short_text
from ..linux.memory import budgeted
from ..numbers import CounterRate, Moment
from ..probe import DeviceCache, NvmlFactory, Probe, ProbeContext, Processes
from ..reader import Reader
from ..report import Battery, CpuPower, Environment, Memory, energy_zone
from .adapters import DeviceStates, GraphicsKernel, guid, library, registry_texts
from .gpu import PerformanceCounters, WindowsGpus

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
        reason=None if watts is not None else tr("the battery does not say how much power flows"),
    )


def read_battery() -> Battery:
    """The battery now. Never raises."""
    buffer = ctypes.create_string_buffer(_SIZE)
    try:
        status = library("powrprof").CallNtPowerInformation(_STATE, None, 0, buffer, _SIZE)
    except (OSError, AttributeError):
        return Battery()
    return battery_of(buffer.raw) if status == 0 else Battery()


INTERFACE = "45BD8344-7ED6-49CF-A440-C276C933B053"
JOULES_PER_COUNT = 3.6e-9
"""A count is a picowatt-hour."""
_VERSION, _METADATA_SIZE, _METADATA, _MEASUREMENT = 0x224000, 0x224004, 0x224008, 0x22400C
_PRESENT_INTERFACES = 0x12
_GENERIC_READ, _SHARE, _OPEN_EXISTING = 0x80000000, 3, 3
_INVALID = ctypes.c_void_p(-1).value
_MAX_METADATA = 65536


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
        return tuple(self._handles)

    def counts(self) -> dict[str, int | None]:
        return {
            name: energy_of(self._ask(handle, _MEASUREMENT, 16 * (channel + 1)), channel)
            for name, (handle, channel) in self._handles.items()
        }

    def close(self) -> None:
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


_LAYOUT = "<IIQQQQQQQ"
NO_COMMIT = marked(
    "Windows may commit less than is free: the page file is small or off, so a load can fail early."
)


def memory_of(raw: bytes) -> Memory:
    """The memory out of a MEMORYSTATUSEX; its "page file" fields are the commit limit and what is left.

    A load needs both physical memory and commit: the smaller counts.
    """
    if len(raw) < struct.calcsize(_LAYOUT):
        return Memory(reason=tr("Windows does not say how much memory there is"))
    _, _, total, free, _, commit_left, *_ = struct.unpack_from(_LAYOUT, raw)
    if total == 0 or free > total:
        return Memory(reason=tr("Windows does not say how much memory there is"))
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


def no_meter() -> str:
    return tr("Windows shows no energy meter for the processor (Windows 11 does on most computers)")


SOURCE = "Windows energy meter (EMI)"
_CPU = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
_FIRMWARE = r"HARDWARE\DESCRIPTION\System\BIOS"


class WindowsHost(Host):
    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> None:
        super().__init__(reader, cache, nvml)
        self._kernel = optional(GraphicsKernel)
        self._counters = optional(PerformanceCounters)
        self._states = optional(DeviceStates)
        self._meters = optional(EnergyMeters)
        self._rates: dict[str, CounterRate] = {}
        self._boot = _boot()
        self._times: Times | None = None

    def boot_id(self) -> str:
        """When the computer was started, to ten seconds: a change of it is a new start."""
        return self._boot

    def inventory(self) -> tuple[str, ...]:
        return tuple(a.slot for a in self._kernel.adapters()) if self._kernel else ()

    def find(self, context: ProbeContext) -> list[Probe]:
        adapters = self._kernel.adapters() if self._kernel else []
        if not adapters:
            return []
        processes = Processes(self.reader)
        return [WindowsGpus(adapters, self._counters, self._states, self._nvml(), processes, self._cache)]

    def memory(self) -> Memory:
        return read_memory()

    def cpu_power(self, now: Moment) -> CpuPower:
        counts = self._meters.counts() if self._meters else {}
        return package_power(counts, self._rates, now)

    def battery(self) -> Battery:
        return read_battery()

    def _read_busy(self, _now: Moment) -> float | None:
        before, self._times = self._times, read_times()
        return busy_share(before, self._times)

    def close(self) -> None:
        for source in (self._meters, self._counters, self.reader):
            if source is not None:
                source.close()

    def _environment(self) -> Environment:
        (cpu,) = registry_texts(_CPU, "ProcessorNameString")
        vendor, product = registry_texts(_FIRMWARE, "SystemManufacturer", "SystemProductName")
        hypervisor = hypervisor_of(vendor, product, None)
        return Environment(
            os="windows",
            kernel=platform.version() or None,
            cpu_name=short_text(" ".join(cpu.split()) or os.environ.get("PROCESSOR_IDENTIFIER")),
            cpu_cores=os.cpu_count(),
            virtual_machine=bool(hypervisor),
            hypervisor=hypervisor,
            messages=(IN_VM,) if hypervisor else (),
        )


Times = tuple[int, int]
"""(idle, all) of the processors together, in 100 ns."""


def read_times() -> Times | None:
    """What the processors have done since the start; None where Windows does not tell."""
    buffers = [ctypes.create_string_buffer(8) for _ in range(3)]
    try:
        if not library("kernel32").GetSystemTimes(*buffers):
            return None
    except (OSError, AttributeError):
        return None
    idle, kernel, user = (struct.unpack("<Q", buffer.raw)[0] for buffer in buffers)
    return idle, kernel + user  # the kernel's time has the idle time in it


def busy_share(before: Times | None, after: Times | None) -> float | None:
    """0..1 between two looks; None without both, or where the times went back."""
    if before is None or after is None or after[1] <= before[1] or after[0] < before[0]:
        return None
    return max(0.0, 1 - (after[0] - before[0]) / (after[1] - before[1]))


def package_power(counts: dict[str, int | None], rates: dict[str, CounterRate], now: Moment) -> CpuPower:
    """Power of the processor packages from their counts; ``rates`` is kept by the caller."""
    if not counts:
        return CpuPower(unknown(no_meter()))
    zones, reasons = [], []
    for name, count in counts.items():
        rate = rates.setdefault(name, CounterRate(JOULES_PER_COUNT, ceiling_w=1000.0))
        watts = rate.watts(count, now)
        reasons.append(rate.reason)
        zones.append(
            energy_zone(
                f"emi:{name}",
                "package",
                watts,
                count,
                JOULES_PER_COUNT,
                Scope.PACKAGE,
                SOURCE,
                rate.reason or None,
            )
        )
    known = [zone.power_w for zone in zones if zone.power_w is not None]
    power_w = sum(known) if len(known) == len(zones) else None
    reason = next((reason for reason in reasons if reason), no_meter())
    package = measured(power_w, SOURCE, Scope.PACKAGE, Quality.COUNTER, reason)
    return CpuPower(replace(package, source=SOURCE), scope=" + ".join(counts), zones=tuple(zones))


def _boot() -> str:
    try:
        ticks = library("kernel32").GetTickCount64
        ticks.restype = ctypes.c_uint64
        return f"boot-{round((time.time() - ticks() / 1000) / 10)}"
    except (OSError, AttributeError):
        return ""
