"""The services of a running program on paper: nothing listens or measures."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wattlight.domain.state import AppState, HostState, ServerState
from wattlight.domain.values import LOCAL_HOST, MachineProfile
from wattlight.services.benchmark import PowerHistory
from wattlight.services.current import CurrentSettings, Servers
from wattlight.services.factory import ServiceFactory
from wattlight.services.first_run import SetupGuide
from wattlight.services.hub import StateHub
from wattlight.settings import ServerAddress, Settings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"


class Factory(ServiceFactory):
    """Of one folder; its clock stands still."""

    def now(self) -> datetime:
        return NOW


class Uses:
    """As much of the counting as the guide uses."""

    def count(self, use: object) -> None:
        """Nothing."""


class Services:
    """The parts that others are built from, and a way to wait for a state."""

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        profile: MachineProfile | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        wanted = settings if settings is not None else Settings(servers=(ServerAddress(url=NOWHERE),))
        environment = {"WATTLIGHT_HOME": str(folder), "PATH": "", "HOME": str(folder), "TZ": "Europe/Berlin"}
        self.factory = Factory({**environment, **(environ or {})})
        self.settings = CurrentSettings(wanted, self.factory.environ)
        self.servers = Servers(wanted.servers, self.factory.environ)
        url = self.servers.local.url
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", ServerState(url), profile),)))
        self.changed = threading.Condition()
        self.hub.subscribe(self._notice)

    def guide(self, monotonic: Callable[[], float] | None = None) -> SetupGuide:
        """What cares for a server of ours."""
        uses: Any = Uses()
        more = {} if monotonic is None else {"monotonic": monotonic}
        return SetupGuide(self.factory, self.settings, self.hub, self.servers, PowerHistory(), uses, **more)

    def wait(self, true: Callable[[AppState], bool]) -> AppState:
        """Wait for a state."""
        with self.changed:
            assert self.changed.wait_for(lambda: true(self.hub.state), 20), self.hub.state
            return self.hub.state

    def _notice(self, _state: AppState) -> None:
        with self.changed:
            self.changed.notify_all()
