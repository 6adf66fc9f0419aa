"""The permission to read the processor's energy counter: in the state, and changed on a click."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.domain.command import Command
from wattlight.domain.power import MachineSample
from wattlight.domain.state import EnergyAccess, RunningModel
from wattlight.domain.values import Problem
from wattlight.system import EnergyPermission

from .factory import ServiceFactory
from .hub import StateHub
from .meter_service import MeterService
from .models import SerialExecutor


class CounterAccess:
    """Keeps :attr:`AppState.energy_access`. What asks for a password waits on a thread of its own."""

    def __init__(
        self, factory: ServiceFactory, hub: StateHub, meter: MeterService, permission: EnergyPermission
    ) -> None:
        self._hub = hub
        self._meter = meter
        self._permission = permission
        self._closed: bool | None = None
        self._executor = SerialExecutor("wattlight-permission", factory.threads.start)

    def tick(self, sample: MachineSample, _running: tuple[RunningModel, ...] | None) -> None:
        """A sample: look at the rule where something changed; on the sampler's thread."""
        closed = any(part.closed for part in sample.devices)
        if closed != self._closed:
            self._closed = closed
            now = self._permission.look(closed)
            self._change(lambda old: replace(now, asking=old.asking, problem=old.problem if closed else ""))

    def allow(self, _command: Command) -> None:
        """Ask for the password and open the counter; returns at once."""
        self._executor.submit(lambda: self._ask(self._permission.allow))

    def forbid(self, _command: Command) -> None:
        """Ask for the password and close the counter again; returns at once."""
        self._executor.submit(lambda: self._ask(self._permission.forbid))

    def close(self, timeout_s: float = 2.0) -> bool:
        """Ask no more; False if that took longer."""
        self._permission.end()
        return self._executor.close(timeout_s)

    def _ask(self, what: Callable[[], None]) -> None:
        self._change(lambda old: replace(old, asking=True, problem=""))
        said = ""
        try:
            what()
        except Problem as problem:
            said = str(problem)
        finally:
            self._meter.permission_changed()
            now = self._permission.look(bool(self._closed))
            self._change(lambda _: replace(now, problem=said))

    def _change(self, change: Callable[[EnergyAccess], EnergyAccess]) -> None:
        self._hub.update(lambda state: replace(state, energy_access=change(state.energy_access)))
