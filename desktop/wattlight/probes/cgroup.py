"""Memory limits of control groups (v1 and v2), from our own group up to the top of the tree."""

from dataclasses import dataclass

from .numbers import MAX_BYTES, pairs, read_whole, whole
from .reader import Reader

V2_ROOT = "/sys/fs/cgroup"
V1_ROOT = "/sys/fs/cgroup/memory"
_NO_LIMIT = 1 << 60
"""Version 1 writes 2^63 rounded down to a page for "no limit"."""


@dataclass(frozen=True, slots=True)
class CgroupLimit:
    """The tightest limit found and what is left below it; page cache that can be dropped counts as free."""

    limit_bytes: int
    available_bytes: int | None
    source: str


def memory_limit(reader: Reader) -> CgroupLimit | None:
    """The limit that binds this process, None without one. Never raises.

    The kernel enforces every level; so the smallest limit and the smallest remainder are taken apart.
    """
    levels = [level for folder in _folders_v2(reader) if (level := _level_v2(reader, folder))]
    levels += [level for folder in _folders_v1(reader) if (level := _level_v1(reader, folder))]
    if not levels:
        return None
    tightest = min(levels, key=lambda level: level.limit_bytes)
    left = [level.available_bytes for level in levels if level.available_bytes is not None]
    return CgroupLimit(tightest.limit_bytes, min(left) if left else None, tightest.source)


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


def _level_v2(reader: Reader, folder: str) -> CgroupLimit | None:
    limit = read_whole(reader, f"{folder}/memory.max", 1, MAX_BYTES)
    if limit is None:
        return None
    used = read_whole(reader, f"{folder}/memory.current", 0, MAX_BYTES)
    cache = _stat(reader, folder, "inactive_file")
    return CgroupLimit(limit, _left(limit, used, cache), "cgroup v2 memory.max")


def _level_v1(reader: Reader, folder: str) -> CgroupLimit | None:
    limits = [
        read_whole(reader, f"{folder}/memory.limit_in_bytes", 1),
        _stat(reader, folder, "hierarchical_memory_limit"),
    ]
    real = [limit for limit in limits if limit is not None and 0 < limit < _NO_LIMIT]
    if not real:
        return None
    used = read_whole(reader, f"{folder}/memory.usage_in_bytes", 0, MAX_BYTES)
    cache = _stat(reader, folder, "total_inactive_file")
    if cache is None:
        cache = _stat(reader, folder, "inactive_file")
    return CgroupLimit(min(real), _left(min(real), used, cache), "cgroup v1 memory.limit_in_bytes")


def _left(limit: int, used: int | None, cache: int | None) -> int | None:
    if used is None:
        return None
    return max(0, limit - max(0, used - min(cache or 0, used)))


def _stat(reader: Reader, folder: str, key: str) -> int | None:
    return whole(pairs(reader.text(f"{folder}/memory.stat"), " ").get(key))
