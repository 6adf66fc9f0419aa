"""Energy counters of the processor on Linux (Intel and AMD), each source with its zones, and its load."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wattlight.domain.power import CEILING_W, STEADY_W, measured
from wattlight.domain.values import DeviceSample, Quality, Scope, unknown

from ..numbers import CounterRate, Moment, again_whole, read_whole, whole
from ..reader import Reader
from ..report import CpuPower, energy_zone
from ..server_processes import FIND_EVERY_S, ServerProcesses

FOLDER = "/sys/class/powercap"
SOURCE = "powercap intel-rapl"
_ZONE = re.compile(r"intel-rapl:[0-9]+(:[0-9]+)?\Z")
_PACKAGE = re.compile(r"package-[0-9]+(-die-[0-9]+)?\Z")
_PARTS = ("core", "uncore", "dram")
_RETRY_S = 5.0
MICRO_J = 1e-6


@dataclass(slots=True)
class Zone:
    """One counter. ``label`` is powercap's word: ``package-0``, ``core``, ``uncore``, ``dram``, ``psys``.

    Parts of a package carry its number in ``at``, so that their ids are told apart.
    """

    path: str
    label: str
    at: str = "0"
    unit_j: float = MICRO_J
    range_counts: int | None = None
    limit_w: float | None = None
    epoch: str = ""
    counts: int | None = None
    before: int | None = None
    power_w: float | None = None
    denied_until_s: float = float("-inf")
    reason: str | None = None
    rate: CounterRate = field(init=False)

    def __post_init__(self) -> None:
        self.rate = CounterRate(self.unit_j, self.range_counts, CEILING_W, self.limit_w or STEADY_W)

    @property
    def id(self) -> str:
        """The same for the same counter, whichever driver shows it."""
        return f"rapl:{self.label}-{self.at}" if self.label in _PARTS else f"rapl:{self.label}"

    @property
    def scope(self) -> Scope:
        if self.label == "psys":
            return Scope.SYSTEM
        return Scope.CHIP if self.label in _PARTS else Scope.PACKAGE

    def count(self, reader: Reader) -> int | None:
        """The counter now. Raises OSError."""
        return again_whole(reader, self.path)


class EnergyCounters:
    """The zones of one source; ``closed`` is the reason where this user may not read them."""

    def __init__(
        self, reader: Reader, zones: Iterable[Zone], source: str = SOURCE, closed: str = "permission"
    ) -> None:
        self._reader = reader
        self._source = source
        self._closed = closed
        self._zones = list(zones)
        self._limit_w = next((zone.limit_w for zone in self._zones if zone.limit_w), None)

    @property
    def there(self) -> bool:
        return bool(self._zones)

    @property
    def paths(self) -> tuple[str, ...]:
        """What it reads: found again with the same ones it is kept, with its baselines."""
        return (self._source, *(zone.path for zone in self._zones))

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
        package = measured(package_w, self._source, Scope.PACKAGE, Quality.COUNTER, reason)
        return CpuPower(
            replace(package, source=self._source),
            core_w=_sum(self._of("core")),
            uncore_w=_sum(self._of("uncore")),
            dram_w=_sum(self._of("dram")),
            psys_w=psys.power_w if psys else None,
            scope=" + ".join(z.label for z in packages) or None,
            zones=tuple(self._part(z) for z in self._zones if z in packages or z.label in {"psys", "dram"}),
            limit_w=self._limit_w,
        )

    def _read(self, zone: Zone, now: Moment) -> None:
        zone.before = zone.counts
        zone.counts = None
        if now.monotonic_s >= zone.denied_until_s:
            try:
                zone.counts = zone.count(self._reader)
                zone.reason = None if zone.counts is not None else "garbage"
            except PermissionError:
                zone.reason, zone.denied_until_s = self._closed, now.monotonic_s + _RETRY_S
            except OSError:
                zone.reason = "unreadable"
        if zone.range_counts is not None and zone.counts is not None and zone.counts > zone.range_counts:
            zone.counts, zone.reason = None, "implausible reading"
        zone.power_w = zone.rate.watts(zone.counts, now)
        if zone.counts is not None:
            zone.reason = zone.rate.reason or None

    def _once(self, zones: Iterable[Zone]) -> list[Zone]:
        """Without zones that mirror another's counter (multi-die parts show one counter per die)."""
        kept: list[Zone] = []
        for zone in zones:
            twin = any(
                zone.counts is not None and (zone.counts, zone.before) == (k.counts, k.before) for k in kept
            )
            if not twin or zone.before is None:
                kept.append(zone)
        return kept

    def _of(self, label: str) -> list[Zone]:
        return [zone for zone in self._zones if zone.label == label]

    def _part(self, zone: Zone) -> DeviceSample:
        limit_w = self._limit_w if zone.scope is Scope.PACKAGE else None
        part = energy_zone(
            zone.id,
            zone.label,
            zone.power_w,
            zone.counts,
            zone.unit_j,
            zone.scope,
            self._source,
            zone.reason,
            zone.range_counts,
            limit_w,
        )
        return replace(part, counter_epoch=zone.epoch) if zone.epoch else part


def _sum(zones: list[Zone]) -> float | None:
    values = [zone.power_w for zone in zones]
    known = [value for value in values if value is not None]
    return round(sum(known), 6) if known and len(known) == len(values) else None


def _reason(packages: list[Zone]) -> str:
    return next((zone.reason for zone in packages if zone.reason), "no package zone")


def rapl(reader: Reader) -> EnergyCounters:
    """The powercap tree. ``intel-rapl-mmio`` is the same package again and left out."""
    return EnergyCounters(reader, _powercap_zones(reader))


def _powercap_zones(reader: Reader) -> Iterator[Zone]:
    for name in reader.listdir(FOLDER):
        folder = f"{FOLDER}/{name}"
        label = (reader.text(f"{folder}/name") or "") if _ZONE.match(name) else ""
        package = _PACKAGE.match(label)
        if package or label == "psys" or label in _PARTS:
            span = read_whole(reader, f"{folder}/max_energy_range_uj", 1)
            limit_w = _rated_w(reader, folder) if package else None
            at = name.split(":")[1]
            yield Zone(f"{folder}/energy_uj", label, at, range_counts=span, limit_w=limit_w)


def _rated_w(reader: Reader, folder: str) -> float | None:
    for key in ("constraint_0_max_power_uw", "constraint_0_power_limit_uw"):
        value = read_whole(reader, f"{folder}/{key}", 1_000_000, 1_000_000_000)
        if value is not None:
            return value / 1e6
    return None


_STAT = "/proc/stat"


def _ticks(reader: Reader) -> tuple[int, int] | None:
    """Ticks of all processors since the start: all of them, and those without work. Never raises."""
    try:
        line = reader.again(_STAT, 512).decode("ascii", "replace").split("\n")[0]
    except OSError:
        return None
    ticks = [whole(word) for word in line.split()[1:9]]
    known = [tick for tick in ticks if tick is not None]
    return (sum(known), known[3] + known[4]) if line.startswith("cpu ") and len(known) == 8 else None


class CpuLoad:
    """Busy share of all processors between two looks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: tuple[int, int] | None = None

    def percent(self, now: Moment) -> float | None:
        """0..100, None at the first look and when the file says nothing new. Never raises."""
        ticks = _ticks(self._reader)
        if ticks is None:
            return None
        total, idle = ticks
        last, self._last = self._last, (total, idle)
        if last is None or total <= last[0] or idle < last[1]:
            return None
        return min(100.0, max(0.0, 100 * (1 - (idle - last[1]) / (total - last[0]))))


_TICKS_A_S = 100
"""What the kernel shows times in, on every architecture Ollama is built for."""
_LITTLE_CORES = 0.5


@dataclass(frozen=True, slots=True)
class _Work:
    """Ticks at one moment: of all processors at work, and of each model server's process."""

    at: Moment
    busy: int
    servers: dict[str, int]


class OtherWork:
    """How much of the processors' work was not the model servers'. Only names are read while none runs."""

    def __init__(self, reader: Reader, servers: ServerProcesses | None = None) -> None:
        self._reader = reader
        self._processes = servers or ServerProcesses(reader)
        self._last: _Work | None = None

    def percent(self, now: Moment) -> float | None:
        """Share of the work since the last look that other programs did; 0 where that was less than half a
        processor, None where no server runs, or one began or ended meanwhile. Never raises."""
        self._processes.names.look(now.monotonic_s, FIND_EVERY_S)
        work = self._work(now)
        last, self._last = self._last, work
        if (
            work is None
            or last is None
            or last.at.epoch != now.epoch
            or last.servers.keys() != work.servers.keys()
        ):
            return None
        busy, elapsed_s = work.busy - last.busy, now.monotonic_s - last.at.monotonic_s
        others = busy - sum(work.servers[entry] - last.servers[entry] for entry in work.servers)
        if busy <= 0 or others < _LITTLE_CORES * _TICKS_A_S * elapsed_s:
            return 0.0
        self._processes.names.look(now.monotonic_s)  # it may be the work of a server that has just begun
        if self._servers(now).keys() == work.servers.keys():
            return 100.0 * others / busy
        self._last = self._work(now)
        return None

    def _work(self, now: Moment) -> _Work | None:
        servers = self._servers(now)
        ticks = _ticks(self._reader) if servers else None
        return None if ticks is None else _Work(now, ticks[0] - ticks[1], servers)

    def _servers(self, now: Moment) -> dict[str, int]:
        """Ticks each model server's process has worked."""
        found = {}
        for entry in self._processes.entries(now.monotonic_s):
            fields = (self._reader.text(f"/proc/{entry}/stat") or "").rpartition(")")[2].split()
            ticks = [whole(field) for field in fields[11:13]]
            if len(ticks) == 2 and None not in ticks:
                found[entry] = sum(tick for tick in ticks if tick is not None)
        return found
