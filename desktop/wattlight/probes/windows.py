"""Windows: the system's sources through ctypes, each optional, without rights or a driver of ours."""

import ctypes
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from wattlight.domain.values import Quality, Scope, clean_text

from .memory_cache import DeviceCache
from .part import Machine, Part, Processes
from .rates import CounterRate, Moment
from .reader import Reader
from .report import Accelerator, Battery, CpuPower, EnergyZone, Environment, Memory
from .system_sources import NO_GPU, NvmlMaker
from .windows_adapters import GraphicsKernel
from .windows_battery import read_battery
from .windows_calls import library
from .windows_counters import PerformanceCounters
from .windows_emi import JOULES_PER_COUNT, EnergyMeters
from .windows_gate import DeviceStates
from .windows_gpu import WindowsGpus
from .windows_memory import read_memory

T = TypeVar("T")
NO_METER = "Windows shows no energy meter for the processor (Windows 11 does on most computers)"


class WindowsHost:
    """The sources of a Windows computer."""

    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlMaker) -> None:
        self.reader = reader
        self.battery_every_s = 5.0
        self.cpu_may_hang = True
        self._cache = cache
        self._nvml = nvml
        self._kernel = _try(GraphicsKernel)
        self._counters = _try(PerformanceCounters)
        self._states = _try(DeviceStates)
        self._meters = _try(EnergyMeters)
        self._rates: dict[str, CounterRate] = {}
        self._boot = _boot()

    @property
    def battery_may_hang(self) -> bool:
        """Always possible."""
        return True

    def name(self) -> str:
        """The computer's name."""
        return clean_text(platform.node()) or "this computer"

    def boot_id(self) -> str:
        """When the computer was started, to ten seconds: a change of it is a new start."""
        return self._boot

    def inventory(self) -> tuple[str, ...]:
        """The adapters by address."""
        return tuple(a.slot for a in self._kernel.adapters()) if self._kernel else ()

    def machine(self) -> Machine:
        """The environment; adapters are the part's own here."""
        environment = Environment(
            os="windows",
            kernel=platform.version() or None,
            cpu_name=clean_text(os.environ.get("PROCESSOR_IDENTIFIER", ""), 100) or None,
            cpu_cores=os.cpu_count(),
        )
        return Machine(self.reader, (), environment, self._cache, self._nvml)

    def find(self, machine: Machine) -> list[Part]:
        """One part for all adapters."""
        adapters = self._kernel.adapters() if self._kernel else []
        if not adapters:
            return []
        processes = Processes(self.reader)
        return [WindowsGpus(adapters, self._counters, self._states, self._nvml(), processes, self._cache)]

    def ignored(self, machine: Machine) -> tuple[str, ...]:
        """Software adapters are left out silently."""
        return ()

    def with_messages(self, machine: Machine, rows: tuple[Accelerator, ...]) -> Environment:
        """The environment with what goes with a computer without a GPU."""
        said = () if rows else (NO_GPU,)
        return replace(machine.environment, messages=(*said, *machine.environment.messages))

    def memory(self) -> Memory:
        """Memory now."""
        return read_memory()

    def cpu_power(self, now: Moment) -> CpuPower:
        """The package's power from the energy meters."""
        counts = self._meters.counts() if self._meters else {}
        return package_power(counts, self._rates, now)

    def battery(self) -> Battery:
        """The battery now."""
        return read_battery()

    def close(self) -> None:
        """Close what is open."""
        if self._meters is not None:
            self._meters.close()
        if self._counters is not None:
            self._counters.close()
        self.reader.close()


def package_power(counts: dict[str, int | None], rates: dict[str, CounterRate], now: Moment) -> CpuPower:
    """Power of the processor packages from their counts; ``rates`` is kept by the caller."""
    if not counts:
        return CpuPower(reason=NO_METER)
    zones = []
    for name, count in counts.items():
        rate = rates.setdefault(name, CounterRate(JOULES_PER_COUNT, ceiling_w=1000.0))
        watts = rate.watts(count, now)
        zones.append(
            EnergyZone(
                f"emi:{name}",
                "package",
                watts,
                count,
                None,
                JOULES_PER_COUNT,
                Scope.PACKAGE,
                reason=rate.reason or None,
            )
        )
    known = [zone.power_w for zone in zones if zone.power_w is not None]
    complete = len(known) == len(zones)
    return CpuPower(
        package_w=sum(known) if complete else None,
        source="Windows energy meter (EMI)",
        scope=" + ".join(counts),
        reason=None if complete else next((z.reason for z in zones if z.reason), NO_METER),
        quality=Quality.COUNTER if complete else None,
        zones=tuple(zones),
    )


def _boot() -> str:
    try:
        ticks = library("kernel32").GetTickCount64
        ticks.restype = ctypes.c_uint64
        return f"boot-{round((time.time() - ticks() / 1000) / 10)}"
    except (OSError, AttributeError):
        return ""


def _try(make: Callable[[], T]) -> T | None:
    try:
        return make()
    except (OSError, AttributeError, ValueError):
        return None
