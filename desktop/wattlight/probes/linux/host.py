"""Linux: sysfs and procfs below one reader, live or from a tree."""

from dataclasses import replace

from wattlight.domain.power import Usage
from wattlight.domain.values import clean_text, unknown

from ..environment import Host, linux_environment
from ..numbers import Moment
from ..nvidia import cards, jetson
from ..probe import DeviceCache, NvmlFactory, Probe, ProbeContext, is_ignored, label
from ..reader import Reader
from ..report import Battery, CpuPower, Environment, Memory
from . import amd, intel
from .battery import FOLDER as SUPPLIES
from .battery import LinuxBattery
from .memory import LinuxMemory
from .pci import DRM_FOLDER, PCI_FOLDER, adapters
from .processor import FOLDER as ZONES
from .processor import CpuLoad, EnergyCounters, OtherWork, rapl
from .processor_drivers import HWMON, Gauges, amd_energy, perf
from .usage import LinuxUsage

_FOR_NOW = {
    "needs a second reading",
    "the counter was reset",
    "too long since the last reading",
    "implausible reading",
}
"""A counter that is read, but gives no watts this once, is not left for another source."""
VENDORS = (cards, jetson, amd, intel)


class LinuxHost(Host):
    cpu_may_hang = False

    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> None:
        super().__init__(reader, cache, nvml)
        self.battery_may_hang = False
        self._memory = LinuxMemory(reader)
        self._counters: tuple[EnergyCounters, ...] = ()
        self._gauges: Gauges | None = None
        self._load = CpuLoad(reader)
        self._others = OtherWork(reader, self.servers)
        self._battery: LinuxBattery | None = None
        self._usage: LinuxUsage | None = None
        self._boot: str | None = None

    def name(self) -> str:
        return clean_text(self.reader.text("/proc/sys/kernel/hostname") or "", 80) or "this computer"

    def boot_id(self) -> str:
        if self._boot is None:
            self._boot = self.reader.text("/proc/sys/kernel/random/boot_id") or ""
        return self._boot

    def inventory(self) -> tuple[str, ...]:
        """Names of PCI functions, DRM nodes, supplies, energy zones and sensors."""
        folders = (PCI_FOLDER, DRM_FOLDER, SUPPLIES, ZONES, f"{HWMON}/hwmon")
        return tuple(name for folder in folders for name in self.reader.listdir(folder))

    def context(self) -> ProbeContext:
        """Also what there is of energy zones, sensors and batteries."""
        known = {counters.paths: counters for counters in self._counters}
        found = (make(self.reader) for make in (rapl, perf, amd_energy))
        self._counters = tuple(known.get(counters.paths, counters) for counters in found if counters.there)
        gauges = Gauges(self.reader)
        self._gauges = gauges if gauges.there else None
        self._battery = LinuxBattery(self.reader)
        self.battery_may_hang = self._battery.there
        self._usage = LinuxUsage(self.reader) if self._battery.there else None
        return self._context(self._environment(), tuple(adapters(self.reader)))

    def find(self, context: ProbeContext) -> list[Probe]:
        return [probe for vendor in VENDORS for probe in vendor.find(context)]

    def ignored(self, context: ProbeContext) -> tuple[str, ...]:
        """Adapters of virtual machines and of vendors that no probe looks at."""
        return tuple(label(a) for a in context.adapters if is_ignored(a))

    def memory(self) -> Memory:
        """Memory now, within the limits of this process."""
        return self._memory.look()

    def cpu_power(self, now: Moment) -> CpuPower:
        """One reading, of the surest source that answers: powercap, the same by perf events, the sockets of
        ``amd_energy``, gauges."""
        return replace(self._package(now), others_percent=self._others.percent(now))

    def _package(self, now: Moment) -> CpuPower:
        power = CpuPower(unknown("no powercap"))
        for counters in self._counters:
            found = counters.look(now)
            if found.package.value is not None or found.package.reason in _FOR_NOW:
                return found
            if not power.zones:
                power = found
        return self._gauges.look(power) if self._gauges else power

    def battery(self) -> Battery:
        return self._battery.look() if self._battery else Battery()

    def usage(self, now: Moment, battery: Battery) -> Usage:
        plain = super().usage(now, battery)
        return self._usage.look(now, plain) if self._usage else plain

    def _read_busy(self, now: Moment) -> float | None:
        percent = self._load.percent(now)
        return None if percent is None else percent / 100

    def _environment(self) -> Environment:
        return linux_environment(self.reader)
