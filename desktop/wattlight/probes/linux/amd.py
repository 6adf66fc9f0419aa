"""Whether an AMD GPU is a card of its own or part of the processor, without root and without waking it."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace

from wattlight.domain.power import measured
from wattlight.domain.values import (
    DeviceMemory,
    DeviceSample,
    Figure,
    GpuProcess,
    Quality,
    Scope,
    clean_text,
    figure_of,
    unknown,
)
from wattlight.i18n import gib, marked, tr

from ..device_table import name_of
from ..numbers import MAX_BYTES, Moment, again_whole, percent_of, read_whole, watts_of
from ..probe import Probe, ProbeContext, server_holds
from ..report import Memory
from .amd_metrics import Metrics, gfx_targets, parse_metrics
from .card import GONE, Asleep, Hwmon, LinuxGpu
from .pci import Adapter

_GIB = 1 << 30
APU_IDS = frozenset(
    {0x15DD, 0x15D8, 0x1636, 0x1638, 0x164C, 0x15E7, 0x163F, 0x1506, 0x1681, 0x164E}
    | {0x15BF, 0x15C8, 0x1900, 0x1901, 0x150E, 0x1586, 0x1114, 0x13C0}
)
"""Graphics of processors by PCI id (Raven to Strix Halo, Raphael, Granite Ridge)."""


def is_integrated(context: ProbeContext, adapter: Adapter, hwmon: Hwmon | None) -> bool:
    """True for an APU's graphics.

    ``hwmon`` None: the device is not to be opened (or has no sensors); then only names and ids decide. No
    single sign is sure: some cards lack ``mem_info_vram_vendor``, a large carve-out defeats the size rule.
    """
    if adapter.device_id in APU_IDS:
        return True
    reader, folder = context.reader, adapter.folder
    if hwmon is not None and "vddnb" in hwmon.labels.values():
        return True
    if reader.exists(f"{folder}/mem_info_vram_vendor") or reader.exists(f"{folder}/board_info"):
        return False
    if hwmon is None:
        return False
    if "power1_cap" in hwmon.files or hwmon.labelled("temp", "junction"):
        return False
    vram = read_whole(reader, f"{folder}/mem_info_vram_total", 1)
    gtt = read_whole(reader, f"{folder}/mem_info_gtt_total", 1)
    if vram and gtt and vram <= 4 * _GIB and gtt >= 8 * _GIB and gtt >= 4 * vram:
        return True
    return "radeon" in (context.environment.cpu_name or "").lower() and bool(hwmon.labelled("temp", "edge"))


Number = Callable[[str, int, int], int | None]


def amd_memory(
    number: Number, integrated: bool, system: Memory, processes: tuple[GpuProcess, ...]
) -> DeviceMemory:
    """The memory by amdgpu's counters. ``number(file, low, high)`` reads one of them.

    A card's budget is its own memory alone (GTT is system memory it spills to). An APU's pool is carve-out
    plus GTT; its GTT pages are system memory, so the pool is never more than carve-out and system memory, and
    the room is the smaller of what the driver has left and what the carve-out and the system have left after
    the reserve.
    """
    total = number("mem_info_vram_total", 1, MAX_BYTES)
    used = _within(number("mem_info_vram_used", 0, MAX_BYTES), total)
    shared = number("mem_info_gtt_total", 1, MAX_BYTES)
    shared_used = _within(number("mem_info_gtt_used", 0, MAX_BYTES), shared)
    if integrated:
        llm_total, room = _pool(total, used, shared, shared_used, system)
    else:
        llm_total = total
        room = None if total is None or used is None else total - used
    return DeviceMemory(
        unified=integrated,
        dedicated_total_bytes=total,
        dedicated_total_source="mem_info_vram_total" if total is not None else None,
        dedicated_used_bytes=used,
        shared_total_bytes=shared,
        shared_used_bytes=shared_used,
        llm_total_bytes=llm_total,
        llm_available_bytes=room,
        server_holds_bytes=server_holds(processes),
        reason=_why_unknown(total, llm_total),
    )


def _why_unknown(total: int | None, llm_total: int | None) -> str | None:
    if total is None:
        return tr("the driver does not report memory (Linux 5.1 or newer does)")
    if llm_total is None:
        return tr("its own memory is a small window, and how much it may share is not reported")
    return None


def _pool(
    total: int | None, used: int | None, shared: int | None, shared_used: int | None, system: Memory
) -> tuple[int | None, int | None]:
    if total is None or shared is None:
        return None, None
    pool = total + min(shared, system.host_total_bytes or system.total_bytes or shared)
    if used is None or shared_used is None or system.available_bytes is None:
        return pool, None
    left = pool - used - shared_used
    in_system = max(0, system.available_bytes - (system.reserve_bytes or 0))
    return pool, max(0, min(left, total - used + in_system))


def _within(value: int | None, total: int | None) -> int | None:
    return None if value is None or total is None or value > total else value


def limit_that_is_none(memory: DeviceMemory, system: Memory) -> tuple[str, ...]:
    """A sentence where the driver may map more of the system's memory than there is."""
    shared, there = memory.shared_total_bytes, system.host_total_bytes
    if not memory.unified or shared is None or there is None or shared <= there:
        return ()
    said = tr(
        "The driver's limit on shared memory ({limit}) is above the {there} there are, which count.",
        limit=gib(shared),
        there=gib(there),
    )
    return (said,)


VENDOR_ID = 0x1002
SETTLE_S = 15.0
"""After a resume the first power sample stays latched high for 9-15 s."""
SETTLING = marked("just woke up: its power reading needs 15 seconds to settle")


def no_rocm() -> str:
    return tr("ROCm is not usable by this user (join the group render); Vulkan may still work.")


_ASLEEP_ERRORS = {errno.EPERM, errno.EBUSY}
"""What a suspended card answers on current kernels; it does not mean missing rights."""


class AmdCard(LinuxGpu):
    vendor = "amd"
    drivers = ("amdgpu",)

    def __init__(self, context: ProbeContext, adapter: Adapter, gfx: str | None) -> None:
        super().__init__(context, adapter, is_integrated(context, adapter, None), gfx)
        self._files: dict[str, bool] = {}
        self._messages: tuple[str, ...] = ()

    def _prepare(self) -> None:
        self._files.clear()
        integrated = is_integrated(self._context, self._adapter, self._hwmon)
        name, source = name_of(self._reader, self._adapter, not integrated)
        product = clean_text(self._reader.text(f"{self._adapter.folder}/product_name") or "")
        if product and not source.startswith("libdrm"):
            name, source = product, "product_name"
        self._device = replace(self._device, name=name, name_source=source, integrated=integrated)
        closed = self._reader.live and not os.access("/dev/kfd", os.R_OK | os.W_OK)
        self._messages = (no_rocm(),) if closed else ()

    def _read(self, now: Moment, memory: Memory) -> DeviceSample:
        integrated, held = self._device.integrated, self._context.held
        processes = held.on(self._adapter.slot, now.monotonic_s)
        metrics = self._metrics()
        limit = self._power_limit()
        power = self._power(limit, metrics, now.monotonic_s)
        edge, label, junction, memory_c = self._heat(metrics)
        held_memory = amd_memory(self._number, integrated, memory, processes)
        return DeviceSample(
            self._device,
            power,
            self._load(metrics),
            memory=held_memory,
            power_scope=self._scope_text() if power.value is not None else None,
            limit_w=limit,
            gpu_only_w=metrics.gpu_only_w if metrics and integrated else None,
            temperature_c=edge,
            temperature_label=label,
            hotspot_c=junction,
            memory_temperature_c=memory_c,
            fan_rpm=self._sensor("fan1_input", 0, 20_000),
            processes=processes,
            processes_reason=held.reason,
            messages=(*self._messages, *limit_that_is_none(held_memory, memory)),
        )

    def _power(self, limit: float | None, metrics: Metrics | None, at: float) -> Figure:
        reason = tr("this GPU has no power sensor")
        if at < self._woke_s + SETTLE_S:
            return unknown(SETTLING)
        value, source = None, ""
        for name in ("power1_average", "power1_input"):
            path = self._path(name)
            if path is None or value is not None:
                continue
            try:
                value, source = watts_of(again_whole(self._reader, path), limit), f"hwmon {name}"
                reason = "implausible reading"
            except OSError as error:
                self._stale = error.errno in GONE
                reason = self._denied(error)
        if value is None and metrics:
            value, source = metrics.socket_w, f"gpu_metrics {metrics.version} socket power"
        scope = Scope.PACKAGE if self._device.integrated else Scope.BOARD
        return measured(value, source, scope, Quality.SAMPLED, reason)

    def _load(self, metrics: Metrics | None) -> Figure:
        reason = tr("this GPU does not report its load")
        value, source = None, "gpu_busy_percent"
        try:
            value = percent_of(again_whole(self._reader, f"{self._adapter.folder}/gpu_busy_percent", 0, 1000))
        except OSError as error:
            reason = self._denied(error) if error.errno != errno.ENOENT else reason
        if value is None and metrics:
            value, source = metrics.busy_pct, f"gpu_metrics {metrics.version}"
        return figure_of(value, source, reason)

    def _heat(self, metrics: Metrics | None) -> tuple[float | None, str | None, float | None, float | None]:
        """The card's temperature and which that is, its hottest spot, its memory."""
        edge, junction, memory = (self._degrees(label) for label in ("edge", "junction", "mem"))
        if metrics:
            edge = metrics.edge_c if edge is None else edge
            if not self._device.integrated:
                junction = metrics.hotspot_c if junction is None else junction
                memory = metrics.memory_c if memory is None else memory
        if edge is None and junction is not None:
            return junction, "junction", junction, memory
        return edge, "edge" if edge is not None else None, junction, memory

    def _metrics(self) -> Metrics | None:
        """The binary table: of an APU always (its graphics share), of a card when a plain file is missing."""
        complete = self._hwmon is not None and ({"power1_average", "power1_input"} & self._hwmon.files)
        if complete and not self._device.integrated:
            return None
        try:
            return parse_metrics(self._reader.again(f"{self._adapter.folder}/gpu_metrics", 4096))
        except OSError:
            return None

    def _power_limit(self) -> float | None:
        path = self._path("power1_cap")
        if path is not None and self._limit_w is None:
            self._limit_w = watts_of(read_whole(self._reader, path))
        return self._limit_w

    def _scope_text(self) -> str:
        label = self._hwmon.labels.get("power1", "") if self._hwmon else ""
        if self._device.integrated:
            return f"whole APU package ({label or 'PPT'}): CPU+GPU"
        return f"gpu board ({label})" if label else "gpu board"

    def _number(self, name: str, low: int, high: int) -> int | None:
        """A figure of the device folder at every tick; a file that is not there is not asked for again."""
        path = f"{self._adapter.folder}/{name}"
        if self._files.get(name) is None:
            self._files[name] = self._reader.exists(path)
        try:
            return again_whole(self._reader, path, low, high) if self._files[name] else None
        except OSError:
            return None

    def _denied(self, error: OSError) -> str:
        if error.errno in _ASLEEP_ERRORS:
            raise Asleep from error
        if error.errno == errno.EACCES:
            return "permission"
        return tr("the sensor cannot be read ({error})", error=clean_text(error.strerror or "error"))


def find(context: ProbeContext) -> list[Probe]:
    cards = [a for a in context.adapters if a.vendor_id == VENDOR_ID and a.slot]
    gfx = gfx_targets(context.reader) if cards else {}
    return [AmdCard(context, adapter, gfx.get(adapter.slot)) for adapter in cards]
