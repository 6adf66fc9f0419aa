"""The beat of the meter: asks the probes, hands each sample on, sleeps in between."""

import logging
import threading
from collections.abc import Callable

from wattlight import StartThread, start_thread
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel, ServerState
from wattlight.i18n import tr

FAILURES_TO_TELL = 3


class Beat:
    """How a thread waits for its next look."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or earlier when woken."""
        self._event.wait(seconds)
        self._event.clear()

    def wake(self) -> None:
        self._event.set()


class _Beating:
    """One daemon thread that looks, waits for a beat and looks again."""

    name = ""

    def __init__(self, beat: Beat | None, start: StartThread) -> None:
        self._beat = beat or Beat()
        self._start = start
        self._ended = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._ended = False
            self._thread = self._start(self.name, self._run)

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End the thread; False if what it asks is stuck."""
        self._ended = True
        self._beat.wake()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        stopped = not self._thread.is_alive()
        if stopped:
            self._thread = None
        return stopped

    def _run(self) -> None:
        raise NotImplementedError


class Sampler(_Beating):
    """Looks at the machine: once a second while someone watches, else at the hidden interval (1 s at least),
    and a last time when it ends.

    Args:
        sample: one cheap look at the machine (the prober's).
        take: receives each sample, on this thread.
        expect: is told the beat in seconds whenever it changes.
        failed: receives one sentence when the probes fail three times in a row.
    """

    name = "sampler"

    def __init__(
        self,
        sample: Callable[[], MachineSample],
        take: Callable[[MachineSample], None],
        shown_s: float = 1.0,
        hidden_s: float = 5.0,
        expect: Callable[[float], None] | None = None,
        failed: Callable[[str], None] | None = None,
        beat: Beat | None = None,
        start: StartThread = start_thread,
    ) -> None:
        super().__init__(beat, start)
        self._sample = sample
        self._take = take
        self._shown_s = max(1.0, shown_s)
        self._hidden_s = max(1.0, hidden_s)
        self._expect = expect or (lambda _s: None)
        self._failed = failed or (lambda _text: None)
        self._watching = False
        self._failures = 0

    @property
    def interval_s(self) -> float:
        """Seconds between two samples now."""
        return self._shown_s if self._watching else self._hidden_s

    def set_watching(self, watching: bool) -> None:
        """Someone looks, or nobody does any more; takes effect at once."""
        if watching != self._watching:
            self._watching = watching
            self._expect(self.interval_s)
            if watching:
                self._beat.wake()

    def look_now(self) -> None:
        """Do not wait for the end of the present beat."""
        self._beat.wake()

    def set_intervals(self, shown_s: float, hidden_s: float) -> None:
        self._shown_s, self._hidden_s = max(1.0, shown_s), max(1.0, hidden_s)
        self._expect(self.interval_s)

    def start(self) -> None:
        if self._thread is None:
            self._expect(self.interval_s)
        super().start()

    def tick(self) -> bool:
        """One look; False if it failed. An error of a probe never ends the meter."""
        try:
            self._take(self._sample())
        except Exception:
            self._failures += 1
            if self._failures <= FAILURES_TO_TELL:
                logging.getLogger("wattlight").exception("a sample failed")
            if self._failures == FAILURES_TO_TELL:
                self._failed(tr("The sensors cannot be read; Wattlight goes on trying."))
            return False
        self._failures = 0
        return True

    def _run(self) -> None:
        while not self._ended:
            self.tick()
            if not self._ended:
                # after repeated failures look less often
                self._beat.wait(self.interval_s * min(12, 2 ** max(0, self._failures - 2)))
        if not self._failures:
            self.tick()  # what was used since the last beat


POLL_S = 15.0


class ResidentWatch(_Beating):
    """Asks every 15 s. ``ask`` gets the state before and returns the new one; it never raises."""

    name = "resident-watch"

    def __init__(
        self,
        ask: Callable[[ServerState | None], ServerState],
        poll_s: float = POLL_S,
        beat: Beat | None = None,
        start: StartThread = start_thread,
    ) -> None:
        super().__init__(beat, start)
        self._ask = ask
        self._poll_s = poll_s
        self._state: ServerState | None = None

    def running(self) -> tuple[RunningModel, ...] | None:
        """Models resident when last asked: none where no server runs, None where nobody knows."""
        return running_of(self._state)

    def start(self) -> None:
        """Ask once, then go on in a thread."""
        self.look()
        super().start()

    def look(self) -> None:
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
    """What a server's state says about resident models; None where nothing is known."""
    return None if state is None else state.resident
