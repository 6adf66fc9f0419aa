"""Linux: sysfs and procfs below one reader, live or from a tree."""

from dataclasses import replace

from wattlight.domain.power import estimated_range
from wattlight.domain.values import clean_text

from ..environment import NO_GPU, NvmlMaker, linux_environment
from ..numbers import Moment
from ..part import DeviceCache, Machine, Part, is_ignored, label
from ..prober import LINUX
from ..reader import Reader
from ..report import Accelerator, Battery, CpuPower, Environment, Memory
from .battery import FOLDER as SUPPLIES
from .battery import LinuxBattery
from .memory import LinuxMemory
from .pci import DRM_FOLDER, PCI_FOLDER, adapters
from .processor import FOLDER as ZONES
from .processor import CpuLoad, CpuSensors, Rapl

BATTERY_EVERY_S = 5.0
"""Its gauge moves every 1-30 s, and some firmware takes its time to answer."""


class LinuxHost:
    """The sources of a Linux computer."""

    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlMaker) -> None:
        self.reader = reader
        self.battery_every_s = BATTERY_EVERY_S
        self.cpu_may_hang = False
        self._cache = cache
        self._nvml = nvml
        self._memory = LinuxMemory(reader)
        self._rapl: Rapl | None = None
        self._zones: list[str] = []
        self._cpu_sensors: CpuSensors | None = None
        self._load = CpuLoad(reader)
        self._battery: LinuxBattery | None = None
        self._boot: str | None = None

    @property
    def battery_may_hang(self) -> bool:
        """True where there is a battery."""
        return self._battery is not None and self._battery.there

    def name(self) -> str:
        """The host name."""
        return clean_text(self.reader.text("/proc/sys/kernel/hostname") or "", 80) or "this computer"

    def boot_id(self) -> str:
        """The kernel's boot id."""
        if self._boot is None:
            self._boot = self.reader.text("/proc/sys/kernel/random/boot_id") or ""
        return self._boot

    def inventory(self) -> tuple[str, ...]:
        """Names of PCI functions, DRM nodes, supplies and energy zones."""
        return tuple(
            name
            for folder in (PCI_FOLDER, DRM_FOLDER, SUPPLIES, ZONES)
            for name in self.reader.listdir(folder)
        )

    def machine(self) -> Machine:
        """See :class:`~.system_sources.Host`."""
        zones = self.reader.listdir(ZONES)
        if self._rapl is None or zones != self._zones:
            self._rapl, self._zones = Rapl(self.reader), zones
        self._cpu_sensors = CpuSensors(self.reader)
        self._battery = LinuxBattery(self.reader)
        found = tuple(adapters(self.reader))
        return Machine(self.reader, found, linux_environment(self.reader), self._cache, self._nvml)

    def find(self, machine: Machine) -> list[Part]:
        """See :class:`~.system_sources.Host`."""
        return [part for vendor in LINUX for part in vendor(machine)]

    def ignored(self, machine: Machine) -> tuple[str, ...]:
        """See :class:`~.system_sources.Host`."""
        return tuple(label(a) for a in machine.adapters if is_ignored(a))

    def with_messages(self, machine: Machine, rows: tuple[Accelerator, ...]) -> Environment:
        """See :class:`~.system_sources.Host`."""
        said = () if rows else (NO_GPU,)
        return replace(machine.environment, messages=(*said, *machine.environment.messages))

    def memory(self) -> Memory:
        """See :class:`~.system_sources.Host`."""
        return self._memory.look()

    def cpu_power(self, now: Moment) -> CpuPower:
        """The energy counters; without them the sensors some drivers add, and a range from rated power."""
        power = self._rapl.look(now) if self._rapl else CpuPower(reason="no powercap")
        if power.package_w is not None or power.reason == "needs a second reading":
            return power
        sensed = self._cpu_sensors.look(now, power) if self._cpu_sensors else power
        if sensed.package_w is not None or power.limit_w is None:
            return sensed
        return replace(sensed, estimate_w=estimated_range(power.limit_w, None, self._load.percent(now)))

    def battery(self) -> Battery:
        """See :class:`~.system_sources.Host`."""
        return self._battery.look() if self._battery else Battery()

    def close(self) -> None:
        """Close kept descriptors."""
        self.reader.close()
