"""Whether an AMD GPU is a card of its own or part of the processor, without root and without waking it."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace

from wattlight.domain.values import GpuProcess, Quality, Scope, clean_text
from wattlight.i18n import tr

from ..device_table import name_of
from ..numbers import MAX_BYTES, Moment, again_whole, percent_of, read_whole, watts_of
from ..nvidia.session import RESUMING
from ..part import Machine, Part, remember, resting_row
from ..report import Accelerator, AcceleratorMemory, Memory
from .amd_metrics import Metrics, gfx_targets, parse_metrics
from .fdinfo import ProcessesOnDevices
from .hwmon import GONE, Hwmon, degrees, find_hwmon
from .pci import ASLEEP, Adapter, SleepGate

_GIB = 1 << 30
APU_IDS = frozenset(
    {0x15DD, 0x15D8, 0x1636, 0x1638, 0x164C, 0x15E7, 0x163F, 0x1506, 0x1681, 0x164E}
    | {0x15BF, 0x15C8, 0x1900, 0x1901, 0x150E, 0x1586, 0x1114, 0x13C0}
)
"""Graphics of processors by PCI id (Raven to Strix Halo, Raphael, Granite Ridge)."""


def is_integrated(machine: Machine, adapter: Adapter, hwmon: Hwmon | None) -> bool:
    """True for an APU's graphics.

    ``hwmon`` None: the device is not to be opened (or has no sensors); then only names and ids decide. No
    single sign is sure: some cards lack ``mem_info_vram_vendor``, a large carve-out defeats the size rule.
    """
    if adapter.device_id in APU_IDS:
        return True
    reader, folder = machine.reader, adapter.folder
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
    return "radeon" in (machine.environment.cpu_name or "").lower() and bool(hwmon.labelled("temp", "edge"))


Number = Callable[[str, int, int], int | None]


def amd_memory(
    number: Number, integrated: bool, system: Memory, processes: tuple[GpuProcess, ...]
) -> AcceleratorMemory:
    """The memory by amdgpu's counters. ``number(file, low, high)`` reads one of them.

    A card's budget is its own memory alone (GTT is system memory it spills to). An APU's pool is carve-out
    plus GTT; its GTT pages are system memory, so the room is the smaller of what the driver has left and what
    the carve-out and the system have left after the reserve.
    """
    total = number("mem_info_vram_total", 1, MAX_BYTES)
    used = _within(number("mem_info_vram_used", 0, MAX_BYTES), total)
    shared = number("mem_info_gtt_total", 1, MAX_BYTES)
    shared_used = _within(number("mem_info_gtt_used", 0, MAX_BYTES), shared)
    ours = [p.memory_bytes for p in processes if p.is_server and p.memory_bytes is not None]
    if integrated:
        llm_total, room = _pool(total, used, shared, shared_used, system)
    else:
        llm_total = total
        room = None if total is None or used is None else total - used
    return AcceleratorMemory(
        unified=integrated,
        dedicated_total_bytes=total,
        dedicated_total_source="mem_info_vram_total" if total is not None else None,
        dedicated_used_bytes=used,
        shared_total_bytes=shared,
        shared_used_bytes=shared_used,
        llm_total_bytes=llm_total,
        llm_available_bytes=room,
        server_holds_bytes=sum(ours) if ours else None,
        reason=None
        if total is not None
        else tr("the driver does not report memory (Linux 5.1 or newer does)"),
    )


def _pool(
    total: int | None, used: int | None, shared: int | None, shared_used: int | None, system: Memory
) -> tuple[int | None, int | None]:
    if total is None or shared is None:
        return None, None
    if used is None or shared_used is None:
        return total + shared, None
    left = total + shared - used - shared_used
    if system.available_bytes is None:
        return total + shared, None
    in_system = max(0, system.available_bytes - (system.reserve_bytes or 0))
    return total + shared, max(0, min(left, total - used + in_system))


def _within(value: int | None, total: int | None) -> int | None:
    return None if value is None or total is None or value > total else value


VENDOR_ID = 0x1002
SETTLE_S = 15.0
"""After a resume the first power sample stays latched high for 9-15 s."""
SETTLING = "just woke up: its power reading needs 15 seconds to settle"


def no_rocm() -> str:
    return tr("ROCm is not usable by this user (join the group render); Vulkan may still work.")


OLD_DRIVER = "The old radeon driver reports neither memory nor power for this GPU."
RESERVED = "This GPU is reserved for a virtual machine (vfio)."
NO_DRIVER = "No driver is loaded for this GPU."
_ERROR = 0.10
_ASLEEP_ERRORS = {errno.EPERM, errno.EBUSY}
"""What a suspended card answers on current kernels; it does not mean missing rights."""


class _Asleep(Exception):
    """The card answered that it sleeps."""


class AmdCard:
    """One AMD GPU."""

    def __init__(self, machine: Machine, adapter: Adapter, gfx: str | None, held: ProcessesOnDevices) -> None:
        self.key = f"amd {adapter.slot}"
        self.signature: tuple[object, ...] = adapter.identity
        self._machine, self._reader, self._adapter, self._held = machine, machine.reader, adapter, held
        self._gate = SleepGate(machine.reader, adapter)
        self._hwmon: Hwmon | None = None
        self._prepared = -1
        self._stale = False
        self._integrated = is_integrated(machine, adapter, None)
        self._settle_until_s = float("-inf")
        self._slept = False
        self._limit_w: float | None = None
        self._files: dict[str, bool] = {}
        name, source = name_of(machine.reader, adapter, not self._integrated)
        self._base = Accelerator(
            id=adapter.id,
            vendor="amd",
            name=name,
            name_source=source,
            kind="integrated" if self._integrated else "discrete",
            state="active",
            driver=adapter.driver or None,
            pci_id=adapter.pci_id,
            backend="rocm" if gfx else "vulkan",
            gfx_target=gfx,
        )

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """The card's row."""
        if self._adapter.driver != "amdgpu":
            said = {"radeon": OLD_DRIVER, "vfio-pci": RESERVED}.get(self._adapter.driver, NO_DRIVER)
            row = self._rest("unavailable" if said == RESERVED else "active", said)
            return (replace(row, usable=False, messages=(said,)),)
        word = self._gate.status()
        if word == "resuming":
            return (self._rest("active", RESUMING),)
        if word == "asleep":
            return (self._sleeping(),)
        if self._slept:
            self._slept, self._settle_until_s = False, now.monotonic_s + SETTLE_S
        try:
            row = self._read(now, memory)
        except _Asleep:
            return (self._sleeping(),)
        remember(row, self._machine.cache)
        return (row,)

    def engine_started(self) -> None:
        """Files need no letting go."""

    def close(self) -> None:
        """Nothing of its own is open."""

    def _sleeping(self) -> Accelerator:
        self._slept = True
        return self._rest("asleep", ASLEEP)

    def _rest(self, state: str, reason: str) -> Accelerator:
        return resting_row(self._base, state, reason, self._machine.cache)

    def _prepare(self) -> None:
        """What is read once, at the first look at the awake card, and again when its sensors have moved."""
        self._prepared, self._stale = self._reader.generation, False
        self._files.clear()
        self._hwmon = find_hwmon(self._reader, self._adapter.folder, ("amdgpu",))
        self._integrated = is_integrated(self._machine, self._adapter, self._hwmon)
        name, source = name_of(self._reader, self._adapter, not self._integrated)
        product = clean_text(self._reader.text(f"{self._adapter.folder}/product_name") or "")
        if product and not source.startswith("libdrm"):
            name, source = product, "product_name"
        kind = "integrated" if self._integrated else "discrete"
        self._base = replace(self._base, name=name, name_source=source, kind=kind, messages=self._messages())

    def _messages(self) -> tuple[str, ...]:
        if self._reader.live and not os.access("/dev/kfd", os.R_OK | os.W_OK):
            return (no_rocm(),)
        return ()

    def _read(self, now: Moment, memory: Memory) -> Accelerator:
        if self._prepared != self._reader.generation or self._stale:
            self._prepare()
        processes = self._held.on(self._adapter.slot, now.monotonic_s)
        metrics = self._metrics()
        limit = self._power_limit()
        power, source, reason = self._power(limit, metrics, now.monotonic_s)
        busy, busy_source, busy_reason = self._busy(metrics)
        heat = self._heat(metrics)
        return replace(
            self._base,
            memory=amd_memory(self._number, self._integrated, memory, processes),
            power_w=power,
            power_source=source,
            power_scope=self._scope_text() if power is not None else None,
            power_reason=reason,
            scope=(Scope.PACKAGE if self._integrated else Scope.BOARD) if power is not None else None,
            quality=Quality.SAMPLED if power is not None else None,
            error_fraction=_ERROR if power is not None else None,
            power_limit_w=limit,
            gpu_only_w=metrics.gpu_only_w if metrics and self._integrated else None,
            utilization_pct=busy,
            utilization_source=busy_source,
            utilization_reason=busy_reason,
            temperature_c=heat[0],
            temperature_label=heat[1],
            hotspot_c=heat[2],
            memory_temperature_c=heat[3],
            fan_rpm=self._sensor("fan1_input", 0, 20_000),
            processes=processes,
            processes_reason=self._held.reason,
        )

    def _power(
        self, limit: float | None, metrics: Metrics | None, at: float
    ) -> tuple[float | None, str | None, str | None]:
        reason = "this GPU has no power sensor"
        if at < self._settle_until_s:
            return None, None, SETTLING
        for name in ("power1_average", "power1_input"):
            path = self._hwmon.path(name) if self._hwmon else None
            if path is None:
                continue
            try:
                value = watts_of(again_whole(self._reader, path), limit)
            except OSError as error:
                self._stale = error.errno in GONE
                reason = self._denied(error)
                continue
            if value is not None:
                return value, f"hwmon {name}", None
            reason = "implausible reading"
        if metrics and metrics.socket_w is not None:
            return metrics.socket_w, f"gpu_metrics {metrics.version} socket power", None
        return None, None, reason

    def _busy(self, metrics: Metrics | None) -> tuple[float | None, str | None, str | None]:
        reason = "this GPU does not report its load"
        path = f"{self._adapter.folder}/gpu_busy_percent"
        try:
            value = percent_of(again_whole(self._reader, path, 0, 1000))
        except OSError as error:
            value, reason = None, self._denied(error) if error.errno != errno.ENOENT else reason
        if value is not None:
            return value, "gpu_busy_percent", None
        if metrics and metrics.busy_pct is not None:
            return metrics.busy_pct, f"gpu_metrics {metrics.version}", None
        return None, None, reason

    def _heat(self, metrics: Metrics | None) -> tuple[float | None, str | None, float | None, float | None]:
        edge, junction, memory = (self._labelled(label) for label in ("edge", "junction", "mem"))
        if metrics:
            edge = metrics.edge_c if edge is None else edge
            if not self._integrated:
                junction = metrics.hotspot_c if junction is None else junction
                memory = metrics.memory_c if memory is None else memory
        if edge is None and junction is not None:
            return junction, "junction", junction, memory
        return edge, "edge" if edge is not None else None, junction, memory

    def _labelled(self, label: str) -> float | None:
        try:
            found = self._hwmon.labelled("temp", label) if self._hwmon else None
            return degrees(self._reader, self._hwmon, found)
        except OSError:
            return None

    def _metrics(self) -> Metrics | None:
        """The binary table: of an APU always (its graphics share), of a card when a plain file is missing."""
        complete = self._hwmon is not None and ({"power1_average", "power1_input"} & self._hwmon.files)
        if complete and not self._integrated:
            return None
        try:
            return parse_metrics(self._reader.again(f"{self._adapter.folder}/gpu_metrics", 4096))
        except OSError:
            return None

    def _power_limit(self) -> float | None:
        path = self._hwmon.path("power1_cap") if self._hwmon else None
        if path is not None:
            self._limit_w = (
                watts_of(read_whole(self._reader, path)) if self._limit_w is None else self._limit_w
            )
        return self._limit_w

    def _scope_text(self) -> str:
        label = self._hwmon.labels.get("power1", "") if self._hwmon else ""
        if self._integrated:
            return f"whole APU package ({label or 'PPT'}): CPU+GPU"
        return f"gpu board ({label})" if label else "gpu board"

    def _sensor(self, name: str, low: int, high: int) -> int | None:
        path = self._hwmon.path(name) if self._hwmon else None
        try:
            return None if path is None else again_whole(self._reader, path, low, high)
        except OSError:
            return None

    def _number(self, name: str, low: int, high: int) -> int | None:
        """A figure of the device folder at every tick; a file that is not there is not asked for again."""
        path = f"{self._adapter.folder}/{name}"
        if self._files.get(name) is None:
            self._files[name] = self._reader.exists(path)
        if not self._files[name]:
            return None
        try:
            return again_whole(self._reader, path, low, high)
        except OSError:
            return None

    def _denied(self, error: OSError) -> str:
        if error.errno in _ASLEEP_ERRORS:
            raise _Asleep from error
        if error.errno == errno.EACCES:
            return "permission"
        return f"the sensor cannot be read ({clean_text(error.strerror or 'error')})"


def find(machine: Machine) -> list[Part]:
    """The AMD parts of this machine."""
    cards = [a for a in machine.adapters if a.vendor_id == VENDOR_ID and a.slot]
    if not cards:
        return []
    gfx, held = gfx_targets(machine.reader), ProcessesOnDevices(machine.reader)
    return [AmdCard(machine, adapter, gfx.get(adapter.slot), held) for adapter in cards]
