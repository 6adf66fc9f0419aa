"""Intel GPUs on Linux (i915 and xe). One part per device."""

import re
from dataclasses import replace

from wattlight.domain.values import GpuProcess, Quality, Scope
from wattlight.i18n import tr

from ..device_table import name_of
from ..numbers import MAX_DEVICE_W, CounterRate, Moment, ShareRate, again_whole, read_whole, watts_of
from ..nvidia.session import RESUMING
from ..part import Machine, Part, remember, resting_row
from ..report import Accelerator, AcceleratorMemory, Memory
from .fdinfo import ProcessesOnDevices
from .hwmon import GONE, Hwmon, degrees, find_hwmon
from .intel_memory import CardMemory, card_memory
from .pci import ASLEEP, DRM_FOLDER, Adapter, SleepGate

VENDOR_ID = 0x8086
_INTEGRATED_SLOT = "0000:00:02.0"
_MICRO_J = 1e-6
_ERROR = 0.10
IN_PACKAGE = "part of the processor package: the GPU has no power sensor of its own"
NO_SENSOR = "this driver reports no energy counter for the GPU (Linux 6.2 or newer does for cards)"
RESERVED = "This GPU is reserved for a virtual machine (vfio)."
NO_DRIVER = "No driver is loaded for this GPU."
NOT_OPENED = "the size is asked through /dev/dri/{node}, which this user may not open (group render)"
NO_SIZE = "the driver does not say how much memory the card has"


class IntelGpu:
    """One Intel GPU: a card, or the processor's graphics."""

    def __init__(self, machine: Machine, adapter: Adapter, held: ProcessesOnDevices) -> None:
        self.key = f"intel {adapter.slot}"
        self.signature: tuple[object, ...] = adapter.identity
        self._machine, self._reader, self._adapter, self._held = machine, machine.reader, adapter, held
        self._gate = SleepGate(machine.reader, adapter)
        self._integrated = adapter.slot == _INTEGRATED_SLOT
        self._prepared = -1
        self._stale = False
        self._hwmon: Hwmon | None = None
        self._channels: list[tuple[str, str, CounterRate]] = []
        self._idle: list[tuple[str, ShareRate]] = []
        self._idle_source = ""
        self._size: CardMemory | None = None
        self._size_reason: str | None = None
        self._limit_w: float | None = None
        name, source = name_of(machine.reader, adapter, not self._integrated)
        self._base = Accelerator(
            id=adapter.id,
            vendor="intel",
            name=name,
            name_source=source,
            kind="integrated" if self._integrated else "discrete",
            state="active",
            driver=adapter.driver or None,
            pci_id=adapter.pci_id,
            backend="vulkan",
        )

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """The device's row."""
        if self._adapter.driver not in {"xe", "i915"}:
            said = RESERVED if self._adapter.driver == "vfio-pci" else NO_DRIVER
            row = self._rest("unavailable" if said == RESERVED else "active", said)
            return (replace(row, usable=False, messages=(said,)),)
        word = self._gate.status()
        if word != "awake":
            asleep = word == "asleep"
            return (self._rest("asleep" if asleep else "active", ASLEEP if asleep else RESUMING),)
        row = self._read(now)
        remember(row, self._machine.cache)
        return (row,)

    def engine_started(self) -> None:
        """Files need no letting go."""

    def close(self) -> None:
        """Nothing of its own is open."""

    def _rest(self, state: str, reason: str) -> Accelerator:
        row = resting_row(self._base, state, reason, self._machine.cache)
        if not self._integrated:
            return row
        return replace(row, memory=AcceleratorMemory(unified=True, reason=reason))

    def _prepare(self) -> None:
        """What is read once, at the first look at the awake device, and again when its sensors have moved."""
        self._prepared, self._stale = self._reader.generation, False
        rates = {label: rate for label, _, rate in self._channels}
        self._hwmon = find_hwmon(self._reader, self._adapter.folder, ("xe", "i915"))
        self._limit_w = self._power_limit()
        ceiling_w = MAX_DEVICE_W if self._limit_w is None else 1.5 * self._limit_w
        if self._hwmon:
            found = [(self._hwmon.labels[key], key) for key in self._hwmon.of_kind("energy")]
            found.sort(key=lambda item: {"card": 0, "": 1, "pkg": 2}.get(item[0], 3))
            self._channels = [
                (label, key, rates.get(label) or CounterRate(_MICRO_J, ceiling_w=ceiling_w))
                for label, key in found
                if label in {"card", "", "pkg"}
            ]
        shares = [rate for _, rate in self._idle]
        paths = self._idle_paths()
        if len(shares) != len(paths):
            shares = [ShareRate() for _ in paths]
        self._idle = list(zip(paths, shares, strict=True))
        if not self._integrated and self._size is None:
            try:
                self._size = card_memory(self._reader, self._adapter)
                self._size_reason = None if self._size else NO_SIZE
            except OSError:
                self._size_reason = NOT_OPENED.format(node=self._adapter.render)

    def _read(self, now: Moment) -> Accelerator:
        if self._prepared != self._reader.generation or self._stale:
            self._prepare()
        power, channel, counts, reason = self._power(now)
        busy = self._busy(now)
        heat, label = self._heat(("pkg", ""))
        processes = self._held.on(self._adapter.slot, now.monotonic_s)
        board = channel is not None and channel[0] != "pkg"
        scope_text = "gpu board" if board else "gpu package"
        return replace(
            self._base,
            memory=self._memory(processes),
            power_w=power,
            power_source=_source(channel) if power is not None else None,
            power_scope=scope_text if power is not None else None,
            power_reason=reason,
            scope=(Scope.BOARD if board else Scope.CHIP) if counts is not None else None,
            quality=Quality.COUNTER if counts is not None else None,
            error_fraction=_ERROR if power is not None else None,
            power_limit_w=self._limit_w,
            counter_mj=None if counts is None else counts // 1000,
            counter_epoch=f"{self._adapter.driver} {channel[1]}" if channel and counts is not None else "",
            utilization_pct=busy,
            utilization_source=self._idle_source if busy is not None else None,
            utilization_reason=None if busy is not None else self._no_load(),
            temperature_c=heat,
            temperature_label=label,
            memory_temperature_c=self._heat(("vram",), "vram")[0],
            fan_rpm=self._fan(),
            processes=processes,
            processes_reason=self._held.reason,
        )

    def _power(self, now: Moment) -> tuple[float | None, tuple[str, str] | None, int | None, str | None]:
        """Watts, (label, sensor), the counter and the reason; the card's channel, else the package's.

        The channels have origins of their own and are never combined. One that stands at 0 or still while
        the other moves is broken (seen on real cards) and passed over.
        """
        if not self._channels:
            return None, None, None, IN_PACKAGE if self._integrated else NO_SENSOR
        read = []
        for label, key, rate in self._channels:
            try:
                counts = (
                    again_whole(self._reader, f"{self._hwmon.folder}/{key}_input") if self._hwmon else None
                )
            except OSError as error:
                self._stale = error.errno in GONE
                counts = None
            counts = counts or None
            read.append((rate.watts(counts, now), (label, key), counts, rate.reason))
        for watts, name, counts, _ in read:
            if watts is not None:
                return watts, name, counts, None
        for watts, name, counts, reason in read:
            if counts is not None:
                return watts, name, counts, reason
        return None, None, None, "the energy counter cannot be read"

    def _busy(self, now: Moment) -> float | None:
        shares = []
        for path, rate in self._idle:
            try:
                idle_ms = again_whole(self._reader, path)
            except OSError:
                continue
            share = rate.busy_percent(idle_ms, now)
            if share is not None:
                shares.append(share)
        return max(shares) if shares else None

    def _no_load(self) -> str:
        return "needs a second reading" if self._idle else "this driver does not report the load to users"

    def _idle_paths(self) -> list[str]:
        """Idle-time counters of the render engines (the media engine, ``gt1``, is left out)."""
        folder = self._adapter.folder
        if self._adapter.driver == "xe":
            self._idle_source = "gtidle residency (estimate)"
            found = []
            for tile in self._reader.listdir(folder):
                if re.fullmatch(r"tile[0-9]+", tile):
                    for gt in self._reader.listdir(f"{folder}/{tile}"):
                        base = f"{folder}/{tile}/{gt}/gtidle"
                        name = self._reader.text(f"{base}/name") or ""
                        if re.fullmatch(r"gt[0-9]+", gt) and (
                            name.endswith("-rc") or (not name and gt == "gt0")
                        ):
                            found.append(f"{base}/idle_residency_ms")
            return [path for path in found if self._reader.exists(path)]
        self._idle_source = "rc6 residency (estimate)"
        card = f"{DRM_FOLDER}/{self._adapter.card}"
        choices = (
            f"{card}/gt/gt0/rc6_residency_ms",
            f"{folder}/gt/gt0/rc6_residency_ms",
            f"{card}/power/rc6_residency_ms",
        )
        return [path for path in choices if self._reader.exists(path)][:1]

    def _heat(self, labels: tuple[str, ...], prefix: str | None = None) -> tuple[float | None, str | None]:
        """The first temperature with one of these labels, else the hottest whose label has the prefix."""
        if self._hwmon is None:
            return None, None
        for label in labels:
            sensor = self._hwmon.labelled("temp", label)
            value = self._degrees(sensor)
            if value is not None:
                return value, label or "gpu"
        if prefix is None:
            return None, None
        known = [key for key in self._hwmon.of_kind("temp") if self._hwmon.labels[key].startswith(prefix)]
        values = [value for key in known if (value := self._degrees(key)) is not None]
        return (max(values), prefix) if values else (None, None)

    def _degrees(self, sensor: str | None) -> float | None:
        try:
            return degrees(self._reader, self._hwmon, sensor)
        except OSError:
            return None

    def _fan(self) -> int | None:
        """The fastest fan; 0 is a header without one."""
        speeds = []
        for key in self._hwmon.of_kind("fan") if self._hwmon else ():
            try:
                path = self._hwmon.path(f"{key}_input") if self._hwmon else None
                speeds.append(again_whole(self._reader, path, 1, 20_000) if path else None)
            except OSError:
                continue
        return max((speed for speed in speeds if speed is not None), default=None)

    def _power_limit(self) -> float | None:
        for name in ("power1_cap", "power1_max", "power2_cap", "power2_max", "power1_rated_max"):
            path = self._hwmon.path(name) if self._hwmon else None
            value = watts_of(read_whole(self._reader, path)) if path else None
            if value is not None:
                return value
        return None

    def _memory(self, processes: tuple[GpuProcess, ...]) -> AcceleratorMemory:
        if self._integrated:
            return AcceleratorMemory(
                unified=True, reason=tr("it shares the computer's memory and states no limit of its own")
            )
        sizes = [p.memory_bytes for p in processes if p.memory_bytes is not None]
        ours = [p.memory_bytes for p in processes if p.is_server and p.memory_bytes is not None]
        if self._size is None:
            row = resting_row(self._base, "active", self._size_reason or NO_SIZE, self._machine.cache)
            return replace(row.memory, dedicated_used_lower_bound_bytes=sum(sizes) if sizes else None)
        used = self._size.used
        return AcceleratorMemory(
            dedicated_total_bytes=self._size.total,
            dedicated_total_source=self._size.source,
            dedicated_used_bytes=used,
            dedicated_used_lower_bound_bytes=sum(sizes) if sizes else None,
            llm_total_bytes=self._size.total,
            llm_available_bytes=None if used is None else self._size.total - used,
            server_holds_bytes=sum(ours) if ours else None,
            reason=None if used is not None else tr("the kernel hides what other users' programs hold"),
        )


def _source(channel: tuple[str, str] | None) -> str | None:
    if channel is None:
        return None
    label, key = channel
    return f"hwmon {key}_input ({label})" if label else f"hwmon {key}_input"


def find(machine: Machine) -> list[Part]:
    """The Intel parts of this machine."""
    found = [a for a in machine.adapters if a.vendor_id == VENDOR_ID and a.slot and a.class_id >> 16 == 0x03]
    held = ProcessesOnDevices(machine.reader)
    return [IntelGpu(machine, adapter, held) for adapter in found]
