"""Load and memory of GPUs on Windows from the performance counters (any vendor)."""

import ctypes
import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from wattlight.domain.values import Device, DeviceMemory, DeviceSample, GpuProcess, figure_of, unknown
from wattlight.i18n import tr

from ..linux.pci import ASLEEP, IdleWatch
from ..numbers import Moment
from ..nvidia.device import NvidiaDevice
from ..nvidia.nvml import NvmlApi, NvmlFault
from ..nvidia.session import ENDS_SESSION, RELEASED, NvmlSession
from ..probe import DeviceCache, Probe, Processes, remember, resting
from ..report import Memory
from .adapters import DeviceStates, WindowsAdapter, library

ENGINE = r"\GPU Engine(*)\Utilization Percentage"
DEDICATED = r"\GPU Adapter Memory(*)\Dedicated Usage"
SHARED = r"\GPU Adapter Memory(*)\Shared Usage"
_LUID = re.compile(r"luid_0x([0-9a-fA-F]+)_0x([0-9a-fA-F]+)_phys_([0-9]+)")
_ENGINE_NUMBER = re.compile(r"_eng_([0-9]+)_")
_WORKING = re.compile(r"pid_([0-9]+)_.*_engtype_(3D|Graphics|Cuda|(High Priority )?Compute)")
"""Engines that compute or draw; those that copy, decode and encode draw little."""
_LEAST_USE = 1.0
"""Percent: nearly every program with a window has its instances, at next to nothing."""
_DOUBLE, _LARGE = 0x200, 0x400
_MORE_DATA = 0x800007D2
_VALID = {0, 1}

Values = list[tuple[str, float]]


def luid_of(instance: str) -> str | None:
    """``high_low`` of the adapter an instance belongs to, None if it names none."""
    match = _LUID.search(instance)
    return f"{int(match.group(1), 16):x}_{int(match.group(2), 16):x}" if match else None


def load_of(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Load in percent for each adapter: summed over processes for each engine, then the busiest engine.

    Summing engines would count a card twice (118 % was seen).
    """
    engines: dict[tuple[str, str], float] = {}
    for instance, value in values:
        luid, engine = luid_of(instance), _ENGINE_NUMBER.search(instance)
        if luid and engine and 0 <= value <= 1000:
            key = (luid, engine.group(1))
            engines[key] = engines.get(key, 0.0) + value
    found: dict[str, float] = {}
    for (luid, _), value in engines.items():
        found[luid] = max(found.get(luid, 0.0), min(100.0, value))
    return found


def use_of(values: Iterable[tuple[str, float]]) -> dict[str, dict[int, float]]:
    """Percent by process id for each adapter: the busiest of the process's engines."""
    found: dict[str, dict[int, float]] = {}
    for instance, value in values:
        luid, working = luid_of(instance), _WORKING.match(instance)
        if luid and working and _LEAST_USE <= value <= 1000:
            use, pid = found.setdefault(luid, {}), int(working.group(1))
            use[pid] = max(use.get(pid, 0.0), min(100.0, value))
    return found


def used_of(values: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Bytes in use for each adapter."""
    found: dict[str, int] = {}
    for instance, value in values:
        luid = luid_of(instance)
        if luid and 0 <= value < 1 << 50:
            found[luid] = found.get(luid, 0) + int(value)
    return found


class PerformanceCounters:
    """One query kept open. The first look has no load yet (it is a rate).

    Raises:
        OSError, AttributeError: from the constructor where there are no such counters.
    """

    def __init__(self) -> None:
        self._pdh: Any = library("pdh")
        self._query = ctypes.c_void_p()
        if self._pdh.PdhOpenQueryW(None, None, ctypes.byref(self._query)) != 0:
            raise OSError("no performance query")
        self._counters = {path: self._add(path) for path in (ENGINE, DEDICATED, SHARED)}

    def collect(self) -> None:
        self._pdh.PdhCollectQueryData(self._query)

    def values(self, path: str, whole: bool) -> Values:
        """Instances and values of one counter after :meth:`collect`."""
        counter = self._counters.get(path)
        if counter is None:
            return []
        kind = _LARGE if whole else _DOUBLE
        size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        ask = self._pdh.PdhGetFormattedCounterArrayW
        status = ask(counter, kind, ctypes.byref(size), ctypes.byref(count), None) & 0xFFFFFFFF
        if status != _MORE_DATA or not 0 < size.value < 8_000_000:
            return []
        buffer = ctypes.create_string_buffer(size.value)
        status = ask(counter, kind, ctypes.byref(size), ctypes.byref(count), buffer) & 0xFFFFFFFF
        return items_of(buffer, count.value, whole) if status == 0 else []

    def close(self) -> None:
        self._pdh.PdhCloseQuery(self._query)

    def _add(self, path: str) -> Any:
        counter = ctypes.c_void_p()
        status = self._pdh.PdhAddEnglishCounterW(self._query, path, None, ctypes.byref(counter))
        return counter if status == 0 else None


def items_of(buffer: Any, count: int, whole: bool) -> Values:
    """Items of 24 bytes: pointer to the name, status, value. Status 0 and 1 are both valid."""
    found: Values = []
    for index in range(min(count, ctypes.sizeof(buffer) // 24)):
        pointer, status, value = struct.unpack_from("<QI4xq" if whole else "<QI4xd", buffer, index * 24)
        if pointer and status in _VALID:
            found.append((ctypes.wstring_at(pointer), float(value)))
    return found


NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086
_VENDORS = {NVIDIA: ("nvidia", "cuda"), AMD: ("amd", "rocm"), INTEL: ("intel", "vulkan")}


def no_use() -> str:
    return tr("Windows did not tell which program uses this GPU")


def no_watts() -> str:
    return tr("Windows does not tell the power of this GPU to programs")


class WindowsGpus(Probe):
    """All adapters; one part, because they share one query.

    Sleeping devices are left alone: neither counters nor NVML are asked while one of them sleeps, and on a
    hybrid laptop an idle NVIDIA card is let go so that it can.
    """

    key = "windows"

    def __init__(
        self,
        adapters: list[WindowsAdapter],
        counters: PerformanceCounters | None,
        states: DeviceStates | None,
        nvml: NvmlApi,
        processes: Processes,
        cache: DeviceCache,
    ) -> None:
        self.signature = tuple(adapters)
        self._adapters, self._counters, self._states = adapters, counters, states
        self._api, self._processes, self._cache = nvml, processes, cache
        self._session = NvmlSession(nvml)
        self._devices: dict[str, NvidiaDevice] = {}
        self._generation = 0
        hybrid = any(a.integrated for a in adapters) and len(adapters) > 1
        self._idle = {
            a.slot: IdleWatch(hybrid and not a.integrated and a.vendor_id == NVIDIA) for a in adapters
        }

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        sleeping = {a.slot for a in self._adapters if self._sleeps(a)}
        for slot in sleeping:
            self._idle[slot].rearm()
        idle_or_asleep = sleeping | {slot for slot, idle in self._idle.items() if idle.released}
        load: dict[str, float] = {}
        use: dict[str, dict[int, float]] | None = None
        own: dict[str, int] = {}
        shared: dict[str, int] = {}
        if self._counters is not None and not idle_or_asleep:
            self._counters.collect()
            engines = self._counters.values(ENGINE, False)
            load, use = load_of(engines), use_of(engines) if engines else None
            own = used_of(self._counters.values(DEDICATED, True))
            shared = used_of(self._counters.values(SHARED, True))
        if idle_or_asleep:
            self.close()
        rows = []
        for adapter in self._adapters:
            base = _device(adapter)
            if adapter.slot in idle_or_asleep:
                state, why = ("asleep", ASLEEP) if adapter.slot in sleeping else ("active", RELEASED)
                rows.append(resting(base, state, why, self._cache))
                continue
            row = DeviceSample(
                base,
                unknown(no_watts()),
                figure_of(load.get(adapter.luid), "GPU Engine counter", "needs a second reading"),
                memory=_memory(adapter, own.get(adapter.luid), shared.get(adapter.luid), memory),
            )
            if adapter.vendor_id == NVIDIA and not idle_or_asleep:
                row = self._with_nvml(row, adapter, now, memory)
            row = self._with_use(row, None if use is None else use.get(adapter.luid, {}), now.monotonic_s)
            remember(row, self._cache)
            rows.append(row)
        return tuple(rows)

    def engine_started(self) -> None:
        """A model was loaded: ask again even what was let go."""
        for idle in self._idle.values():
            idle.rearm()

    def close(self) -> None:
        self._session.close()
        self._devices.clear()

    def _sleeps(self, adapter: WindowsAdapter) -> bool:
        return self._states is not None and self._states.asleep(adapter.vendor_id, adapter.device_id)

    def _with_use(self, row: DeviceSample, use: dict[int, float] | None, at: float) -> DeviceSample:
        """``row`` with the use by process that the counters tell, where the driver told none."""
        listed = {process.pid: process for process in row.processes}
        if any(process.busy_percent is not None for process in row.processes):
            return row
        if use is None:
            return replace(row, processes_reason=no_use())
        for pid in use:
            listed.setdefault(pid, GpuProcess(pid, None, self._processes.name(pid, at)))
        used = (replace(process, busy_percent=use.get(pid, 0.0)) for pid, process in listed.items())
        return replace(row, processes=tuple(used), processes_reason=None)

    def _with_nvml(
        self, row: DeviceSample, adapter: WindowsAdapter, now: Moment, memory: Memory
    ) -> DeviceSample:
        if not self._session.open(now.monotonic_s, False):
            return row
        try:
            if self._generation != self._session.generation:
                self._devices, self._generation = {}, self._session.generation
            if adapter.slot not in self._devices:
                handle = self._session.handle_for(adapter.slot)
                self._devices[adapter.slot] = NvidiaDevice(
                    self._api, handle, row.id, self._processes, self._session.driver
                )
            device = self._devices[adapter.slot]
            row = device.look(row.device, now, memory)
            self._idle[adapter.slot].note(row.load.value == 0 and not device.computing, now.monotonic_s)
            return row
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION:
                self._session.lose(fault.code, now.monotonic_s)
                self._devices.clear()
            return row


def _device(adapter: WindowsAdapter) -> Device:
    vendor, backend = _VENDORS.get(adapter.vendor_id, ("other", "vulkan"))
    return Device(
        f"pci:{adapter.slot}",
        adapter.name,
        backend,
        integrated=adapter.integrated,
        vendor=vendor,
        name_source="D3DKMT",
        pci_id=f"{adapter.vendor_id:04x}:{adapter.device_id:04x}",
    )


CARVE_OUT_BYTES = 1 << 30


def _pool(
    own: int | None, used: int | None, shared: int | None, shared_used: int | None, system: Memory
) -> tuple[int | None, int | None]:
    """What an integrated adapter has in all and what of it is free: its carve-out and what it may share.

    A small one is a window into shared memory, and then nothing states a limit.
    """
    if own is None or own < CARVE_OUT_BYTES or shared is None:
        return None, None
    pool = own + min(shared, system.host_total_bytes or shared)
    if used is None or system.llm_available_bytes is None:
        return pool, None
    return pool, max(0, min(pool - used - (shared_used or 0), own - used + system.llm_available_bytes))


def _memory(
    adapter: WindowsAdapter, used: int | None, shared_used: int | None, system: Memory
) -> DeviceMemory:
    total = adapter.dedicated_bytes
    if used is not None and total is not None and used > total:
        used = None
    if adapter.integrated:
        pool, room = _pool(total, used, adapter.shared_bytes, shared_used, system)
        return DeviceMemory(
            unified=True,
            dedicated_total_bytes=total,
            dedicated_used_bytes=used,
            shared_total_bytes=adapter.shared_bytes,
            shared_used_bytes=shared_used,
            shared_available_bytes=system.available_bytes,
            llm_total_bytes=pool,
            llm_available_bytes=room,
            reason=None if pool else tr("it shares the computer's memory and states no limit of its own"),
        )
    return DeviceMemory(
        dedicated_total_bytes=total,
        dedicated_total_source="registry or D3DKMT" if total is not None else None,
        dedicated_used_bytes=used,
        shared_total_bytes=adapter.shared_bytes,
        shared_used_bytes=shared_used,
        llm_total_bytes=total,
        llm_available_bytes=None if total is None or used is None else total - used,
        reason=None if total is not None else tr("Windows does not say how much memory the card has"),
    )
