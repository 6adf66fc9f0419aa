"""Trying a wall plug before it is used, and keeping its password."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wattlight.domain.command import Command
from wattlight.domain.plug import PlugAnswer, PlugCounter, plug_name
from wattlight.domain.state import Trial
from wattlight.domain.values import Problem
from wattlight.i18n import kwh, tr, watts

from .factory import PLUG_SECRET, ServiceFactory

if TYPE_CHECKING:
    from wattlight.settings import PlugSettings

    from .current import CurrentSettings
    from .hub import StateHub


@dataclass(frozen=True, slots=True)
class PlugFound:
    """What a plug said when it was tried."""

    source: str
    answer: PlugAnswer
    hangs: str

    @property
    def sentence(self) -> str:
        """What was read, and of what."""
        power, energy = self.answer.watts, self.answer.energy_mj
        words = {"source": self.source, "power": watts(power), "energy": kwh(energy or 0)}
        if power is None:
            said = tr("{source} has counted {energy}; it tells no watts.", **words)
        elif energy is None:
            said = tr("{source} gives {power}; it has no counter, so an outage of it is a gap.", **words)
        else:
            said = tr("{source} gives {power} and has counted {energy}.", **words)
        return f"{said} {tr('It is taken as: {name}.', name=plug_name(self.hangs))}"


def try_plug(factory: ServiceFactory, settings: "PlugSettings", secret: str | None) -> PlugFound:
    """Ask a plug once; its host is put on the list of hosts contacted.

    Raises:
        PlugProblem: it cannot be read, or what it says cannot be so.
    """
    from wattlight.probes.plugs import host_of, open_plug

    plug = open_plug(settings, secret)
    host = host_of(settings)
    if host:
        factory.note_contact(host, "plug")
    answer = plug.read()
    PlugCounter().take(0.0, 0.0, answer)
    return PlugFound(plug.source, answer, settings.hangs)


def keep_secret(factory: ServiceFactory, name: str, command: Command) -> Trial:
    """Keep ``command.text`` as the password or token; ``number`` 1: in a file, as the person agreed."""
    try:
        factory.keyring().put(name, command.text, in_file=command.number == 1)
    except Problem as problem:
        return Trial(str(problem), bad=True, no_keyring=problem.code == "no_keyring")
    return Trial(tr("Kept.") if command.text else tr("Forgotten."))


class PlugSetup:
    """Carries out what the page of settings asks for: keep the password, try the plug."""

    def __init__(self, factory: ServiceFactory, settings: "CurrentSettings", hub: "StateHub") -> None:
        self._factory, self._settings, self._hub = factory, settings, hub

    def keep(self, command: Command) -> None:
        self._tell(keep_secret(self._factory, PLUG_SECRET, command))

    def try_it(self, _command: Command) -> None:
        """Ask the plug of the settings once and say what came of it."""
        plug = self._settings.value.plug
        if not plug.kind:
            self._tell(Trial())
            return
        self._tell(Trial(tr("Asking the plug…")))
        try:
            found = try_plug(self._factory, plug, self._factory.keyring().get(PLUG_SECRET))
        except Problem as problem:
            self._tell(Trial(str(problem), bad=True))
            return
        self._tell(Trial(found.sentence))

    def _tell(self, trial: Trial) -> None:
        self._hub.update(lambda state: replace(state, plug=trial))
