"""Awake or asleep, from the operating system's own book-keeping, before any driver is touched."""

from dataclasses import dataclass, field

from .pci import Adapter
from .reader import Reader

IDLE_S = 30.0
IDLE_LOOKS = 3
"""After so long and so many looks without load or compute process a card that may sleep is let go."""
ASLEEP = "asleep: close to 0 W, not measured"
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
