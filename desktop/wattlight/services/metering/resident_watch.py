"""Knows which models are resident, by asking the server now and then on a thread of its own."""

import logging
import threading
from collections.abc import Callable

from wattlight.domain.state import RunningModel, ServerState, ServerStatus

from .sampler import Beat, ThreadBeat

POLL_S = 15.0


class ResidentWatch:
    """Asks every 15 s. ``ask`` gets the state before and returns the new one; it never raises."""

    def __init__(
        self,
        ask: Callable[[ServerState | None], ServerState],
        poll_s: float = POLL_S,
        beat: Beat | None = None,
    ) -> None:
        self._ask = ask
        self._poll_s = poll_s
        self._beat: Beat = beat or ThreadBeat()
        self._state: ServerState | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    def running(self) -> tuple[RunningModel, ...] | None:
        """Models resident when last asked: none where no server runs, None where nobody knows."""
        return running_of(self._state)

    def start(self) -> None:
        """Ask once, then go on in a thread."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="resident-watch", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread; False if a request is stuck."""
        self._ended = True
        self._beat.wake()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def look(self) -> None:
        """Ask now."""
        try:
            self._state = self._ask(self._state)
        except Exception:
            logging.getLogger("wattlight").exception("the server could not be asked")
            self._state = None

    def _run(self) -> None:
        while not self._ended:
            self._beat.wait(self._poll_s)
            if not self._ended:
                self.look()


def running_of(state: ServerState | None) -> tuple[RunningModel, ...] | None:
    """What a server's state says about resident models.

    A server that is not there has none. One that does not answer, or something else on its port, leaves
    it unknown.
    """
    if state is None:
        return None
    if state.status is ServerStatus.READY:
        return state.running
    return () if state.status is ServerStatus.ABSENT else None
