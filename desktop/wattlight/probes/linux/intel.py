"""Intel GPUs on Linux (i915 and xe). One probe per device."""

import re
from dataclasses import replace

from wattlight.domain.power import measured
from wattlight.domain.values import (
    DeviceMemory,
    DeviceSample,
    Figure,
    GpuProcess,
    Quality,
    Scope,
    figure_of,
    unknown,
)
from wattlight.i18n import marked, tr

from ..numbers import (
    MAX_DEVICE_W,
    CounterRate,
    Moment,
    ShareRate,
    again_whole,
    celsius_of,
    read_whole,
    watts_of,
)
from ..probe import Probe, ProbeContext, server_holds
from ..report import Memory
from .card import GONE, LinuxGpu
from .intel_memory import CardMemory, card_memory
from .pci import DRM_FOLDER, Adapter

VENDOR_ID = 0x8086
_INTEGRATED_SLOT = "0000:00:02.0"
_MICRO_J = 1e-6
IN_PACKAGE = marked("part of the processor package: the GPU has no power sensor of its own")
NO_SENSOR = marked("this driver reports no energy counter for the GPU (Linux 6.2 or newer does for cards)")
NOT_OPENED = marked("the size is asked through /dev/dri/{node}, which this user may not open (group render)")
NO_SIZE = marked("the driver does not say how much memory the card has")


class IntelGpu(LinuxGpu):
    """One Intel GPU: a card, or the processor's graphics."""

    vendor = "intel"
    drivers = ("xe", "i915")

    def __init__(self, context: ProbeContext, adapter: Adapter) -> None:
        super().__init__(context, adapter, adapter.slot == _INTEGRATED_SLOT)
        self._channels: list[tuple[str, str, CounterRate]] = []
        self._idle: list[tuple[str, ShareRate]] = []
        self._idle_source = ""
        self._size: CardMemory | None = None
        self._size_reason: str | None = None

    def _rest(self, state: str, reason: str) -> DeviceSample:
        row = super()._rest(state, reason)
        return (
            replace(row, memory=DeviceMemory(unified=True, reason=reason)) if self._device.integrated else row
        )

    def _prepare(self) -> None:
        rates = {label: rate for label, _, rate in self._channels}
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
        if not self._device.integrated and self._size is None:
            try:
                self._size = card_memory(self._reader, self._adapter)
                self._size_reason = None if self._size else NO_SIZE
            except OSError:
                self._size_reason = tr(NOT_OPENED, node=self._adapter.render)

    def _read(self, now: Moment, memory: Memory) -> DeviceSample:
        power, sensor, counts = self._power(now)
        heat = [(c, label or "gpu") for label in ("pkg", "") if (c := self._degrees(label)) is not None]
        celsius, heat_label = heat[0] if heat else (None, None)
        held = self._context.held
        processes = held.on(self._adapter.slot, now.monotonic_s)
        board = power.scope is Scope.BOARD
        return DeviceSample(
            self._device,
            power,
            self._load(now),
            memory=self._memory(processes),
            power_scope=("gpu board" if board else "gpu package") if power.value is not None else None,
            limit_w=self._limit_w,
            counter_mj=None if counts is None else counts // 1000,
            counter_epoch=f"{self._adapter.driver} {sensor}" if counts is not None else "",
            temperature_c=celsius,
            temperature_label=heat_label,
            memory_temperature_c=self._hottest_memory(),
            fan_rpm=self._fan(),
            processes=processes,
            processes_reason=held.reason,
        )

    def _power(self, now: Moment) -> tuple[Figure, str, int | None]:
        """Watts, the sensor and its counter: the card's channel, else the package's.

        The channels have origins of their own and are never combined. One that stands at 0 or still while
        the other moves is broken (seen on real cards) and passed over.
        """
        if not self._channels:
            return unknown(IN_PACKAGE if self._device.integrated else NO_SENSOR), "", None
        read = []
        for label, key, rate in self._channels:
            try:
                counts = again_whole(self._reader, self._path(f"{key}_input") or "") or None
            except OSError as error:
                self._stale = error.errno in GONE
                counts = None
            read.append((rate.watts(counts, now), label, key, counts, rate.reason))
        read.sort(key=lambda channel: (channel[0] is None, channel[3] is None))
        watts, label, key, counts, reason = read[0]
        if counts is None:
            return unknown(tr("the energy counter cannot be read")), "", None
        source = f"hwmon {key}_input ({label})" if label else f"hwmon {key}_input"
        scope = Scope.CHIP if label == "pkg" else Scope.BOARD
        return measured(watts, source, scope, Quality.COUNTER, reason, counted=True), key, counts

    def _load(self, now: Moment) -> Figure:
        shares = []
        for path, rate in self._idle:
            try:
                idle_ms = again_whole(self._reader, path)
            except OSError:
                continue
            share = rate.busy_percent(idle_ms, now)
            if share is not None:
                shares.append(share)
        reason = (
            "needs a second reading" if self._idle else tr("this driver does not report the load to users")
        )
        return figure_of(max(shares) if shares else None, self._idle_source, reason)

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

    def _hottest_memory(self) -> float | None:
        labels = self._hwmon.labels if self._hwmon else {}
        sensors = [
            key for key, label in labels.items() if key.startswith("temp") and label.startswith("vram")
        ]
        heat = (celsius_of(self._sensor(f"{key}_input", -300_000, 300_000)) for key in sensors)
        return max((celsius for celsius in heat if celsius is not None), default=None)

    def _fan(self) -> int | None:
        """The fastest fan; 0 is a header without one."""
        fans = self._hwmon.of_kind("fan") if self._hwmon else []
        speeds = (self._sensor(f"{key}_input", 1, 20_000) for key in fans)
        return max((speed for speed in speeds if speed is not None), default=None)

    def _power_limit(self) -> float | None:
        for name in ("power1_cap", "power1_max", "power2_cap", "power2_max", "power1_rated_max"):
            path = self._path(name)
            value = watts_of(read_whole(self._reader, path)) if path else None
            if value is not None:
                return value
        return None

    def _memory(self, processes: tuple[GpuProcess, ...]) -> DeviceMemory:
        if self._device.integrated:
            return DeviceMemory(
                unified=True, reason=tr("it shares the computer's memory and states no limit of its own")
            )
        sizes = [p.memory_bytes for p in processes if p.memory_bytes is not None]
        bound = sum(sizes) if sizes else None
        if self._size is None:
            row = self._rest("active", self._size_reason or NO_SIZE)
            return replace(row.memory, dedicated_used_lower_bound_bytes=bound)
        used = self._size.used
        return DeviceMemory(
            dedicated_total_bytes=self._size.total,
            dedicated_total_source=self._size.source,
            dedicated_used_bytes=used,
            dedicated_used_lower_bound_bytes=bound,
            llm_total_bytes=self._size.total,
            llm_available_bytes=None if used is None else self._size.total - used,
            server_holds_bytes=server_holds(processes),
            reason=None if used is not None else tr("the kernel hides what other users' programs hold"),
        )


def find(context: ProbeContext) -> list[Probe]:
    found = (a for a in context.adapters if a.vendor_id == VENDOR_ID and a.slot and a.class_id >> 16 == 0x03)
    return [IntelGpu(context, adapter) for adapter in found]
