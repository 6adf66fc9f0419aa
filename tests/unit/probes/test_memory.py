"""Memory a model may use: limits of control groups at every level, page cache, ZFS, odd files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from wattlight.probes.linux.memory import LinuxMemory, MemoryLimits, reserve_of
from wattlight.probes.reader import Reader

Make = Callable[..., Path]
GIB = 1 << 30
C = "sys/fs/cgroup"


def memory(make_tree: Make, tree: dict[str, Any], total_kb: int = 32 << 20, free_kb: int = 16 << 20) -> Any:
    reader = Reader(make_tree({"proc/meminfo": trees.meminfo(total_kb, free_kb), **tree}))
    answer = LinuxMemory(reader).look()
    reader.close()
    return answer


def test_the_reserve_is_a_twentieth_and_a_gibibyte_at_least() -> None:
    assert reserve_of(8 * GIB) == GIB and reserve_of(100 * GIB) == 5 * GIB


def test_without_limits(make_tree: Make) -> None:
    seen = memory(make_tree, {})
    assert (seen.total_bytes, seen.available_bytes, seen.limit_bytes) == (32 * GIB, 16 * GIB, None)
    assert seen.llm_total_bytes == 32 * GIB - seen.reserve_bytes
    assert seen.llm_available_bytes == 16 * GIB - seen.reserve_bytes


def test_a_parents_limit_binds(make_tree: Make) -> None:
    own = f"{C}/user.slice/app.scope"
    seen = memory(
        make_tree,
        {
            "proc/self/cgroup": "0::/user.slice/app.scope",
            f"{C}/cgroup.controllers": "memory",
            f"{own}/memory.max": "max",
            f"{own}/memory.current": GIB,
            f"{C}/user.slice/memory.max": 4 * GIB,
            f"{C}/user.slice/memory.current": 3 * GIB,
            f"{C}/user.slice/memory.stat": f"inactive_file {GIB}",
        },
    )
    assert seen.limit_bytes == 4 * GIB and seen.limit_source == "cgroup v2 memory.max"
    assert seen.total_bytes == 4 * GIB and seen.available_bytes == 2 * GIB
    assert seen.host_total_bytes == 32 * GIB


def test_the_smallest_remainder_counts_even_below_a_larger_limit(make_tree: Make) -> None:
    seen = memory(
        make_tree,
        {
            "proc/self/cgroup": "0::/a/b",
            f"{C}/cgroup.controllers": "memory",
            f"{C}/a/b/memory.max": 4 * GIB,
            f"{C}/a/b/memory.current": 0,
            f"{C}/a/memory.max": 8 * GIB,
            f"{C}/a/memory.current": 7 * GIB,
        },
    )
    assert seen.limit_bytes == 4 * GIB and seen.available_bytes == GIB


def test_version_1_with_page_cache_and_its_word_for_no_limit(make_tree: Make) -> None:
    own = f"{C}/memory/docker/abc"
    tree = {
        "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/",
        f"{own}/memory.limit_in_bytes": 6 * GIB,
        f"{own}/memory.usage_in_bytes": 5 * GIB,
        f"{own}/memory.stat": f"cache {4 * GIB}\ninactive_file 1\ntotal_inactive_file {3 * GIB}",
        f"{C}/memory/memory.limit_in_bytes": 9223372036854771712,
    }
    seen = memory(make_tree, tree)
    assert seen.limit_bytes == 6 * GIB and seen.limit_source == "cgroup v1 memory.limit_in_bytes"
    assert seen.available_bytes == 4 * GIB
    tree[f"{own}/memory.limit_in_bytes"] = 9223372036854771712
    tree[f"{own}/memory.stat"] = "hierarchical_memory_limit 9223372036854771712"
    assert memory(make_tree, tree).limit_bytes is None


def test_version_1_knows_the_limit_of_parents_it_cannot_see(make_tree: Make) -> None:
    tree = {
        "proc/self/cgroup": "4:memory:/docker/abc",
        f"{C}/memory/memory.limit_in_bytes": 9223372036854771712,
        f"{C}/memory/memory.usage_in_bytes": GIB,
        f"{C}/memory/memory.stat": f"hierarchical_memory_limit {2 * GIB}\ntotal_inactive_file 0",
    }
    seen = memory(make_tree, tree)
    assert seen.limit_bytes == 2 * GIB and seen.available_bytes == GIB


def test_a_limit_above_the_memory_changes_nothing(make_tree: Make) -> None:
    tree = {
        "proc/self/cgroup": "0::/",
        f"{C}/cgroup.controllers": "memory",
        f"{C}/memory.max": 64 * GIB,
        f"{C}/memory.current": GIB,
    }
    seen = memory(make_tree, tree)
    assert seen.limit_bytes == 64 * GIB and seen.total_bytes == 32 * GIB and seen.available_bytes == 16 * GIB


def test_the_zfs_cache_gives_way(make_tree: Make) -> None:
    stats = f"13 1 0x01 147 39984 1 2\nname type data\nc_min 4 {2 * GIB}\nsize 4 {10 * GIB}"
    seen = memory(make_tree, {"proc/spl/kstat/zfs/arcstats": stats})
    assert seen.host_available_bytes == 16 * GIB and seen.available_bytes == 24 * GIB
    assert seen.messages == ("The ZFS cache counts as free down to its minimum.",)


@pytest.mark.parametrize(
    "text", ["", "MemTotal: x kB", "MemTotal: -1 kB", "garbage", "MemTotal: 0 kB\nMemAvailable: 0 kB"]
)
def test_a_broken_meminfo_is_unknown(text: str, make_tree: Make, open_tree: Callable[..., Any]) -> None:
    prober = open_tree(make_tree({"proc/meminfo": text}))
    seen = prober.report().memory
    assert seen.total_bytes is seen.available_bytes is seen.llm_available_bytes is None or seen.reason
    assert seen.total_bytes is None and prober.sample().memory is None


def test_more_available_than_there_is_is_unknown(make_tree: Make) -> None:
    assert memory(make_tree, {}, 8 << 20, 9 << 20).available_bytes is None


def test_an_old_kernel_without_memavailable(make_tree: Make) -> None:
    text = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB"
    reader = Reader(make_tree({"proc/meminfo": text}))
    assert LinuxMemory(reader).look().available_bytes == 400 << 10
    reader.close()


def test_paths_above_a_namespace_stay_at_the_root(make_tree: Make) -> None:
    tree = {"proc/self/cgroup": "0::/../../other", f"{C}/cgroup.controllers": "x", f"{C}/memory.max": GIB}
    reader = Reader(make_tree(tree))
    limit = MemoryLimits(reader).look()
    assert limit is not None and limit.limit_bytes == GIB and limit.available_bytes is None


def test_swap_is_told_and_never_room(make_tree: Make) -> None:
    text = trees.meminfo(32 << 20, 16 << 20, 8 << 20, 4 << 20)
    reader = Reader(make_tree({"proc/meminfo": text}))
    seen = LinuxMemory(reader).look()
    reader.close()
    assert (seen.swap_total_bytes, seen.swap_free_bytes) == (8 * GIB, 4 * GIB)
    assert seen.available_bytes == 16 * GIB
