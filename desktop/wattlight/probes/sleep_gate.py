"""Awake or asleep, from the operating system's own book-keeping, before any driver is touched."""

from .pci import Adapter
from .reader import Reader

ASLEEP = "asleep: close to 0 W, not measured"
"""The reason given for every unknown of a sleeping device."""


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
