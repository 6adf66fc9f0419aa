"""Device memory and use by processes we may look into (our own user's), from ``/proc/PID/fdinfo``.

A lower bound: other users' processes are not seen. One client has several descriptors and is counted once.
Keys as in the kernel's Documentation/gpu/drm-usage-stats.rst.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wattlight.domain.values import GpuProcess
from wattlight.i18n import marked

from ..numbers import MAX_BYTES, pairs, whole
from ..reader import Reader
from ..server_processes import ServerProcesses
from .pci import normal_slot

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LOCAL = re.compile(r"drm-resident-(vram|local)[0-9]*\Z")
_LOCAL_OLD = re.compile(r"drm-memory-(vram|local)[0-9]*\Z")
_WORKING = re.compile(r"drm-(engine|cycles)-(gfx|compute|render|rcs|ccs)[0-9]*\Z")
"""Engines that compute or draw; those that copy, decode and encode draw little."""
_READ_EVERY_S = 0.9
_LOOK_AGAIN_S = 120.0
"""A process may open the GPU later than it starts: all are looked through this often, young ones always."""
_MAX_NS = 1 << 63
OTHER_USERS = marked("what other users' programs do on this GPU cannot be seen")


@dataclass(frozen=True, slots=True)
class _Client:
    """One open GPU of a process: engines by name as (busy so far, of so much; None: of the time in ns)."""

    slot: str
    id: str
    size_bytes: int | None
    engines: Mapping[str, tuple[int, int | None]]


class ProcessesOnDevices:
    """What processes hold of each device and how busy they keep it.

    On a live machine model servers are always looked through, other programs only beside one: only then it
    matters whose work it is.
    """

    def __init__(self, reader: Reader, servers: ServerProcesses | None = None) -> None:
        self._reader = reader
        self._servers = servers or ServerProcesses(reader)
        self._generation = reader.generation
        self._files: dict[str, list[str]] = {}
        self._looked_s = self._read_s = self._engines_s = float("-inf")
        self._engines: dict[tuple[str, str], Mapping[str, tuple[int, int | None]]] = {}
        self._held: dict[str, tuple[GpuProcess, ...]] = {}

    @property
    def reason(self) -> str | None:
        """Why some processes are not seen; None where all are."""
        return None if self._reader.live and os.geteuid() == 0 else OTHER_USERS

    def on(self, slot: str, now_s: float) -> tuple[GpuProcess, ...]:
        """Processes with memory on the device at a PCI address. Never raises."""
        if self._generation != self._reader.generation:
            self._generation = self._reader.generation
            self._looked_s = self._read_s = float("-inf")
        if now_s - self._read_s >= _READ_EVERY_S:
            self._held = self._read(now_s)
            self._read_s = self._engines_s = now_s
        return self._held.get(slot, ())

    def _read(self, now_s: float) -> dict[str, tuple[GpuProcess, ...]]:
        names = self._find(now_s)
        elapsed_ns = (now_s - self._engines_s) * 1e9
        sizes: dict[tuple[str, str], int] = {}
        busy: dict[tuple[str, str], float] = {}
        before, self._engines = self._engines, {}
        for entry, paths in self._files.items():
            for client in self._clients(entry, paths):
                key = (client.slot, client.id)
                if key in self._engines:
                    continue
                self._engines[key] = client.engines
                at = (client.slot, entry)
                if client.size_bytes is not None:
                    sizes[at] = sizes.get(at, 0) + client.size_bytes
                share = _share(before.get(key), client.engines, elapsed_ns)
                if share is not None:
                    busy[at] = busy.get(at, 0.0) + share
        found: dict[str, list[GpuProcess]] = {}
        for slot, entry in dict.fromkeys((*sizes, *busy)):
            at = (slot, entry)
            use = min(100.0, busy[at]) if at in busy else None
            process = GpuProcess(int(entry), sizes.get(at), names.get(entry, ""), use)
            found.setdefault(slot, []).append(process)
        return {slot: tuple(processes) for slot, processes in found.items()}

    def _find(self, now_s: float) -> dict[str, str]:
        """Names of all processes. Which descriptors are those of a GPU is looked up too: young processes' at
        every look, all of them now and then."""
        again = now_s - self._looked_s >= _LOOK_AGAIN_S
        if again:
            self._looked_s = now_s
        files = {} if again else self._files
        names = self._servers.names.look(now_s, anew=again)
        servers = self._servers.entries(now_s)
        look_into = servers | self._servers.names.young
        self._files = {
            entry: files[entry] if entry in files and entry not in look_into else self._descriptors(entry)
            for entry in (names if servers or not self._reader.live else servers)
        }
        return names

    def _descriptors(self, entry: str) -> list[str]:
        names = self._reader.listdir(f"/proc/{entry}/fdinfo")
        if self._reader.live:
            links = ((name, self._reader.readlink(f"/proc/{entry}/fd/{name}") or "") for name in names)
            names = [name for name, link in links if link.startswith(("renderD", "card"))]
        return [f"/proc/{entry}/fdinfo/{name}" for name in names]

    def _clients(self, entry: str, paths: list[str]) -> Iterator[_Client]:
        for path in paths:
            text = self._reader.text(path)
            if not text or "drm-pdev" not in text:
                continue
            values = pairs(text)
            slot = normal_slot(values.get("drm-pdev", ""))
            if slot:
                client = values.get("drm-client-id", f"{entry}/{path}")
                yield _Client(slot, client, _size(values), _engines(values))


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


def _engines(values: Mapping[str, str]) -> dict[str, tuple[int, int | None]]:
    """Time in ns (amdgpu, i915), or cycles of the engine's total cycles (xe), divided by its capacity."""
    found = {}
    for key, text in values.items():
        if not _WORKING.match(key):
            continue
        _, kind, name = key.split("-", 2)
        busy = whole(text.partition(" ")[0], 0, _MAX_NS)
        capacity = whole(values.get(f"drm-engine-capacity-{name}", "1"), 1, 64) or 1
        total = whole(values.get(f"drm-total-cycles-{name}", ""), 1, _MAX_NS)
        if busy is not None and (kind == "engine" or total is not None):
            found[key] = (busy // capacity, None if kind == "engine" else total)
    return found


def _share(
    before: Mapping[str, tuple[int, int | None]] | None,
    now: Mapping[str, tuple[int, int | None]],
    elapsed_ns: float,
) -> float | None:
    """Percent of the time in which the busiest engine worked for a client; None before the second look."""
    shares = []
    for name, (busy, total) in now.items():
        if before is None or name not in before:
            continue
        was_busy, was_total = before[name]
        of = elapsed_ns if total is None or was_total is None else float(total - was_total)
        if of > 0 and busy >= was_busy:
            shares.append(100.0 * (busy - was_busy) / of)
    return min(100.0, max(shares)) if shares else None
