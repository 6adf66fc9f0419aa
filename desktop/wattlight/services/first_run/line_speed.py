"""How fast the line is, from the first 20 MB of a download."""

from wattlight.domain.state import PullState

ENOUGH_BYTES = 20_000_000
LONGEST_S = 60.0
"""On a line so slow that 20 MB take longer, what came until then is enough."""
LEAST_BYTES = 1_000_000


class LineTimer:
    """Fed with the states of downloads as they come; counts only what arrives while it watches.

    What a server had on its disk from an earlier try is not counted: the clock starts with the first state
    that shows bytes. A pause of the server (it verifies, it waits) is no speed either: only the first
    stretch of a download is timed.
    """

    def __init__(self) -> None:
        self._model = ""
        self._begun: tuple[float, int] | None = None
        self._timed = False

    def take(self, pull: PullState, at_s: float) -> float | None:
        """Bytes per second when this state completes a measurement, else None. ``at_s`` is monotonic."""
        if pull.model != self._model:
            self._model, self._begun, self._timed = pull.model, None, False
        if self._timed or pull.error or pull.cancelled or not pull.total_bytes:
            return None
        if self._begun is None:
            if pull.completed_bytes > 0:
                self._begun = (at_s, pull.completed_bytes)
            return None
        seconds = at_s - self._begun[0]
        came = pull.completed_bytes - self._begun[1]
        ended = pull.completed_bytes >= pull.total_bytes or seconds >= LONGEST_S
        if seconds <= 0 or not (came >= ENOUGH_BYTES or (ended and came >= LEAST_BYTES)):
            return None
        self._timed = True
        return came / seconds
