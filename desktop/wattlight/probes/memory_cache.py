"""What a device was when it was last awake, kept in a small file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from wattlight.domain.values import clean_text

from .numbers import MAX_BYTES

_MAX_FILE = 100_000
_MAX_DEVICES = 64


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
        """Remember; written by :meth:`save`."""
        if self._known.get(device_id) != facts:
            self._known[device_id] = facts

    def save(self) -> None:
        """Write the file if something changed, whole or not at all."""
        if self._file is None or self._known == self._saved:
            return
        document = {"schema": 1, "devices": {key: asdict(value) for key, value in self._known.items()}}
        part = self._file.with_suffix(f".{os.getpid()}.part")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(json.dumps(document), encoding="utf-8")
            part.replace(self._file)
            self._saved = dict(self._known)
        except OSError:
            part.unlink(missing_ok=True)


def _load(file: Path) -> dict[str, Remembered]:
    try:
        with file.open("rb") as stream:
            document = json.loads(stream.read(_MAX_FILE))
        items = list(document["devices"].items())[:_MAX_DEVICES]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
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
