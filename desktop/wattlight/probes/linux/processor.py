"""Processor energy counters of the Linux powercap tree (Intel and AMD)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wattlight.domain.power import CEILING_W, STEADY_W, measured
from wattlight.domain.values import DeviceSample, Quality, Scope, unknown

from ..numbers import CounterRate, Moment, again_whole, read_whole, watts_of, whole
from ..reader import Reader
from ..report import CpuPower, energy_zone
from .card import Hwmon, find_hwmon

FOLDER = "/sys/class/powercap"
SOURCE = "powercap intel-rapl"
_ZONE = re.compile(r"intel-rapl:[0-9]+(:[0-9]+)?\Z")
_PACKAGE = re.compile(r"package-[0-9]+(-die-[0-9]+)?\Z")
_PARTS = ("core", "uncore", "dram")
_RETRY_S = 5.0
_MICRO_J = 1e-6


@dataclass(slots=True)
class _Zone:
    folder: str
    label: str
    id: str
    scope: Scope
    range_uj: int | None
    rate: CounterRate
    counts: int | None = None
    before: int | None = None
    power_w: float | None = None
    denied_until_s: float = field(default=float("-inf"))
    reason: str | None = None


class Rapl:
    """All zones; ``intel-rapl-mmio`` is the same package again and left out."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._limit_w: float | None = None
        self._zones = [z for name in reader.listdir(FOLDER) if (z := self._zone(name))]

    @property
    def there(self) -> bool:
        return bool(self._zones)

    def look(self, now: Moment) -> CpuPower:
        """Power since the last look. Never raises."""
        if not self._zones:
            return CpuPower(unknown("no powercap"))
        for zone in self._zones:
            self._read(zone, now)
        packages = self._once(z for z in self._zones if _PACKAGE.match(z.label))
        psys = next((z for z in self._zones if z.label == "psys"), None)
        package_w = _sum(packages)
        reason = None if package_w is not None else _reason(packages)
        package = measured(package_w, SOURCE, Scope.PACKAGE, Quality.COUNTER, reason)
        return CpuPower(
            replace(package, source=SOURCE),
            core_w=_sum(self._of("core")),
            uncore_w=_sum(self._of("uncore")),
            dram_w=_sum(self._of("dram")),
            psys_w=psys.power_w if psys else None,
            scope=" + ".join(z.label for z in packages) or None,
            zones=tuple(self._part(z) for z in self._zones if z in packages or z.label in {"psys", "dram"}),
            limit_w=self._limit_w,
        )

    def _zone(self, name: str) -> _Zone | None:
        if not _ZONE.match(name):
            return None
        folder = f"{FOLDER}/{name}"
        label = self._reader.text(f"{folder}/name") or ""
        if _PACKAGE.match(label):
            limit = self._rated_w(folder)
            self._limit_w = self._limit_w or limit
            ceiling, steady = CEILING_W, limit or STEADY_W
            zone_id, scope = f"rapl:{label}", Scope.PACKAGE
        elif label == "psys":
            ceiling, steady, zone_id, scope = CEILING_W, STEADY_W, "rapl:psys", Scope.SYSTEM
        elif label in _PARTS:
            ceiling, steady, zone_id, scope = (
                CEILING_W,
                STEADY_W,
                f"rapl:{label}-{name.split(':')[1]}",
                Scope.CHIP,
            )
        else:
            return None
        span = read_whole(self._reader, f"{folder}/max_energy_range_uj", 1)
        rate = CounterRate(_MICRO_J, span, ceiling, steady)
        return _Zone(folder, label, zone_id, scope, span, rate)

    def _rated_w(self, folder: str) -> float | None:
        for key in ("constraint_0_max_power_uw", "constraint_0_power_limit_uw"):
            value = read_whole(self._reader, f"{folder}/{key}", 1_000_000, 1_000_000_000)
            if value is not None:
                return value / 1e6
        return None

    def _read(self, zone: _Zone, now: Moment) -> None:
        zone.before = zone.counts
        zone.counts = None
        if now.monotonic_s >= zone.denied_until_s:
            try:
                zone.counts = again_whole(self._reader, f"{zone.folder}/energy_uj")
                zone.reason = None if zone.counts is not None else "garbage"
            except PermissionError:
                zone.reason, zone.denied_until_s = "permission", now.monotonic_s + _RETRY_S
            except OSError:
                zone.reason = "unreadable"
        if zone.range_uj is not None and zone.counts is not None and zone.counts > zone.range_uj:
            zone.counts, zone.reason = None, "implausible reading"
        zone.power_w = zone.rate.watts(zone.counts, now)
        if zone.counts is not None:
            zone.reason = zone.rate.reason or None

    def _once(self, zones: Iterable[_Zone]) -> list[_Zone]:
        """Without zones that mirror another's counter (multi-die parts show one counter per die)."""
        kept: list[_Zone] = []
        for zone in zones:
            twin = any(
                zone.counts is not None and (zone.counts, zone.before) == (k.counts, k.before) for k in kept
            )
            if not twin or zone.before is None:
                kept.append(zone)
        return kept

    def _of(self, label: str) -> list[_Zone]:
        return [zone for zone in self._zones if zone.label == label]

    def _part(self, zone: _Zone) -> DeviceSample:
        limit_w = self._limit_w if zone.scope is Scope.PACKAGE else None
        return energy_zone(
            zone.id,
            zone.label,
            zone.power_w,
            zone.counts,
            _MICRO_J,
            zone.scope,
            SOURCE,
            zone.reason,
            zone.range_uj,
            limit_w,
        )


def _sum(zones: list[_Zone]) -> float | None:
    values = [zone.power_w for zone in zones]
    known = [value for value in values if value is not None]
    return round(sum(known), 6) if known and len(known) == len(values) else None


def _reason(packages: list[_Zone]) -> str:
    return next((zone.reason for zone in packages if zone.reason), "no package zone")


class CpuSensors:
    """The first of the known drivers that is there."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        drivers = ("amd_energy", "zenpower", "fam15h_power")
        found = ((name, find_hwmon(reader, "/sys/class", (name,))) for name in drivers)
        self._name, self._hwmon = next((item for item in found if item[1]), ("", None))
        self._rates: dict[str, CounterRate] = {}

    def look(self, now: Moment, base: CpuPower) -> CpuPower:
        """``base`` with the package's watts if a driver gives them. Never raises."""
        hwmon, name = self._hwmon, self._name
        if hwmon is None:
            return base
        if name == "zenpower":
            watts = self._sum(hwmon, ("SVI2_P_Core", "SVI2_P_SoC"))
            return _with(base, watts, "hwmon zenpower", "core + SoC rails", Quality.SAMPLED)
        if name == "fam15h_power":
            watts = self._read(hwmon, "power1_input")
            return _with(base, watts, "hwmon fam15h_power", "package", Quality.SAMPLED)
        return _with(base, self._counted(hwmon, now), "hwmon amd_energy", "sockets", Quality.COUNTER)

    def _sum(self, hwmon: Hwmon, labels: tuple[str, ...]) -> float | None:
        values = []
        for label in labels:
            sensor = hwmon.labelled("power", label)
            values.append(self._read(hwmon, f"{sensor}_input") if sensor else None)
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    def _counted(self, hwmon: Hwmon, now: Moment) -> float | None:
        sensors = [key for key in hwmon.of_kind("energy") if hwmon.labels[key].startswith("Esocket")]
        values = []
        for sensor in sensors:
            rate = self._rates.setdefault(sensor, CounterRate(_MICRO_J))
            try:
                counts = again_whole(self._reader, f"{hwmon.folder}/{sensor}_input")
            except OSError:
                counts = None
            values.append(rate.watts(counts, now))
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    def _read(self, hwmon: Hwmon, file: str) -> float | None:
        path = hwmon.path(file)
        try:
            return watts_of(again_whole(self._reader, path)) if path else None
        except OSError:
            return None


def _with(base: CpuPower, watts: float | None, source: str, scope: str, quality: Quality) -> CpuPower:
    """``base`` with these watts in place of its silent counters."""
    if watts is None:
        return base
    package = measured(watts, source, Scope.PACKAGE, quality)
    return replace(base, package=package, scope=scope, zones=())


_STAT = "/proc/stat"


class CpuLoad:
    """Busy share of all processors between two looks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: tuple[int, int] | None = None

    def percent(self, now: Moment) -> float | None:
        """0..100, None at the first look and when the file says nothing new. Never raises."""
        try:
            line = self._reader.again(_STAT, 512).decode("ascii", "replace").split("\n")[0]
        except OSError:
            return None
        ticks = [whole(word) for word in line.split()[1:9]]
        known = [tick for tick in ticks if tick is not None]
        if not line.startswith("cpu ") or len(known) != 8:
            return None
        total, idle = sum(known), known[3] + known[4]
        last, self._last = self._last, (total, idle)
        if last is None or total <= last[0] or idle < last[1]:
            return None
        return min(100.0, max(0.0, 100 * (1 - (idle - last[1]) / (total - last[0]))))
