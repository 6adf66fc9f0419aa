"""Memory of an AMD GPU: its own, or carve-out plus what it may map of the system's."""

from collections.abc import Callable

from wattlight.domain.values import GpuProcess

from .numbers import MAX_BYTES
from .report import AcceleratorMemory, Memory

Number = Callable[[str, int, int], int | None]


def amd_memory(
    number: Number, integrated: bool, system: Memory, processes: tuple[GpuProcess, ...]
) -> AcceleratorMemory:
    """The memory by amdgpu's counters. ``number(file, low, high)`` reads one of them.

    A card's budget is its own memory alone (GTT is system memory it spills to). An APU's pool is carve-out
    plus GTT; its GTT pages are system memory, so the room is the smaller of what the driver has left and what
    the carve-out and the system have left after the reserve.
    """
    total = number("mem_info_vram_total", 1, MAX_BYTES)
    used = _within(number("mem_info_vram_used", 0, MAX_BYTES), total)
    shared = number("mem_info_gtt_total", 1, MAX_BYTES)
    shared_used = _within(number("mem_info_gtt_used", 0, MAX_BYTES), shared)
    ours = [p.memory_bytes for p in processes if p.is_server and p.memory_bytes is not None]
    if integrated:
        llm_total, room = _pool(total, used, shared, shared_used, system)
    else:
        llm_total = total
        room = None if total is None or used is None else total - used
    return AcceleratorMemory(
        unified=integrated,
        dedicated_total_bytes=total,
        dedicated_total_source="mem_info_vram_total" if total is not None else None,
        dedicated_used_bytes=used,
        shared_total_bytes=shared,
        shared_used_bytes=shared_used,
        llm_total_bytes=llm_total,
        llm_available_bytes=room,
        server_holds_bytes=sum(ours) if ours else None,
        reason=None if total is not None else "the driver does not report memory (Linux 5.1 or newer does)",
    )


def _pool(
    total: int | None, used: int | None, shared: int | None, shared_used: int | None, system: Memory
) -> tuple[int | None, int | None]:
    if total is None or shared is None:
        return None, None
    if used is None or shared_used is None:
        return total + shared, None
    left = total + shared - used - shared_used
    if system.available_bytes is None:
        return total + shared, None
    in_system = max(0, system.available_bytes - (system.reserve_bytes or 0))
    return total + shared, max(0, min(left, total - used + in_system))


def _within(value: int | None, total: int | None) -> int | None:
    return None if value is None or total is None or value > total else value
