"""Processor energy counters of the Linux powercap tree (Intel and AMD)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from wattlight.domain.values import Quality, Scope

from .numbers import again_whole, read_whole
from .rates import CounterRate, Moment
from .reader import Reader
from .report import CpuPower, EnergyZone

FOLDER = "/sys/class/powercap"
SOURCE = "powercap intel-rapl"
_ZONE = re.compile(r"intel-rapl:[0-9]+(:[0-9]+)?\Z")
_PACKAGE = re.compile(r"package-[0-9]+(-die-[0-9]+)?\Z")
_PARTS = ("core", "uncore", "dram")
_CEILING_W = 1000.0
_STEADY_W = 400.0
_RETRY_S = 60.0
_MICRO_J = 1e-6


@dataclass(slots=True)
class _Zone:
    folder: str
    label: str
    id: str
    parent: str | None
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
        """Whether there is any zone at all."""
        return bool(self._zones)

    def look(self, now: Moment) -> CpuPower:
        """Power since the last look. Never raises."""
        if not self._zones:
            return CpuPower(reason="no powercap")
        for zone in self._zones:
            self._read(zone, now)
        packages = self._once(z for z in self._zones if _PACKAGE.match(z.label))
        psys = next((z for z in self._zones if z.label == "psys"), None)
        package_w = _sum(packages)
        return CpuPower(
            package_w=package_w,
            core_w=_sum(self._of("core")),
            uncore_w=_sum(self._of("uncore")),
            dram_w=_sum(self._of("dram")),
            psys_w=psys.power_w if psys else None,
            source=SOURCE,
            scope=" + ".join(z.label for z in packages) or None,
            reason=None if package_w is not None else _reason(packages),
            quality=Quality.COUNTER if package_w is not None else None,
            zones=tuple(self._public(z) for z in self._zones if z in packages or z.label in {"psys", "dram"}),
            limit_w=self._limit_w,
        )

    def _zone(self, name: str) -> _Zone | None:
        if not _ZONE.match(name):
            return None
        folder = f"{FOLDER}/{name}"
        label = self._reader.text(f"{folder}/name") or ""
        parent = None
        if _PACKAGE.match(label):
            limit = self._rated_w(folder)
            self._limit_w = self._limit_w or limit
            ceiling, steady = _CEILING_W, limit or _STEADY_W
            zone_id, scope = f"rapl:{label}", Scope.PACKAGE
        elif label == "psys":
            ceiling, steady, zone_id, scope = _CEILING_W, _STEADY_W, "rapl:psys", Scope.SYSTEM
        elif label in _PARTS:
            number = name.split(":")[1]
            package = self._reader.text(f"{FOLDER}/intel-rapl:{number}/name") or ""
            parent = f"rapl:{package}" if label != "dram" else None
            ceiling, steady, zone_id, scope = _CEILING_W, _STEADY_W, f"rapl:{label}-{number}", Scope.CHIP
        else:
            return None
        span = read_whole(self._reader, f"{folder}/max_energy_range_uj", 1)
        rate = CounterRate(_MICRO_J, span, ceiling, steady)
        return _Zone(folder, label, zone_id, parent, scope, span, rate)

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

    def _public(self, zone: _Zone) -> EnergyZone:
        return EnergyZone(
            zone.id,
            zone.label,
            zone.power_w,
            zone.counts,
            zone.range_uj,
            _MICRO_J,
            zone.scope,
            zone.parent,
            zone.reason,
        )


def _sum(zones: list[_Zone]) -> float | None:
    values = [zone.power_w for zone in zones]
    known = [value for value in values if value is not None]
    return round(sum(known), 6) if known and len(known) == len(values) else None


def _reason(packages: list[_Zone]) -> str:
    return next((zone.reason for zone in packages if zone.reason), "no package zone")
