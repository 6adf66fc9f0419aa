"""One NVIDIA GPU whose handle is open: its facts once, its readings at every tick."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from wattlight.domain.power import measured
from wattlight.domain.values import (
    Device,
    DeviceMemory,
    DeviceSample,
    GpuProcess,
    Quality,
    Scope,
    clean_text,
    figure_of,
    unknown,
)
from wattlight.i18n import marked, tr

from ..numbers import MAX_BYTES, CounterRate, Moment, credible_celsius, credible_watts, percent_of
from ..probe import Processes, server_holds
from ..report import Memory
from .nvml import NOT_SUPPORTED, RESET_REQUIRED, Handle, NvmlApi, NvmlFault, NvmlMemory
from .session import ENDS_SESSION, MIG_PARENT, field_reason

T = TypeVar("T")

NO_NAMES = marked("in a container the programs on this GPU have no names")

_UNIFIED_NAMES = ("GB10", "nvgpu", "Thor", "Orin", "Xavier", "Tegra")
_UNIFIED_IDS = {"10de:2e12"}
"""GB10 by its PCI id, for when the driver does not answer."""
_ASK_AGAIN_S = 60.0
_PROCESSES_EVERY_S = 4.5
_HOT, _HELD = 0x20 | 0x40, 0x04 | 0x80
"""Bits of NVML's reasons: thermal slowdown by software and hardware; power cap, and the supply's brake."""
_LIMIT_EVERY_S = 60.0

PowerCall = tuple[str, str, Scope, Callable[[NvmlApi, Handle], int]]


_WINDOW_BYTES = 2 << 30
"""What shares page tables with the processor and states less than this shows a window, not its memory."""


def _field(name: str, covers: str, scope: Scope, field: int, part: int) -> PowerCall:
    return name, covers, scope, lambda api, handle: api.power_field_mw(handle, field, part)


_INSTANT = _field("nvml field 186 (instant)", "gpu board", Scope.BOARD, 186, 0)
_AVERAGE = _field("nvml field 185 (average)", "gpu board", Scope.BOARD, 185, 0)
_MODULE = _field("nvml field 186 (instant, module)", "module (CPU+GPU)", Scope.MODULE, 186, 1)
_USAGE: PowerCall = ("nvmlDeviceGetPowerUsage", "gpu board", Scope.BOARD, lambda a, h: a.power_usage_mw(h))
_CHIP: PowerCall = ("nvmlDeviceGetPowerUsage", "gpu only", Scope.CHIP, lambda a, h: a.power_usage_mw(h))


def is_unified_name(name: str, pci_id: str | None = None) -> bool:
    """Whether this NVIDIA chip shares the computer's memory, by its name or PCI id."""
    return pci_id in _UNIFIED_IDS or any(word in name for word in _UNIFIED_NAMES)


class NvidiaDevice:
    """Reads one handle. Figures the driver refuses are asked for again after a minute only.

    Raises:
        NvmlFault: from the constructor and :meth:`look` for codes that end the session or the device.
    """

    def __init__(
        self, api: NvmlApi, handle: Handle, device_id: str, processes: Processes, driver: str
    ) -> None:
        self._epoch = f"nvidia {driver}"
        self._api, self._handle, self._processes = api, handle, processes
        self.id = device_id
        self._refused: dict[str, tuple[float, int]] = {}
        self._energy_rate = CounterRate(1e-3)
        self._power_call: PowerCall | None = None
        self._limit: tuple[float, float | None] = (float("-inf"), None)
        self._slowed_by: tuple[str, ...] = ()
        self._use_us = 0
        self._use_reason: str | None = None
        self._running: tuple[float, dict[int, int | None], bool | None] = (float("-inf"), {}, None)
        self.name = clean_text(api.name(handle)) or "NVIDIA GPU"
        self.uuid = self._fact(lambda: api.uuid(handle))
        self.pci_id = self._fact(lambda: api.pci_ids(handle))
        self.capability = self._fact(lambda: api.capability(handle))
        self._shares = bool(self._fact(lambda: api.shares_page_tables(handle)))
        self._virtual = bool(self._fact(lambda: api.virtual(handle)))
        self.slices = self._fact(lambda: api.slices(handle))

    @property
    def computing(self) -> bool | None:
        """Whether a compute process was on the GPU at the last look, None if it cannot be told."""
        return self._running[2]

    def look(self, base: Device, now: Moment, memory: Memory) -> DeviceSample:
        """What the driver says now of ``base``."""
        at = now.monotonic_s
        limit = self._power_limit(at)
        held = self._ask("memory", at, lambda: self._api.memory(self._handle))
        unified = is_unified_name(self.name, base.pci_id) or (
            self._shares and (held[0] is None or held[0].total < _WINDOW_BYTES)
        )
        processes = self._list_processes(at)
        watts, call, reason = self._power(at, unified, limit)
        energy = self._ask("energy", at, lambda: self._api.energy_mj(self._handle))[0] or None
        derived = self._energy_rate.watts(energy, now)
        source, scope_text, scope = call[:3] if call else ("nvml energy counter", "gpu board", Scope.BOARD)
        if watts is None and derived is not None:
            watts = round(derived, 3)
        quality = Quality.COUNTER if energy else Quality.SAMPLED
        busy, busy_reason = self._ask(marked("its load"), at, lambda: self._api.utilization(self._handle))
        if busy is None and self.slices is not None:
            busy_reason = MIG_PARENT
        heat, _ = self._ask("temperature", at, lambda: self._api.temperature(self._handle))
        return DeviceSample(
            replace(
                base,
                name=self.name,
                name_source="nvml",
                uuid=self.uuid,
                integrated=unified,
                compute_capability=self.capability,
            ),
            measured(watts, source, scope, quality, reason, counted=energy is not None),
            figure_of(percent_of(busy), "nvml", busy_reason),
            memory=self._memory(held, unified, memory, processes),
            power_scope=scope_text if watts is not None else None,
            limit_w=limit,
            counter_mj=energy,
            counter_epoch=self._epoch if energy else "",
            temperature_c=credible_celsius(None if heat is None else float(heat)),
            temperature_label="gpu" if heat else None,
            processes=processes,
            processes_reason=self._use_reason or (NO_NAMES if self._processes.foreign else None),
            slowed_by=self._slowed_by,
            messages=self._messages(),
        )

    def slice_rows(self, parent: DeviceSample) -> list[DeviceSample]:
        """A row for each MIG slice: memory of its own, power only in the parent's row."""
        rows = []
        for index, handle in enumerate(self.slices or ()):
            uuid = self._fact(partial(self._api.uuid, handle)) or f"{parent.id}/{index}"
            held = self._fact(partial(self._api.memory, handle))
            name = self._fact(partial(self._api.name, handle)) or f"{parent.name} slice {index}"
            device = Device(
                f"mig:{uuid}",
                clean_text(name),
                "cuda",
                compute_capability=self.capability,
                vendor="nvidia",
                sliced=True,
                driver=parent.device.driver,
                name_source="nvml",
                uuid=uuid,
            )
            said = DeviceMemory(reason=tr("the driver does not say"))
            rows.append(
                DeviceSample(
                    device,
                    unknown(tr("measured for the whole card only")),
                    unknown(tr("measured for no slice")),
                    memory=_dedicated(held, ()) if held else said,
                    contained_in=parent.id,
                )
            )
        return rows

    def _fact(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION:
                raise
            return None

    def _ask(self, what: str, at: float, call: Callable[[], T]) -> tuple[T | None, str | None]:
        refused = self._refused.get(what)
        if refused and at < refused[0]:
            return None, field_reason(refused[1], what)
        try:
            return call(), None
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION or fault.code == RESET_REQUIRED:
                raise
            self._refused[what] = (at + _ASK_AGAIN_S, fault.code)
            return None, field_reason(fault.code, what)

    def _power(
        self, at: float, unified: bool, limit: float | None
    ) -> tuple[float | None, PowerCall | None, str | None]:
        """Watts by the first call that answers; unified chips have the classic call first.

        (GB10 answers the field call with something else than its own power.)
        """
        order = (_CHIP, _INSTANT, _AVERAGE, _MODULE) if unified else (_INSTANT, _AVERAGE, _USAGE, _MODULE)
        calls = (self._power_call,) if self._power_call else order
        reason = None
        for call in calls:
            value, why = self._ask(call[0], at, partial(call[3], self._api, self._handle))
            reason = reason or why
            power = credible_watts(None if value is None else value / 1000, limit)
            if power is not None:
                self._power_call = call
                return power, call, None
            if value is not None:
                reason = "implausible reading"
        if self._power_call and self._power_call[0] in self._refused:
            self._power_call = None
        if reason and self._refused.get(calls[0][0], (0, 0))[1] == NOT_SUPPORTED:
            reason = field_reason(NOT_SUPPORTED, "power")
        return None, None, reason

    def _power_limit(self, at: float) -> float | None:
        if at >= self._limit[0]:
            value, _ = self._ask(marked("the power limit"), at, lambda: self._api.limit_mw(self._handle))
            self._limit = (at + _LIMIT_EVERY_S, credible_watts(None if value is None else value / 1000))
        return self._limit[1]

    def _list_processes(self, at: float) -> tuple[GpuProcess, ...]:
        if at >= self._running[0]:
            listed, _ = self._ask("processes", at, lambda: self._api.processes(self._handle))
            computing = None if listed is None else any(p.compute for p in listed)
            clocks = (
                self._ask(marked("its clocks"), at, lambda: self._api.clock_reasons(self._handle))[0] or 0
            )
            self._slowed_by = tuple(w for w, bits in (("heat", _HOT), ("power", _HELD)) if clocks & bits)
            self._running = (
                at + _PROCESSES_EVERY_S,
                {p.pid: p.memory_bytes for p in listed or ()},
                computing,
            )
        used, memory = self._use(at), self._running[1]
        return tuple(
            GpuProcess(
                pid,
                memory.get(pid),
                self._processes.name(pid, at),
                None if used is None else used.get(pid, 0.0),
            )
            for pid in dict.fromkeys((*memory, *(used or {})))
        )

    def _use(self, at: float) -> dict[int, float] | None:
        """Percent by process id, the mean of the driver's samples since the look before; None if unknown."""
        samples, self._use_reason = self._ask(
            marked("use by process"), at, lambda: self._api.process_use(self._handle, self._use_us)
        )
        if samples is None:
            return None
        by_pid: dict[int, list[int]] = {}
        for sample in samples:
            self._use_us = max(self._use_us, sample.at_us)
            if 0 <= sample.percent <= 100:
                by_pid.setdefault(sample.pid, []).append(sample.percent)
        return {pid: sum(seen) / len(seen) for pid, seen in by_pid.items()}

    def _memory(
        self,
        held: tuple[NvmlMemory | None, str | None],
        unified: bool,
        system: Memory,
        processes: tuple[GpuProcess, ...],
    ) -> DeviceMemory:
        if unified:
            return unified_memory(system, processes)
        answer, reason = held
        if answer is None or not 0 < answer.total <= MAX_BYTES:
            return DeviceMemory(reason=reason or tr("the driver gives no size"))
        if self.slices:
            return DeviceMemory(
                dedicated_total_bytes=answer.total,
                dedicated_used_bytes=answer.used,
                dedicated_total_source="nvml",
                reason=tr("divided among its slices"),
            )
        return _dedicated(answer, processes)

    def _messages(self) -> tuple[str, ...]:
        said = []
        if self._virtual:
            said.append(tr("This is a share of a GPU that a hypervisor hands to this computer (vGPU)."))
        if self.slices is not None:
            said.append(
                tr("The card is split into slices (MIG): {n} listed.", n=len(self.slices))
                if self.slices
                else tr("The card is split into slices (MIG): none could be listed.")
            )
        return tuple(said)


def unified_memory(system: Memory, processes: tuple[GpuProcess, ...] = ()) -> DeviceMemory:
    """One pool with the processor: size and room are the system's (the driver's own figure under-reports)."""
    return DeviceMemory(
        unified=True,
        shared_total_bytes=system.total_bytes,
        shared_available_bytes=system.available_bytes,
        llm_total_bytes=system.total_bytes,
        llm_available_bytes=system.llm_available_bytes,
        server_holds_bytes=server_holds(processes),
        reason=system.reason,
    )


def _dedicated(answer: NvmlMemory, processes: tuple[GpuProcess, ...]) -> DeviceMemory:
    total = answer.total
    free = min(answer.free, total) if answer.free >= 0 else None
    used = answer.used if answer.used is not None and 0 <= answer.used <= total else None
    return DeviceMemory(
        dedicated_total_bytes=total,
        dedicated_total_source="nvml",
        dedicated_used_bytes=used,
        llm_total_bytes=total,
        llm_available_bytes=free,
        server_holds_bytes=server_holds(processes),
        reason=None if used is not None else tr("this driver counts its own reserve as used"),
    )
