"""What every vendor's probe is, gets and gives."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from wattlight.domain.values import (
    UNREADABLE,
    Device,
    DeviceMemory,
    DeviceSample,
    GpuProcess,
    clean_text,
    unknown,
)
from wattlight.i18n import marked
from wattlight.paths import read_small, write_whole

from .linux.fdinfo import ProcessesOnDevices
from .linux.pci import Adapter
from .numbers import MAX_BYTES, Moment
from .nvidia.nvml import NvmlApi
from .reader import Reader
from .report import Environment, Memory

_MAX_FILE = 100_000
_MAX_DEVICES = 64

NvmlFactory = Callable[[], NvmlApi]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Name and memory size of a device, and the PCI id that must match for them to be believed."""

    pci_id: str
    name: str
    name_source: str
    memory_total_bytes: int | None
    capability: str | None = None


class DeviceCache:
    """Remembers devices by id. Damaged or unwritable files are as good as none; nothing here raises."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = {} if file is None else _load(file)
        self._saved = dict(self._known)

    def get(self, device_id: str, pci_id: str) -> Remembered | None:
        """What is remembered of ``device_id``, None if another card sits there now."""
        found = self._known.get(device_id)
        return found if found and found.pci_id == pci_id else None

    def put(self, device_id: str, facts: Remembered) -> None:
        if self._known.get(device_id) != facts:
            self._known[device_id] = facts

    def save(self) -> None:
        """Write the file if something changed, whole or not at all."""
        if self._file is None or self._known == self._saved:
            return
        document = {"schema": 1, "devices": {key: asdict(value) for key, value in self._known.items()}}
        with contextlib.suppress(OSError):
            write_whole(self._file, json.dumps(document).encode())
            self._saved = dict(self._known)


def _load(file: Path) -> dict[str, Remembered]:
    try:
        document = json.loads(read_small(file, _MAX_FILE))
        items = list(document["devices"].items())[:_MAX_DEVICES]
    except UNREADABLE:
        return {}
    return {key: facts for key, item in items if (facts := _facts(item))}


def _facts(item: object) -> Remembered | None:
    if not isinstance(item, dict):
        return None
    texts = [item.get(key) for key in ("pci_id", "name", "name_source")]
    if not all(isinstance(text, str) for text in texts):
        return None
    size = item.get("memory_total_bytes")
    good = isinstance(size, int) and not isinstance(size, bool) and 0 < size <= MAX_BYTES
    capability = item.get("capability")
    pci_id, name, source = (clean_text(str(text)) for text in texts)
    return Remembered(
        pci_id,
        name,
        source,
        size if good else None,
        clean_text(capability, 16) if isinstance(capability, str) else None,
    )


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What a vendor's ``find`` gets: the machine as the operating system shows it."""

    reader: Reader
    adapters: tuple[Adapter, ...]
    environment: Environment
    cache: DeviceCache
    nvml: NvmlFactory
    held: ProcessesOnDevices

    @property
    def contained(self) -> bool:
        """In a container: the driver's process ids are the host's."""
        return self.environment.container is not None


class Probe:
    """One independent source of accelerators: it may hang without delaying another one."""

    key: str
    signature: tuple[object, ...] = ()
    """What it was found by: a probe that is found again with the same one is kept, with its baselines."""

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        """What it says now; ``memory`` is the system's, for unified devices. Should not raise."""
        raise NotImplementedError

    def engine_started(self) -> None:
        """A model server has loaded a model: what was let go may be asked again."""

    def close(self) -> None:
        """Give back everything."""


class Processes:
    """Names of processes by id, remembered; ids are reused, so a name is kept for a minute only.

    ``foreign``: the ids are those of another process table (a driver asked from a container gives the
    host's): then no name is known.
    """

    def __init__(self, reader: Reader, foreign: bool = False) -> None:
        self._reader = reader
        self.foreign = foreign
        self._names: dict[int, tuple[float, str]] = {}

    def name(self, pid: int, now_s: float) -> str:
        """The command's short name, empty if unknown (another user's, gone). Never raises."""
        if self.foreign:
            return ""
        known = self._names.get(pid)
        if known and now_s - known[0] < 60:
            return known[1]
        if len(self._names) > 256:
            self._names.clear()
        name = clean_text(self._reader.text(f"/proc/{pid}/comm") or _by_library(self._reader, pid), 64)
        self._names[pid] = (now_s, name)
        return name


def _by_library(reader: Reader, pid: int) -> str:
    """The name on systems without ``/proc``."""
    if not reader.live or reader.exists("/proc/self"):
        return ""
    try:
        import psutil

        return str(psutil.Process(pid).name())
    except Exception:  # noqa: BLE001 - gone, another user's, or the library cannot: a name is a nicety
        return ""


def server_holds(processes: tuple[GpuProcess, ...]) -> int | None:
    """Bytes of a device that model servers hold; None when there is none or the part of one is not known."""
    ours = [p.memory_bytes for p in processes if p.is_server]
    known = [size for size in ours if size is not None]
    return sum(known) if known and len(known) == len(ours) else None


def with_servers(row: DeviceSample, ids: frozenset[int]) -> DeviceSample:
    """``row`` with the processes of ``ids`` marked as a model server's, and what they hold of it."""
    if not any(process.pid in ids and not process.is_server for process in row.processes):
        return row
    processes = tuple(replace(p, serves=p.serves or p.pid in ids) for p in row.processes)
    memory = replace(row.memory, server_holds_bytes=server_holds(processes))
    return replace(row, processes=processes, memory=memory)


REMEMBERED = marked("remembered from when it was awake")
NOT_REMEMBERED = marked("its size is seen only while it is awake, and is then remembered")


def resting(device: Device, state: str, reason: str, cache: DeviceCache) -> DeviceSample:
    """``device`` with nothing read, the remembered name and memory size, and the reason everywhere."""
    known = cache.get(device.id, device.pci_id or "")
    total = known.memory_total_bytes if known else None
    if known:
        device = replace(
            device, name=known.name, name_source=known.name_source, compute_capability=known.capability
        )
    memory = DeviceMemory(
        dedicated_total_bytes=total,
        dedicated_total_source=REMEMBERED if total else None,
        llm_total_bytes=total,
        cached=total is not None,
        reason=None if total is not None else NOT_REMEMBERED if state == "asleep" else reason,
    )
    return DeviceSample(device, unknown(reason), unknown(reason), state, memory)


def silenced(row: DeviceSample, said: str) -> DeviceSample:
    """``row`` of a device that gives no answer any more."""
    return replace(
        row,
        power=unknown(said),
        load=unknown(said),
        counter_mj=None,
        temperature_c=None,
        hotspot_c=None,
        memory_temperature_c=None,
        fan_rpm=None,
        processes=(),
        messages=(*row.messages, said),
    )


def remember(row: DeviceSample, cache: DeviceCache) -> None:
    """Keep name and memory size for the time the device sleeps."""
    device, total = row.device, row.memory.dedicated_total_bytes
    if total is not None and not row.memory.unified:
        facts = Remembered(
            device.pci_id or "", device.name, device.name_source, total, device.compute_capability
        )
        cache.put(device.id, facts)


KNOWN_VENDORS = {0x10DE, 0x1002, 0x8086}
_VIRTUAL_DRIVERS = "virtio_gpu virtio-pci vmwgfx vboxvideo bochs-drm qxl hyperv_drm cirrus"


def is_ignored(adapter: Adapter) -> bool:
    if adapter.driver in _VIRTUAL_DRIVERS.split() or adapter.vendor_id not in KNOWN_VENDORS:
        return True
    return adapter.vendor_id == 0x8086 and adapter.class_id >> 16 == 0x12


def label(adapter: Adapter) -> str:
    """ "virtio_gpu 1af4:1050"; the driver alone where there is no PCI id."""
    words = [adapter.driver or "no driver"] + ([adapter.pci_id] if adapter.vendor_id else [])
    return " ".join(words)
