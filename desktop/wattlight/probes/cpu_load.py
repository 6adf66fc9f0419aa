"""How busy the processor is, from ``/proc/stat``; needed only where its power can merely be estimated."""

from .numbers import whole
from .rates import Moment
from .reader import Reader

_STAT = "/proc/stat"


class CpuLoad:
    """Busy share of all processors between two looks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: tuple[int, int] | None = None

    def percent(self, now: Moment) -> float | None:
        """0..100, None at the first look and when the file says nothing new. Never raises."""
        try:
            line = self._reader.again(_STAT, 512).decode("ascii", "replace").split("\n")[0]
        except OSError:
            return None
        ticks = [whole(word) for word in line.split()[1:9]]
        known = [tick for tick in ticks if tick is not None]
        if not line.startswith("cpu ") or len(known) != 8:
            return None
        total, idle = sum(known), known[3] + known[4]
        last, self._last = self._last, (total, idle)
        if last is None or total <= last[0] or idle < last[1]:
            return None
        return min(100.0, max(0.0, 100 * (1 - (idle - last[1]) / (total - last[0]))))
