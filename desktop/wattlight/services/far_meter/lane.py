"""The thread that asks one meter of another computer, with growing pauses while it is away."""

import logging
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wattlight.domain.state import FarMeter
from wattlight.domain.values import Problem
from wattlight.settings import ServerAddress

if TYPE_CHECKING:
    from wattlight.services.current import CurrentSettings, Servers
    from wattlight.services.factory import ServiceFactory
    from wattlight.services.hub import StateHub
    from wattlight.services.meter_service import MeterService

SHOWN_S = 5.0
HIDDEN_S = 60.0
LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What every lane needs of the program. ``zone`` is of days without a tariff."""

    factory: "ServiceFactory"
    settings: "CurrentSettings"
    hub: "StateHub"
    meter: "MeterService"
    zone: ZoneInfo
    servers: "Servers"


class Lane(ABC):
    """Asks the meter of one host until :meth:`stop`; what goes wrong is a sentence in the host's state."""

    hidden_s = HIDDEN_S

    def __init__(self, address: ServerAddress, parts: LaneParts) -> None:
        self.address, self.parts = address, parts
        self.leaving = threading.Event()
        self._wake = threading.Event()
        self._shown = False
        self._failures = 0
        self._last = FarMeter()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def ask(self) -> None:
        """Ask once, and tell what was said. Raises Problem."""

    @abstractmethod
    def end(self) -> None:
        """The last thing that is done on the thread."""

    def start(self) -> None:
        self._thread = self.parts.factory.threads.start(f"wattlight-far {self.address.host}", self._run)

    def set_shown(self, shown: bool) -> None:
        self._shown = shown
        if shown:
            self._wake.set()

    def leave(self) -> None:
        """End soon."""
        self.leaving.set()
        self._wake.set()

    def stop(self) -> bool:
        """End; False if that took longer than a second."""
        self.leave()
        if self._thread is None:
            return True
        self._thread.join(1.0)
        return not self._thread.is_alive()

    def token(self) -> str | None:
        """What the keyring keeps for this meter."""
        return self.parts.factory.keyring().get(self.address.meter_secret) if self.address.meter_key else None

    def tell(self, meter: FarMeter) -> None:
        self._last = meter
        self.parts.hub.update_host(self.address.host, lambda item: replace(item, meter=meter))

    def step(self) -> float:
        """Ask, and return how many seconds to wait before the next time."""
        try:
            self.ask()
        except Problem as problem:
            if self.leaving.is_set():
                return 0.0
            self._failures += 1
            self.tell(replace(self._last, power_w=None, said=str(problem)))
            logging.getLogger("wattlight").info("the meter of %s: %s", self.address.host, problem.message)
            return min(LONGEST_PAUSE_S, SHOWN_S * 2.0 ** min(self._failures, 8))
        self._failures = 0
        return SHOWN_S if self._shown else self.hidden_s

    def _run(self) -> None:
        try:
            while not self.leaving.is_set():
                self._wake.clear()
                pause = self.step()
                if not self.leaving.is_set():
                    self._wake.wait(pause)
        finally:
            self.end()
