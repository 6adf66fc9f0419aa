"""GPUs on Windows: static facts from the graphics kernel, load and memory from counters, NVIDIA's watts."""

from dataclasses import replace
from typing import Protocol

from .memory_cache import DeviceCache
from .nvidia_device import NvidiaDevice
from .nvml_api import NvmlApi, NvmlFault
from .nvml_sentences import RELEASED
from .nvml_session import ENDS_SESSION, NvmlSession
from .part import Processes
from .rates import Moment
from .report import Accelerator, AcceleratorMemory, Memory
from .resting import remember, resting_row
from .sleep_gate import ASLEEP, IdleWatch
from .windows_adapters import WindowsAdapter
from .windows_counters import DEDICATED, ENGINE, SHARED, Values, load_of, used_of

NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086
_VENDORS = {NVIDIA: ("nvidia", "cuda"), AMD: ("amd", "rocm"), INTEL: ("intel", "vulkan")}
NO_WATTS = "Windows does not tell the power of this GPU to programs"


class Counters(Protocol):
    """The performance counters."""

    def collect(self) -> None:
        """Take a sample."""

    def values(self, path: str, whole: bool) -> Values:
        """Instances and values."""


class States(Protocol):
    """Power states of devices."""

    def asleep(self, vendor_id: int, device_id: int) -> bool:
        """Whether these devices are known to sleep."""


class WindowsGpus:
    """All adapters; one part, because they share one query.

    Sleeping devices are left alone: neither counters nor NVML are asked while one of them sleeps, and on a
    hybrid laptop an idle NVIDIA card is let go so that it can.
    """

    key = "windows"

    def __init__(
        self,
        adapters: list[WindowsAdapter],
        counters: Counters | None,
        states: States | None,
        nvml: NvmlApi,
        processes: Processes,
        cache: DeviceCache,
    ) -> None:
        self.signature: tuple[object, ...] = tuple(adapters)
        self._adapters, self._counters, self._states = adapters, counters, states
        self._api, self._processes, self._cache = nvml, processes, cache
        self._session = NvmlSession(nvml)
        self._devices: dict[str, NvidiaDevice] = {}
        self._generation = 0
        hybrid = any(a.integrated for a in adapters) and len(adapters) > 1
        self._idle = {
            a.slot: IdleWatch(hybrid and not a.integrated and a.vendor_id == NVIDIA) for a in adapters
        }

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """A row for each adapter."""
        sleeping = {a.slot for a in self._adapters if self._sleeps(a)}
        for slot in sleeping:
            self._idle[slot].rearm()
        resting = sleeping | {slot for slot, idle in self._idle.items() if idle.released}
        load: dict[str, float] = {}
        own: dict[str, int] = {}
        shared: dict[str, int] = {}
        if self._counters is not None and not resting:
            self._counters.collect()
            load = load_of(self._counters.values(ENGINE, False))
            own = used_of(self._counters.values(DEDICATED, True))
            shared = used_of(self._counters.values(SHARED, True))
        if resting:
            self.close()
        rows = []
        for adapter in self._adapters:
            base = self._base(adapter)
            if adapter.slot in resting:
                state, why = ("asleep", ASLEEP) if adapter.slot in sleeping else ("active", RELEASED)
                rows.append(resting_row(base, state, why, self._cache))
                continue
            row = self._row(base, adapter, load, own, shared, memory)
            if adapter.vendor_id == NVIDIA and not resting:
                row = self._with_nvml(row, adapter, now, memory)
            remember(row, self._cache)
            rows.append(row)
        return tuple(rows)

    def engine_started(self) -> None:
        """A model was loaded: ask again even what was let go."""
        for idle in self._idle.values():
            idle.rearm()

    def close(self) -> None:
        """Release NVML."""
        self._session.close()
        self._devices.clear()

    def _sleeps(self, adapter: WindowsAdapter) -> bool:
        return self._states is not None and self._states.asleep(adapter.vendor_id, adapter.device_id)

    def _base(self, adapter: WindowsAdapter) -> Accelerator:
        vendor, backend = _VENDORS.get(adapter.vendor_id, ("other", "vulkan"))
        return Accelerator(
            id=f"pci:{adapter.slot}",
            vendor=vendor,
            name=adapter.name,
            name_source="D3DKMT",
            kind="integrated" if adapter.integrated else "discrete",
            state="active",
            pci_id=f"{adapter.vendor_id:04x}:{adapter.device_id:04x}",
            backend=backend,
        )

    def _row(
        self,
        base: Accelerator,
        adapter: WindowsAdapter,
        load: dict[str, float],
        own: dict[str, int],
        shared: dict[str, int],
        memory: Memory,
    ) -> Accelerator:
        busy = load.get(adapter.luid)
        return replace(
            base,
            memory=_memory(adapter, own.get(adapter.luid), shared.get(adapter.luid), memory),
            power_reason=NO_WATTS,
            utilization_pct=busy,
            utilization_source="GPU Engine counter" if busy is not None else None,
            utilization_reason=None if busy is not None else "needs a second reading",
        )

    def _with_nvml(
        self, row: Accelerator, adapter: WindowsAdapter, now: Moment, memory: Memory
    ) -> Accelerator:
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
            row = device.look(row, now, memory)
            self._idle[adapter.slot].note(row.utilization_pct == 0 and not device.computing, now.monotonic_s)
            return row
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION:
                self._session.lose(fault.code, now.monotonic_s)
                self._devices.clear()
            return row


def _memory(
    adapter: WindowsAdapter, used: int | None, shared_used: int | None, system: Memory
) -> AcceleratorMemory:
    total = adapter.dedicated_bytes
    if used is not None and total is not None and used > total:
        used = None
    if adapter.integrated:
        return AcceleratorMemory(
            unified=True,
            dedicated_total_bytes=total,
            dedicated_used_bytes=used,
            shared_total_bytes=adapter.shared_bytes,
            shared_used_bytes=shared_used,
            shared_available_bytes=system.available_bytes,
            reason="it shares the computer's memory and states no limit of its own",
        )
    return AcceleratorMemory(
        dedicated_total_bytes=total,
        dedicated_total_source="registry or D3DKMT" if total is not None else None,
        dedicated_used_bytes=used,
        shared_total_bytes=adapter.shared_bytes,
        shared_used_bytes=shared_used,
        llm_total_bytes=total,
        llm_available_bytes=None if total is None or used is None else total - used,
        reason=None if total is not None else "Windows does not say how much memory the card has",
    )
