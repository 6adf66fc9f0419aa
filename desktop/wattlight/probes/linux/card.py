"""What GPUs of AMD and Intel share on Linux: sleep, names, and sensors found by label, never by index."""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from wattlight.domain.values import Device, DeviceSample, clean_text
from wattlight.i18n import marked

from ..device_table import name_of
from ..numbers import Moment, again_whole, celsius_of
from ..nvidia.session import RESUMING
from ..probe import Probe, ProbeContext, remember, resting
from ..reader import Reader
from ..report import Memory
from .pci import ASLEEP, Adapter, SleepGate

GONE = {errno.ENOENT, errno.ENODEV}
"""What a sensor answers after its driver was reloaded: it has another number now."""
_INPUT = re.compile(r"(temp|fan|energy|power|in|curr)([0-9]+)_(input|average)\Z")


@dataclass(slots=True)
class Hwmon:
    """Paths of the sensors of one device.

    ``labels`` maps ``temp2`` to its label (empty where it has none); ``files`` are the names in the folder.
    """

    folder: str
    files: frozenset[str]
    labels: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str | None:
        return f"{self.folder}/{name}" if name in self.files else None

    def labelled(self, kind: str, label: str) -> str | None:
        """The sensor of this kind ("temp") with this label."""
        return next(
            (key for key, text in self.labels.items() if key.startswith(kind) and text == label), None
        )

    def of_kind(self, kind: str) -> list[str]:
        """Sensors of a kind in the order of their numbers."""
        found = [key for key in self.labels if re.fullmatch(kind + "[0-9]+", key)]
        return sorted(found, key=lambda key: int(key[len(kind) :]))


def find_hwmon(reader: Reader, device_folder: str, names: tuple[str, ...]) -> Hwmon | None:
    """The hwmon of a device whose ``name`` is one of ``names``; None without one. Never raises."""
    return next(find_hwmons(reader, device_folder, names), None)


def find_hwmons(reader: Reader, device_folder: str, names: tuple[str, ...]) -> Iterator[Hwmon]:
    """All of them. Never raises."""
    for entry in reader.listdir(f"{device_folder}/hwmon"):
        folder = f"{device_folder}/hwmon/{entry}"
        if reader.text(f"{folder}/name") in names:
            files = frozenset(reader.listdir(folder))
            keys = {match.group(1) + match.group(2) for f in files if (match := _INPUT.match(f))}
            labels = {
                key: clean_text(reader.text(f"{folder}/{key}_label") or "", 40)
                if f"{key}_label" in files
                else ""
                for key in sorted(keys)
            }
            yield Hwmon(folder, files, labels)


RESERVED = marked("This GPU is reserved for a virtual machine (vfio).")
OLD_DRIVER = marked("The old radeon driver reports neither memory nor power for this GPU.")
NO_DRIVER = marked("No driver is loaded for this GPU.")


class Asleep(Exception):
    """The card answered that it sleeps."""


class LinuxGpu(Probe):
    """One GPU whose driver tells in files. Whoever derives from it prepares what is read once and reads."""

    vendor: ClassVar[str]
    drivers: ClassVar[tuple[str, ...]]

    def __init__(
        self, context: ProbeContext, adapter: Adapter, integrated: bool, gfx: str | None = None
    ) -> None:
        self.key = f"{self.vendor} {adapter.slot}"
        self.signature = adapter.identity
        self._context, self._reader, self._adapter = context, context.reader, adapter
        self._gate = SleepGate(context.reader, adapter)
        self._hwmon: Hwmon | None = None
        self._prepared = -1
        self._stale = False
        self._slept = False
        self._woke_s = float("-inf")
        self._limit_w: float | None = None
        name, source = name_of(context.reader, adapter, not integrated)
        self._device = Device(
            adapter.id,
            name,
            "rocm" if gfx else "vulkan",
            integrated=integrated,
            vendor=self.vendor,
            driver=adapter.driver or None,
            name_source=source,
            pci_id=adapter.pci_id,
            gfx_target=gfx,
        )

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        if self._adapter.driver not in self.drivers:
            said = {"radeon": OLD_DRIVER, "vfio-pci": RESERVED}.get(self._adapter.driver, NO_DRIVER)
            row = self._rest("unavailable" if said == RESERVED else "active", said)
            return (replace(row, usable=False, messages=(said,)),)
        word = self._gate.status()
        if word == "resuming":
            return (self._rest("active", RESUMING),)
        try:
            if word == "asleep":
                raise Asleep
            if self._slept:
                self._slept, self._woke_s = False, now.monotonic_s
            if self._prepared != self._reader.generation or self._stale:
                self._prepared, self._stale = self._reader.generation, False
                self._hwmon = find_hwmon(self._reader, self._adapter.folder, self.drivers)
                self._prepare()
            row = self._read(now, memory)
        except Asleep:
            self._slept = True
            return (self._rest("asleep", ASLEEP),)
        remember(row, self._context.cache)
        return (row,)

    def _prepare(self) -> None:
        """Read once, at the first look at the awake device, and again when its sensors have moved."""
        raise NotImplementedError

    def _read(self, now: Moment, memory: Memory) -> DeviceSample:
        raise NotImplementedError

    def _rest(self, state: str, reason: str) -> DeviceSample:
        return resting(self._device, state, reason, self._context.cache)

    def _path(self, name: str) -> str | None:
        return self._hwmon.path(name) if self._hwmon else None

    def _sensor(self, name: str, low: int, high: int) -> int | None:
        """A figure of the hwmon folder, None where it is not there, not readable or not credible."""
        path = self._path(name)
        try:
            return None if path is None else again_whole(self._reader, path, low, high)
        except OSError:
            return None

    def _degrees(self, label: str) -> float | None:
        sensor = self._hwmon.labelled("temp", label) if self._hwmon else None
        return None if sensor is None else celsius_of(self._sensor(f"{sensor}_input", -300_000, 300_000))
