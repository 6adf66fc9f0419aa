"""Other ways to a processor's power on Linux, where powercap is closed or absent: perf, hwmon drivers."""

import os
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wattlight.domain.power import measured
from wattlight.domain.values import Quality, Scope

from ..numbers import again_whole, read_whole, watts_of
from ..reader import Reader
from ..report import CpuPower
from .card import find_hwmons
from .processor import EnergyCounters, Zone

HWMON = "/sys/class"
PMU = "/sys/bus/event_source/devices/power"
CLOSED = "closed"
"""The kernel shows the counter to root alone, and nothing narrow opens it."""
_EVENTS = {
    "energy-pkg": "package",
    "energy-cores": "core",
    "energy-gpu": "uncore",
    "energy-ram": "dram",
    "energy-psys": "psys",
}
_EVENT = re.compile(r"event=0x([0-9a-f]{1,2})\Z")
_PERF_EVENT_OPEN = 298
_CLOSE_ON_EXEC = 8
_ATTRIBUTES = 64
"""perf_event_attr in its first version: what counts without sampling needs no more."""


@dataclass(slots=True)
class PerfZone(Zone):
    """A counter of the kernel's ``power`` events: 64 bits from 0 at its opening, one for each package."""

    kind: int = 0
    config: int = 0
    cpu: int = 0

    def count(self, reader: Reader) -> int | None:
        data = reader.again(self.path, 8, self._open)
        return struct.unpack("<Q", data)[0] if len(data) == 8 else None

    def _open(self) -> int:
        """A new descriptor; its count is another one than before."""
        self.epoch = f"perf {os.urandom(6).hex()}"
        return perf_event_open(self.kind, self.config, self.cpu)


def perf_event_open(kind: int, config: int, cpu: int) -> int:
    """A descriptor that counts an event of the whole system on a processor; closed on exec.

    The layout of ``perf_event_attr`` is that of ``linux/perf_event.h``. Raises OSError: PermissionError where
    ``perf_event_paranoid`` is above 0 and the right CAP_PERFMON is missing.
    """
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise OSError("no power events here")
    import ctypes

    attributes = ctypes.create_string_buffer(struct.pack("<IIQ", kind, _ATTRIBUTES, config), _ATTRIBUTES)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    number, whole_system, alone = ctypes.c_long(_PERF_EVENT_OPEN), ctypes.c_int(-1), ctypes.c_int(-1)
    handle = call(number, attributes, whole_system, ctypes.c_int(cpu), alone, ctypes.c_ulong(_CLOSE_ON_EXEC))
    if handle < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(handle)


def perf(reader: Reader) -> EnergyCounters:
    """The same counters as powercap's, by perf events: where an administrator has opened those."""
    zones = list(_perf_zones(reader)) if reader.exists(f"{PMU}/events/energy-pkg") else []
    return EnergyCounters(reader, zones, "perf power/energy", CLOSED)


def _perf_zones(reader: Reader) -> Iterator[Zone]:
    kind = read_whole(reader, f"{PMU}/type", 1, 1 << 31)
    cpus = _listed(reader.text(f"{PMU}/cpumask") or "0")
    if kind is None:
        return
    for name, label in _EVENTS.items():
        event = _EVENT.match(reader.text(f"{PMU}/events/{name}") or "")
        unit_j = _scale(reader, name)
        if event is None or unit_j is None:
            continue
        for cpu in cpus[:1] if label == "psys" else cpus:
            at = _package(reader, cpu, cpus)
            shown, path = f"package-{at}" if label == "package" else label, f"/perf/{name}.{cpu}"
            yield PerfZone(path, shown, at, unit_j, kind=kind, config=int(event.group(1), 16), cpu=cpu)


def _scale(reader: Reader, name: str) -> float | None:
    """Joules of one count."""
    if reader.text(f"{PMU}/events/{name}.unit") != "Joules":
        return None
    try:
        scale = float(reader.text(f"{PMU}/events/{name}.scale") or "")
    except ValueError:
        return None
    return scale if 0 < scale < 1 else None


def _listed(text: str) -> list[int]:
    """The numbers of a list of the kernel: "0,18" or "0-1"."""
    found: list[int] = []
    for part in text.split(",")[:256]:
        ends = [int(end) for end in part.split("-")[:2] if end.isdecimal() and len(end) < 6]
        if ends:
            found += range(ends[0], min(ends[-1], ends[0] + 255) + 1)
    return found


def _package(reader: Reader, cpu: int, cpus: list[int]) -> str:
    """As powercap names it: "0", and "0-die-1" where packages have several dies with a counter."""

    def number(what: str, of: int) -> int | None:
        return read_whole(reader, f"/sys/devices/system/cpu/cpu{of}/topology/{what}", 0, 4095)

    mine = number("physical_package_id", cpu)
    if mine is None:
        return str(cpus.index(cpu))
    dies = sum(number("physical_package_id", other) == mine for other in cpus)
    return f"{mine}-die-{number('die_id', cpu) or 0}" if dies > 1 else str(mine)


def amd_energy(reader: Reader) -> EnergyCounters:
    """Sockets of the drivers ``amd_energy`` and ``zenergy``; their cores are inside and left out."""
    found = [
        Zone(f"{hwmon.folder}/{sensor}_input", f"package-{int(hwmon.labels[sensor][7:])}")
        for hwmon in find_hwmons(reader, HWMON, ("amd_energy", "zenergy"))
        for sensor in hwmon.of_kind("energy")
        if re.fullmatch("Esocket[0-9]{1,3}", hwmon.labels[sensor])
    ]
    return EnergyCounters(reader, found, "hwmon amd_energy", CLOSED)


class Gauges:
    """Drivers that tell watts now: ``zenpower`` (the rails of cores and SoC as the board's regulators report
    them over SVI2: not all of the package, and boards are known to report too little), ``fam15h_power``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._rails = list(find_hwmons(reader, HWMON, ("zenpower",)))
        self._packages = list(find_hwmons(reader, HWMON, ("fam15h_power",)))
        self.there = bool(self._rails or self._packages)

    def look(self, base: CpuPower) -> CpuPower:
        """``base`` with these watts in place of its silent counters, never beside them. Never raises."""
        if self._rails:
            labels = ("SVI2_P_Core", "SVI2_P_SoC")
            rails = [[h.labelled("power", label) for h in self._rails] for label in labels]
            files = [
                h.path(f"{sensor}_input")
                for of_label in rails
                for h, sensor in zip(self._rails, of_label, strict=True)
                if sensor
            ]
            watts = self._sum(files) if all(any(of_label) for of_label in rails) else None
            source, scope, words = "hwmon zenpower", Scope.RAILS, "core + SoC rails"
        else:
            watts = self._sum([h.path("power1_input") for h in self._packages])
            source, scope, words = "hwmon fam15h_power", Scope.PACKAGE, "package"
        if watts is None:
            return base
        package = measured(watts, source, scope, Quality.SAMPLED)
        closed = any(zone.closed for zone in base.zones)
        return replace(base, package=package, scope=words, zones=(), closed=closed)

    def _sum(self, files: list[str | None]) -> float | None:
        """Of all of them (two sockets have two); None where one is silent."""
        values = [self._read(file) for file in files]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    def _read(self, file: str | None) -> float | None:
        try:
            return watts_of(again_whole(self._reader, file)) if file else None
        except OSError:
            return None
