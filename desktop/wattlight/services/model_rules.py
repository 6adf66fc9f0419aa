"""Rules that unload models by themselves: on battery, before sleep, while another program uses the GPU."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from wattlight.domain.command import Command, Verb
from wattlight.domain.energy import heavy_parts
from wattlight.domain.power import MachineSample
from wattlight.domain.servers import Can, RunningModel
from wattlight.domain.values import clean_text
from wattlight.i18n import joined, tr
from wattlight.settings import ModelRuleSettings

from .current import CurrentSettings
from .hub import StateHub

SETTLED = timedelta(seconds=15)
"""A reason has to stand for so long: opening a window makes a card work too."""
OVER = timedelta(seconds=60)
"""It has to be gone for so long before a model is loaded again."""


class RuleReason(StrEnum):
    BATTERY = "battery"
    PROGRAM = "program"
    SLEEP = "sleep"


class ModelRules:
    """:meth:`look` with each sample. A reason acts once when it begins: what is loaded after that stays.

    ``do`` carries out a command and returns at once.
    """

    def __init__(
        self,
        settings: CurrentSettings,
        hub: StateHub,
        do: Callable[[Command], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._hub, self._do, self._now = settings, hub, do, now
        self._since: dict[RuleReason, datetime] = {}
        self._gone: dict[RuleReason, datetime] = {}
        self._acted: set[RuleReason] = set()
        self._taken: dict[str, RunningModel] = {}
        self._slept: dict[str, RunningModel] = {}

    def goes_to_sleep(self, _command: Command) -> None:
        """Take what is loaded away while there is still time: drivers lose it, or a resume moves it to the
        processor (ollama#5464)."""
        if self._settings.value.rules.on_sleep:
            self._slept = self._unload(RuleReason.SLEEP, self._now())

    def wakes(self, _command: Command) -> None:
        """Bring back what was taken away, unless another rule keeps it away."""
        slept, self._slept = self._slept, {}
        if not slept:
            return
        if self._acted:
            self._taken = {**slept, **self._taken}
            return
        self._bring_back(slept)

    def look(self, sample: MachineSample) -> None:
        rules = self._settings.value.rules
        resting = not (self._since or self._acted or self._taken)
        if resting and not (rules.on_battery or rules.other_program):
            return
        now = self._now()
        seen = _reasons(sample, self._hub.state.local.server.running, rules)
        for reason in seen:
            there = seen[reason]
            if there is None:
                continue  # cannot be told now: nothing begins and nothing ends
            if there:
                self._gone.pop(reason, None)
                begun = self._since.setdefault(reason, now)
                if reason not in self._acted and now - begun >= SETTLED:
                    self._acted.add(reason)
                    self._taken |= self._unload(reason, now)
            else:
                self._since.pop(reason, None)
                ended = self._gone.setdefault(reason, now)
                if reason in self._acted and now - ended >= OVER:
                    self._acted.discard(reason)
        if self._taken and not self._acted:
            self._load_again()

    def _unload(self, reason: RuleReason, now: datetime) -> dict[str, RunningModel]:
        """Unload everything, and say why; what was loaded, by name."""
        server = self._hub.state.local.server
        running = server.running if server.can(Can.UNLOAD) else ()
        if not running:
            return {}
        for model in running:
            self._do(Command(Verb.UNLOAD, model.name))
        names = joined(clean_text(model.name, 60) for model in running)
        text = {
            RuleReason.BATTERY: tr("{names} was unloaded: the computer runs on battery.", names=names),
            RuleReason.PROGRAM: tr("{names} was unloaded: another program works on the GPU.", names=names),
            RuleReason.SLEEP: tr("{names} was unloaded before the computer went to sleep.", names=names),
        }[reason]
        self._hub.notify("rule", text, now, "info")
        return {model.name: model for model in running}

    def _load_again(self) -> None:
        taken, self._taken = self._taken, {}
        self._bring_back(taken)

    def _bring_back(self, models: dict[str, RunningModel]) -> None:
        self._hub.withdraw("rule")
        if self._settings.value.rules.load_again and not self._hub.state.local.server.running:
            for model in models.values():
                self._do(Command(Verb.LOAD, model.name, number=model.context_length))


def _reasons(
    sample: MachineSample, running: tuple[RunningModel, ...], rules: ModelRuleSettings
) -> dict[RuleReason, bool | None]:
    """Whether each reason is there; None where that cannot be told, False where its rule is off."""
    return {
        RuleReason.BATTERY: sample.on_battery if rules.on_battery else False,
        RuleReason.PROGRAM: _others_work(sample, running) if rules.other_program else False,
    }


def _others_work(sample: MachineSample, running: tuple[RunningModel, ...]) -> bool | None:
    """Whether programs that are no model server work on an accelerator; None where none tells."""
    awake = [d for d in sample.devices if d.kind == "gpu" and not d.asleep]
    told = [d for d in awake if d.processes_reason is None or any(not p.is_server for p in d.processes)]
    heavy = heavy_parts(sample.devices, running)
    return any(d.id in heavy for d in told) if told else None
