"""Device memory of processes we may look into (our own user's), from ``/proc/PID/fdinfo``.

A lower bound: other users' processes are not seen. One client has several descriptors and is counted once.
"""

import re
from collections.abc import Mapping

from wattlight.domain.values import GpuProcess, clean_text

from .numbers import MAX_BYTES, pairs, whole
from .part import is_server_process
from .pci import normal_slot
from .reader import Reader

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LOCAL = re.compile(r"drm-resident-(vram|local)[0-9]*\Z")
_LOCAL_OLD = re.compile(r"drm-memory-(vram|local)[0-9]*\Z")
_LIST_EVERY_S = 60.0
_READ_EVERY_S = 10.0


class DeviceMemoryOfProcesses:
    """What processes hold on each device; looked up rarely, because the whole process table is read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pids: tuple[float, dict[int, str]] = (float("-inf"), {})
        self._generation = reader.generation
        self._held: tuple[float, dict[str, tuple[GpuProcess, ...]]] = (float("-inf"), {})

    def on(self, slot: str, now_s: float) -> tuple[GpuProcess, ...]:
        """Processes with memory on the device at a PCI address. Never raises."""
        if self._generation != self._reader.generation:
            self._generation = self._reader.generation
            self._pids, self._held = (float("-inf"), {}), (float("-inf"), {})
        if now_s - self._held[0] >= _READ_EVERY_S:
            self._held = (now_s, self._read(now_s))
        return self._held[1].get(slot, ())

    def _read(self, now_s: float) -> dict[str, tuple[GpuProcess, ...]]:
        sizes: dict[str, dict[int, int]] = {}
        seen: set[tuple[str, str]] = set()
        names = self._candidates(now_s)
        for pid in names:
            for slot, client, size in self._clients(pid):
                if (slot, client) not in seen:
                    seen.add((slot, client))
                    at = sizes.setdefault(slot, {})
                    at[pid] = at.get(pid, 0) + size
        return {
            slot: tuple(GpuProcess(pid, size, names[pid]) for pid, size in held.items())
            for slot, held in sizes.items()
        }

    def _candidates(self, now_s: float) -> dict[int, str]:
        """Model servers' processes on a live machine, every process of a recorded tree."""
        if now_s - self._pids[0] >= _LIST_EVERY_S:
            found = {}
            for entry in self._reader.listdir("/proc"):
                if entry.isdecimal():
                    name = clean_text(self._reader.text(f"/proc/{entry}/comm") or "", 64)
                    if not self._reader.live or is_server_process(name):
                        found[int(entry)] = name
            self._pids = (now_s, found)
        return self._pids[1]

    def _clients(self, pid: int) -> list[tuple[str, str, int]]:
        found = []
        for entry in self._reader.listdir(f"/proc/{pid}/fdinfo"):
            text = self._reader.text(f"/proc/{pid}/fdinfo/{entry}")
            if text and "drm-pdev" in text:
                values = pairs(text)
                slot = normal_slot(values["drm-pdev"]) if "drm-pdev" in values else None
                size = _size(values)
                if slot and size is not None:
                    found.append((slot, values.get("drm-client-id", f"{pid}/{entry}"), size))
        return found


def _size(values: Mapping[str, str]) -> int | None:
    for pattern in (_LOCAL, _LOCAL_OLD):
        parts = [_bytes(text) for key, text in values.items() if pattern.match(key)]
        if parts:
            return None if None in parts else sum(part for part in parts if part is not None)
    return None


def _bytes(text: str) -> int | None:
    number, _, unit = text.partition(" ")
    value = whole(number, 0, MAX_BYTES)
    scale = _UNITS.get(unit.strip())
    return None if value is None or scale is None or value * scale > MAX_BYTES else value * scale
