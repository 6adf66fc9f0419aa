"""The one thread that asks plugs, and the plug as a part of the machine."""

import time
from collections.abc import Callable
from threading import Condition, Event

from wattlight import StartThread, start_thread
from wattlight.domain.plug import PlugCounter, PlugPart, PlugProblem, PlugReading
from wattlight.domain.power import compose
from wattlight.domain.values import DeviceSample
from wattlight.domain.wall import PLUG_EVERY_S
from wattlight.settings import PlugSettings

from ..samples import within
from .kinds import open_plug

LONGEST_PAUSE_S = 60.0
"""A plug that does not answer is asked less and less often, down to this."""


class PlugWatch:
    """Asks the plug of the settings while it is started. What goes wrong is a sentence in the part.

    Args:
        secret: gives the password or token, asked on the thread (a keyring may wait for its owner).
    """

    def __init__(
        self,
        settings: PlugSettings,
        secret: Callable[[], str | None] = lambda: None,
        start: StartThread = start_thread,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], float] = time.time,
        every_s: float = PLUG_EVERY_S,
    ) -> None:
        self._settings, self._secret, self._start = settings, secret, start
        self._clock, self._utc, self._every_s = clock, utc, every_s
        self._counter = PlugCounter()
        name = " ".join((settings.kind, settings.address, settings.outlet, settings.energy))
        self._part = PlugPart(settings.hangs, name)
        self._answered = Condition()
        self._reading: PlugReading | None = None
        self._reason: str | None = None
        self._asked = False
        self._over = Event()
        self._begun = False

    def wait(self, timeout_s: float) -> bool:
        """Begin, and wait for the first answer or the first fault; False if neither came in time."""
        self._begin()
        with self._answered:
            return self._answered.wait_for(lambda: self._asked, timeout_s)

    def joined(
        self, parts: tuple[DeviceSample, ...], on_battery: bool, now_s: float
    ) -> tuple[DeviceSample, ...]:
        """The parts with the plug before them, which contains them all. Never waits."""
        self._begin()
        with self._answered:
            reading, reason = self._reading, self._reason
        plug = self._part.sample(reading, reason, now_s, compose(parts).measured_w, on_battery)
        return within(plug, parts)

    def close(self) -> None:
        """Ask no more; the thread ends by itself."""
        self._over.set()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._start("wattlight-plug", self._run)

    def _run(self) -> None:
        pause_s, plug = self._every_s, None
        while not self._over.is_set():
            try:
                plug = plug or open_plug(self._settings, self._secret())
                self._part.source = plug.source
                self._tell(self._counter.take(self._clock(), self._utc(), plug.read()), None)
                pause_s = self._every_s
            except PlugProblem as problem:
                self._tell(None, str(problem))
                pause_s = min(2 * pause_s, max(LONGEST_PAUSE_S, self._every_s))
            self._over.wait(pause_s)

    def _tell(self, reading: PlugReading | None, reason: str | None) -> None:
        with self._answered:
            self._reading, self._reason = reading or self._reading, reason
            self._asked = True
            self._answered.notify_all()
