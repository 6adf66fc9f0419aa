"""The GPU of an Apple chip and the power of its parts. The bindings come in, so rules can be tested."""

from dataclasses import dataclass, replace

from wattlight.domain.power import measured
from wattlight.domain.values import Device, DeviceMemory, DeviceSample, Quality, Scope, figure_of
from wattlight.i18n import marked, tr

from ..numbers import Moment, credible_watts, percent_of
from ..probe import Probe
from ..report import CpuPower, Memory, energy_zone
from .energy import ChipEnergy, IOReport, chip_energy
from .foundation import estimated_working_set
from .registry import GPU_CLASS, AdapterInput, DeviceRegistry, Smc

WINDOW_S = 2.2
"""The counters in mJ are published about once a second, unevenly: a shorter window shows 0 and spikes."""
_LONGEST_WINDOW_S = 120.0
_CHIP_LIMIT_W = 400.0
NO_COUNTERS = marked("macOS shows no energy counters here (a virtual machine has none)")


def no_use() -> str:
    return tr("macOS does not tell which program uses the GPU")


FIRST = "needs a second reading"
SOURCE = "IOReport Energy Model"


@dataclass(frozen=True, slots=True)
class ChipPower:
    """Watts of the last window, and joules since the start of the program."""

    cpu_w: float | None = None
    gpu_w: float | None = None
    ane_w: float | None = None
    dram_w: float | None = None
    gpu_j: float = 0.0
    cpu_j: float = 0.0
    reason: str | None = FIRST


class AppleEnergy:
    """Watts from the channels, over windows of at least :data:`WINDOW_S`."""

    def __init__(self, counters: IOReport | None) -> None:
        self._counters = counters
        self._last: Moment | None = None
        self._now = ChipPower(reason=FIRST if counters else NO_COUNTERS)

    def look(self, now: Moment) -> ChipPower:
        """The power of the last full window; asked anew only when one has passed."""
        if self._counters is None:
            return self._now
        last = self._last
        if last is not None and now.monotonic_s - last.monotonic_s < WINDOW_S and last.epoch == now.epoch:
            return self._now
        energy = chip_energy(self._counters.changes())
        self._last = now
        if last is None:
            return self._now
        span_s = now.monotonic_s - last.monotonic_s
        if last.epoch != now.epoch or span_s > _LONGEST_WINDOW_S:
            self._now = ChipPower(gpu_j=self._now.gpu_j, cpu_j=self._now.cpu_j)
            return self._now
        self._now = self._power(energy, span_s)
        return self._now

    def _power(self, energy: ChipEnergy, span_s: float) -> ChipPower:
        cpu_w, gpu_w, ane_w, dram_w = (
            None if joules is None else credible_watts(joules / span_s, _CHIP_LIMIT_W)
            for joules in (energy.cpu_j, energy.gpu_j, energy.ane_j, energy.dram_j)
        )
        return ChipPower(
            cpu_w=cpu_w,
            gpu_w=gpu_w,
            ane_w=ane_w,
            dram_w=dram_w,
            gpu_j=self._now.gpu_j + ((energy.gpu_j or 0) if gpu_w is not None else 0),
            cpu_j=self._now.cpu_j + ((energy.cpu_j or 0) if cpu_w is not None else 0),
            reason=None,
        )


class AppleGpu(Probe):
    """The chip's GPU; memory is one pool with the processor, limited by Metal."""

    key = "apple"

    def __init__(
        self,
        name: str,
        energy: AppleEnergy,
        registry: DeviceRegistry | None,
        working_set: int | None,
        ram: int | None,
    ) -> None:
        self._energy, self._registry = energy, registry
        self._limit = working_set
        self._estimated = working_set is None and ram is not None
        if self._limit is None and ram is not None:
            self._limit = estimated_working_set(ram)
        self._device = Device(
            "apple:gpu",
            name,
            "metal",
            integrated=True,
            vendor="apple",
            driver="agx",
            name_source="machdep.cpu.brand_string",
        )

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        power = self._energy.look(now)
        used, busy = self._statistics()
        guess = (tr("Metal does not answer: its memory limit is estimated from the computer's memory."),)
        reason = power.reason or tr("the GPU counted nothing")
        row = DeviceSample(
            self._device,
            measured(power.gpu_w, "IOReport GPU Energy", Scope.CHIP, Quality.COUNTER, reason),
            figure_of(busy, "AGXAccelerator statistics", tr("macOS does not report the load here")),
            memory=self._memory(memory, used),
            power_scope="gpu only" if power.gpu_w is not None else None,
            counter_mj=round(power.gpu_j * 1000) if power.gpu_j else None,
            counter_epoch="ioreport" if power.gpu_j else "",
            processes_reason=no_use(),
            messages=guess if self._estimated else (),
        )
        return (row,)

    def _statistics(self) -> tuple[int | None, float | None]:
        if self._registry is None:
            return None, None
        found = self._registry.properties(GPU_CLASS, ("PerformanceStatistics",)).get("PerformanceStatistics")
        if not isinstance(found, dict):
            return None, None
        used, busy = found.get("In use system memory"), found.get("Device Utilization %")
        known = isinstance(used, int) and 0 < used < 1 << 45
        return used if known else None, percent_of(busy) if isinstance(busy, int | float) else None

    def _memory(self, system: Memory, used: int | None) -> DeviceMemory:
        room = None
        if self._limit is not None and system.available_bytes is not None:
            room = min(self._limit, system.available_bytes)
        return DeviceMemory(
            unified=True,
            shared_total_bytes=system.total_bytes,
            shared_used_bytes=used,
            shared_available_bytes=system.available_bytes,
            llm_total_bytes=self._limit,
            llm_available_bytes=room,
            reason=None
            if self._limit is not None
            else tr("neither Metal nor the system says how much there is"),
        )


def chip_power(now: Moment, energy: AppleEnergy, system: Smc | AdapterInput | None) -> CpuPower:
    """Processor, memory, neural engine, and the whole Mac where the controller tells it.

    A system figure below the sum of the chip's parts is wrong (seen on old models) and left out.
    """
    power = energy.look(now)
    whole = system.watts() if system else None
    parts = sum(w for w in (power.cpu_w, power.gpu_w, power.ane_w) if w is not None)
    if whole is not None and whole < parts:
        whole = None
    reason = power.reason or tr("the processor counted nothing")
    counted = round(power.cpu_j * 1000) or None
    zones = [energy_zone("apple:cpu", "cpu", power.cpu_w, counted, 1e-3, Scope.CHIP, SOURCE, reason)]
    for key, label, watts, scope in (
        ("apple:ane", "ane", power.ane_w, Scope.CHIP),
        ("apple:dram", "dram", power.dram_w, Scope.CHIP),
        ("mac:system", "mac", whole, Scope.SYSTEM),
    ):
        if watts is not None:
            zones.append(energy_zone(key, label, watts, None, 1e-3, scope, SOURCE, None))
    package = measured(power.cpu_w, SOURCE, Scope.CHIP, Quality.COUNTER, reason)
    return CpuPower(
        replace(package, source=SOURCE),
        dram_w=power.dram_w,
        psys_w=whole,
        scope="CPU" if power.cpu_w is not None else None,
        zones=tuple(zones),
    )
