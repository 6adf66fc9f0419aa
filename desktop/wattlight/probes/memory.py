"""System memory on Linux: what the kernel calls available, limits of control groups, the ZFS cache."""

from collections.abc import Mapping
from dataclasses import replace

from wattlight.domain.values import clean_text

from .cgroup import MemoryLimits
from .numbers import MAX_BYTES, pairs, whole
from .reader import Reader
from .report import Memory

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
            return Memory(reason=f"{MEMINFO} cannot be read ({clean_text(error.strerror or 'error')})")
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
                messages=("The ZFS cache counts as free down to its minimum.",) if zfs else (),
                reason=None if total is not None else f"{MEMINFO} does not say how much memory there is",
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
