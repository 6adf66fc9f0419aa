"""What every vendor's probe gets and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wattlight.domain.values import clean_text

from .memory_cache import DeviceCache
from .nvml_api import NvmlApi
from .pci import Adapter
from .rates import Moment
from .reader import Reader
from .report import Accelerator, Environment, Memory


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine as a vendor's ``find`` sees it."""

    reader: Reader
    adapters: tuple[Adapter, ...]
    environment: Environment
    cache: DeviceCache
    nvml: Callable[[], NvmlApi]


class Part(Protocol):
    """One independent source of accelerators: it may hang without delaying another part."""

    key: str
    signature: tuple[object, ...]
    """What it was found by: a part that is found again with the same one is kept, with its baselines."""

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """What it says now; ``memory`` is the system's, for unified devices. Should not raise."""

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
        self._foreign = foreign
        self._names: dict[int, tuple[float, str]] = {}

    def name(self, pid: int, now_s: float) -> str:
        """The command's short name, empty if unknown (another user's, gone). Never raises."""
        if self._foreign:
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
