"""Display and compute functions on the PCI bus, from the kernel's own book-keeping (wakes nothing)."""

import re
from dataclasses import dataclass, field, replace

from wattlight.domain.values import clean_text
from wattlight.i18n import marked

from ..numbers import pairs
from ..reader import Reader

PCI_FOLDER = "/sys/bus/pci/devices"
DRM_FOLDER = "/sys/class/drm"

_SLOT = re.compile(r"([0-9a-fA-F]{1,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])\Z")
_NODE = re.compile(r"(?:card|renderD)[0-9]+\Z")
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{1,8})\Z")
_ACCELERATOR_CLASSES = (0x03, 0x12)
"""Display controllers and processing accelerators."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One graphics or compute function.

    ``folder`` is its sysfs folder, ``gate`` the folder whose ``power/`` says whether it sleeps. ``slot`` is
    empty for a part that is not on PCI (then ``vendor_id`` is 0).
    """

    slot: str
    vendor_id: int
    device_id: int
    revision: int | None
    class_id: int
    driver: str
    folder: str
    gate: str
    card: str = ""
    render: str = ""

    @property
    def id(self) -> str:
        """Stable key: the PCI address."""
        return f"pci:{self.slot}" if self.slot else f"platform:{self.card or self.driver}"

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it the same adapter after a new search (its index may change)."""
        return (self.slot, self.pci_id, self.driver, self.folder, self.gate)

    @property
    def pci_id(self) -> str:
        """``vendor:device`` in lower-case hexadecimal."""
        return f"{self.vendor_id:04x}:{self.device_id:04x}"


def normal_slot(text: str) -> str | None:
    """A PCI address as ``dddd:bb:dd.f`` in lower case (NVML prints eight domain digits), else None."""
    match = _SLOT.match(text.strip())
    if match is None:
        return None
    domain, bus, device, function = match.groups()
    return f"{int(domain, 16):04x}:{bus}:{device}.{function}".lower()


def adapters(reader: Reader) -> list[Adapter]:
    """All graphics and compute functions, PCI ones first, in the order of their addresses. Never raises."""
    found: dict[str, Adapter] = {}
    nodes = [name for name in reader.listdir(DRM_FOLDER) if _NODE.match(name)]
    slots = reader.listdir(PCI_FOLDER)
    for name in slots:
        folder = f"{PCI_FOLDER}/{name}"
        class_id = _hexadecimal(reader.text(f"{folder}/class"))
        if class_id is not None and class_id >> 16 in _ACCELERATOR_CLASSES:
            adapter = _adapter(reader, folder, folder, normal_slot(name) or "", class_id)
            found[adapter.slot] = adapter
    for name in nodes:
        folder = f"{DRM_FOLDER}/{name}/device"
        described = pairs(reader.text(f"{folder}/uevent"), "=")
        slot = normal_slot(described.get("PCI_SLOT_NAME", "")) or ""
        known = found.get(slot or name)
        if known is None:
            if not slot and not described:
                continue
            gate = f"{PCI_FOLDER}/{slot}" if slot and slot in slots else folder
            class_id = _hexadecimal(reader.text(f"{folder}/class")) or 0
            known = _adapter(reader, folder, gate, slot, class_id)
        kind = "render" if name.startswith("render") else "card"
        found[slot or name] = _with_node(known, kind, name)
    ordered = sorted(found.values(), key=lambda a: (not a.slot, a.slot, a.card))
    return [a for a in ordered if a.slot or not a.render or a.card]


def _with_node(adapter: Adapter, kind: str, name: str) -> Adapter:
    if kind == "card":
        return adapter if adapter.card else replace(adapter, card=name)
    return adapter if adapter.render else replace(adapter, render=name)


def _adapter(reader: Reader, folder: str, gate: str, slot: str, class_id: int) -> Adapter:
    described = pairs(reader.text(f"{folder}/uevent"), "=")
    vendor, _, device = described.get("PCI_ID", "").partition(":")
    vendor_id = _hexadecimal(reader.text(f"{folder}/vendor"))
    device_id = _hexadecimal(reader.text(f"{folder}/device"))
    return Adapter(
        slot=slot,
        vendor_id=(_hexadecimal(vendor) or 0) if vendor_id is None else vendor_id,
        device_id=(_hexadecimal(device) or 0) if device_id is None else device_id,
        revision=_hexadecimal(reader.text(f"{folder}/revision")),
        class_id=class_id,
        driver=clean_text(described.get("DRIVER", "") or reader.readlink(f"{folder}/driver") or "", 40),
        folder=folder,
        gate=gate,
    )


def _hexadecimal(text: str | None) -> int | None:
    match = _HEX.match((text or "").strip())
    return int(match.group(1), 16) if match else None


IDLE_S = 30.0
IDLE_LOOKS = 3
"""After so long and so many looks without load or compute process a card that may sleep is let go."""
ASLEEP = marked("asleep: close to 0 W, not measured")
"""The reason given for every unknown of a sleeping device."""


@dataclass(slots=True)
class IdleWatch:
    """Decides when a card that could sleep but for our looking is let go, and when it is asked again."""

    may_sleep: bool
    released: bool = False
    _looks: int = field(default=0)
    _since_s: float | None = field(default=None)

    def note(self, idle: bool, at_s: float) -> bool:
        """One look; True when the card is to be let go now."""
        if not (self.may_sleep and idle):
            self._looks, self._since_s = 0, None
            return False
        self._looks += 1
        if self._since_s is None:
            self._since_s = at_s
        self.released = self._looks >= IDLE_LOOKS and at_s - self._since_s >= IDLE_S
        return self.released

    def rearm(self) -> None:
        """It slept in between, or a model was loaded: look again."""
        self.released, self._looks, self._since_s = False, 0, None


class SleepGate:
    """The gate of one PCI function: reads ``power/runtime_status`` with a kept descriptor.

    ``active``, ``unsupported``, ``error`` and a missing file count as awake (integrated chips answer so
    while they are in use); ``suspended`` and ``suspending`` as asleep; ``resuming`` as "skip this look".
    """

    def __init__(self, reader: Reader, adapter: Adapter) -> None:
        self._reader = reader
        self._path = f"{adapter.gate}/power/runtime_status"
        self._control = f"{adapter.gate}/power/control"
        self._there = reader.exists(self._path)

    def status(self) -> str:
        """``awake``, ``asleep`` or ``resuming``. Never raises."""
        if not self._there:
            return "awake"
        try:
            word = self._reader.again(self._path, 32).decode("ascii", "replace").strip()
        except OSError:
            return "awake"
        if word in {"suspended", "suspending"}:
            return "asleep"
        return "resuming" if word == "resuming" else "awake"

    def may_sleep(self) -> bool:
        """Whether runtime power management is on (``power/control`` is ``auto``). Never raises."""
        return self._reader.text(self._control) == "auto"
