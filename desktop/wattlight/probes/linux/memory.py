"""Memory limits of control groups (v1 and v2), from our own group up to the top of the tree."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from ..numbers import MAX_BYTES, pairs, whole
from ..reader import Reader
from ..report import Memory

V2_ROOT = "/sys/fs/cgroup"
V1_ROOT = "/sys/fs/cgroup/memory"
_FIND_EVERY = 30
"""Looks between two searches for levels with a limit."""
_NO_LIMIT = 1 << 60
"""Version 1 writes 2^63 rounded down to a page for "no limit"."""


@dataclass(frozen=True, slots=True)
class CgroupLimit:
    """The tightest limit found and what is left below it; page cache that can be dropped counts as free."""

    limit_bytes: int
    available_bytes: int | None
    source: str


class MemoryLimits:
    """The limits that bind this process: the levels are looked up rarely, what is used every time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._looks = 0
        self._generation = -1
        self._levels: list[_Level] = []

    def look(self) -> CgroupLimit | None:
        """The limit now, None without one. Never raises.

        The kernel enforces every level; so the smallest limit and the smallest remainder are taken apart.
        """
        if self._looks % _FIND_EVERY == 0 or self._generation != self._reader.generation:
            self._generation = self._reader.generation
            folders = [(f, _V2) for f in _folders_v2(self._reader)]
            folders += [(f, _V1) for f in _folders_v1(self._reader)]
            self._levels = [
                _Level(folder, kind) for folder, kind in folders if _limit(self._reader, folder, kind)
            ]
        self._looks += 1
        seen = [limit for level in self._levels if (limit := _read(self._reader, level))]
        if not seen:
            return None
        tightest = min(seen, key=lambda one: one.limit_bytes)
        left = [one.available_bytes for one in seen if one.available_bytes is not None]
        return CgroupLimit(tightest.limit_bytes, min(left) if left else None, tightest.source)


@dataclass(frozen=True, slots=True)
class _Kind:
    """File names and keys of one version of the interface."""

    source: str
    limit: str
    used: str
    cache: tuple[str, ...]
    total_key: str = ""


_V2 = _Kind("cgroup v2 memory.max", "memory.max", "memory.current", ("inactive_file",))
_V1 = _Kind(
    "cgroup v1 memory.limit_in_bytes",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "inactive_file"),
    "hierarchical_memory_limit",
)


@dataclass(frozen=True, slots=True)
class _Level:
    folder: str
    kind: _Kind


def own_groups(reader: Reader) -> tuple[str, str]:
    """Our path in the v2 tree and in the v1 memory tree; empty where there is none. Never raises."""
    unified, memory = "", ""
    for line in (reader.text("/proc/self/cgroup") or "").splitlines():
        parts = line.split(":", 2)
        if len(parts) != 3:
            continue
        if parts[0] == "0" and not parts[1]:
            unified = parts[2]
        elif "memory" in parts[1].split(","):
            memory = parts[2]
    return unified, memory


def _folders(root: str, path: str) -> list[str]:
    """The group's folder and its parents, our own first; above a namespace there is only the root."""
    steps = [step for step in path.split("/") if step not in {"", ".", ".."}][:32]
    return [root + "".join(f"/{step}" for step in steps[:count]) for count in range(len(steps), -1, -1)]


def _folders_v2(reader: Reader) -> list[str]:
    if not reader.exists(f"{V2_ROOT}/cgroup.controllers"):
        return []
    return _folders(V2_ROOT, own_groups(reader)[0])


def _folders_v1(reader: Reader) -> list[str]:
    return _folders(V1_ROOT, own_groups(reader)[1]) if reader.exists(V1_ROOT) else []


def _limit(reader: Reader, folder: str, kind: _Kind) -> int | None:
    limits = [whole(_again(reader, f"{folder}/{kind.limit}"), 1)]
    if kind.total_key:
        limits.append(whole(pairs(_again(reader, f"{folder}/memory.stat"), " ").get(kind.total_key), 1))
    real = [limit for limit in limits if limit is not None and limit < _NO_LIMIT]
    return min(real) if real else None


def _read(reader: Reader, level: _Level) -> CgroupLimit | None:
    folder, kind = level.folder, level.kind
    limit = _limit(reader, folder, kind)
    if limit is None:
        return None
    used = whole(_again(reader, f"{folder}/{kind.used}"), 0, MAX_BYTES)
    counted = pairs(_again(reader, f"{folder}/memory.stat"), " ")
    cache = next((value for key in kind.cache if (value := whole(counted.get(key))) is not None), None)
    return CgroupLimit(limit, _left(limit, used, cache), kind.source)


def _again(reader: Reader, path: str) -> str:
    try:
        return reader.again(path, 8192).decode("ascii", "replace")
    except OSError:
        return ""


def _left(limit: int, used: int | None, cache: int | None) -> int | None:
    if used is None:
        return None
    return max(0, limit - max(0, used - min(cache or 0, used)))


MEMINFO = "/proc/meminfo"
ARCSTATS = "/proc/spl/kstat/zfs/arcstats"
PRESSURE = "/proc/pressure/memory"
_GIB = 1 << 30


def reserve_of(total_bytes: int) -> int:
    """What is left to the system and the other programs: 5 % of the memory, 1 GiB at least."""
    return max(_GIB, total_bytes // 20)


def budgeted(memory: Memory) -> Memory:
    """``memory`` with the part a model may use filled in (total and available, less the reserve)."""
    if memory.total_bytes is None:
        return memory
    reserve = reserve_of(memory.total_bytes)
    return replace(
        memory,
        reserve_bytes=reserve,
        llm_total_bytes=max(0, memory.total_bytes - reserve),
        llm_available_bytes=None
        if memory.available_bytes is None
        else max(0, memory.available_bytes - reserve),
    )


class LinuxMemory:
    """Reads memory at every tick."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._limits = MemoryLimits(reader)
        self._zfs = reader.exists(ARCSTATS)
        self._pressure = reader.exists(PRESSURE)

    def look(self) -> Memory:
        """Memory now. Never raises."""
        try:
            info = pairs(self._reader.again(MEMINFO, 8192).decode("ascii", "replace"))
        except OSError as error:
            return Memory(
                reason=tr(
                    "{meminfo} cannot be read ({reason})",
                    meminfo=MEMINFO,
                    reason=clean_text(error.strerror or "error"),
                )
            )
        total = _kilobytes(info, "MemTotal", 1)
        available = _available(info, total)
        zfs = self._zfs_bytes() if self._zfs else 0
        room = None if available is None else available + zfs
        limit = self._limits.look()
        if limit is not None and limit.available_bytes is not None:
            room = limit.available_bytes if room is None else min(room, limit.available_bytes)
        whole_room = total
        if limit is not None:
            whole_room = limit.limit_bytes if total is None else min(total, limit.limit_bytes)
        if room is not None and whole_room is not None:
            room = min(room, whole_room)
        return budgeted(
            Memory(
                host_total_bytes=total,
                host_available_bytes=available,
                limit_bytes=None if limit is None else limit.limit_bytes,
                limit_source=None if limit is None else limit.source,
                total_bytes=whole_room,
                available_bytes=room,
                swap_total_bytes=_kilobytes(info, "SwapTotal", 0),
                swap_free_bytes=_kilobytes(info, "SwapFree", 0),
                pressure_pct=self._pressure_percent() if self._pressure else None,
                messages=(tr("The ZFS cache counts as free down to its minimum."),) if zfs else (),
                reason=None
                if total is not None
                else tr("{meminfo} does not say how much memory there is", meminfo=MEMINFO),
            )
        )

    def _zfs_bytes(self) -> int:
        """Part of the ZFS cache that gives way; MemAvailable does not contain it."""
        values: dict[str, int] = {}
        for line in self._again(ARCSTATS).splitlines():
            fields = line.split()
            if len(fields) == 3 and (value := whole(fields[2], 0, MAX_BYTES)) is not None:
                values[fields[0]] = value
        return max(0, values["size"] - values["c_min"]) if {"size", "c_min"} <= values.keys() else 0

    def _again(self, path: str) -> str:
        try:
            return self._reader.again(path, 16384).decode("ascii", "replace")
        except OSError:
            return ""

    def _pressure_percent(self) -> float | None:
        for line in self._again(PRESSURE).splitlines():
            if line.startswith("some "):
                word = pairs(line.replace(" ", "\n"), "=").get("avg10", "")
                try:
                    value = float(word)
                except ValueError:
                    return None
                return value if 0 <= value <= 100 else None
        return None


def _available(info: Mapping[str, str], total: int | None) -> int | None:
    """MemAvailable; on kernels before 3.14 free + cached + buffers. Never more than there is."""
    value = _kilobytes(info, "MemAvailable", 0)
    if value is None:
        parts = [_kilobytes(info, key, 0) for key in ("MemFree", "Cached", "Buffers")]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        value = sum(known)
    if total is not None and value > total:
        return None
    return value


def _kilobytes(info: Mapping[str, str], key: str, low: int) -> int | None:
    """A ``/proc/meminfo`` figure ("kB" there are KiB) in bytes."""
    fields = info.get(key, "").split()
    value = whole(fields[0], low, MAX_BYTES >> 10) if fields else None
    return None if value is None else value << 10
