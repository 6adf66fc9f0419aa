"""What a person chooses for single models: how long one stays, its context, and the name that follows."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import RunningModel, same_model
from wattlight.domain.values import HostId
from wattlight.settings import Settings

from .current import CurrentSettings
from .hub import StateHub
from .models import FitsBeside, ModelTasks, room_by_size

DEFAULT_KEEP_ALIVE = "5m"


class ModelWishes:
    """Remembers what was chosen, and does it at once where the model is loaded.

    Args:
        change: puts changed settings in force and saves them.
    """

    def __init__(
        self,
        settings: CurrentSettings,
        hub: StateHub,
        tasks: ModelTasks,
        change: Callable[[Callable[[Settings], Settings]], None],
    ) -> None:
        self._settings, self._hub, self._tasks, self._change = settings, hub, tasks, change
        settings.subscribe(lambda s: s.alias.on, self._alias_turned)
        settings.subscribe(lambda s: s.context_length, lambda: self._alias_again(settings.value.alias.model))

    def handlers(self) -> dict[Verb, Callable[[Command], None]]:
        """What is carried out here, by verb."""
        return {
            Verb.KEEP: lambda c: self._keep(c.model, c.text or "forever"),
            Verb.RELEASE: lambda c: self._keep(c.model, None),
            Verb.USE_CONTEXT: lambda c: self._use_context(c.model, c.number),
            Verb.USE_CACHE: lambda c: self._change(
                lambda s: s.with_wish(replace(s.chosen_for(c.model), kv_type=c.text or None))
            ),
            Verb.TAG_CONTEXT: lambda c: self._tasks.tag_context(c.model, c.number or 0),
        }

    def _keep(self, model: str, keep_alive: str | None) -> None:
        """For so long from now on, and at each load; None: as long as all models."""
        self._change(lambda s: s.with_wish(replace(s.chosen_for(model), keep_alive=keep_alive)))
        wanted = self._settings.value.wish(model)
        self._tasks.keep_loaded(model, wanted.keep_alive or DEFAULT_KEEP_ALIVE)

    def _use_context(self, model: str, context_length: int | None) -> None:
        """From now on; a model that is loaded with another context is loaded again."""
        self._change(lambda s: s.with_wish(replace(s.chosen_for(model), context_length=context_length)))
        running = self._hub.state.local.server.running
        loaded = next((item for item in running if same_model(item.name, model)), None)
        if loaded is not None and loaded.context_length != self._settings.value.wish(model).context_length:
            self._tasks.load(model, again=True)
        self._alias_again(model)

    def _alias_again(self, model: str) -> None:
        """The context of ``model`` is another now: the name that stands for it carries that too."""
        alias = self._settings.value.alias
        if alias.on and alias.digest and same_model(alias.model, model):
            self._tasks.point_alias(model)

    def _alias_turned(self) -> None:
        """Turned on, it takes the model that is in use; turned off, its name goes."""
        if not self._settings.value.alias.on:
            self._tasks.drop_alias()
        elif len(running := self._hub.state.local.server.running) == 1:
            self._tasks.point_alias(running[0].name)


def fits_beside(hub: StateHub, host: HostId) -> FitsBeside:
    """Judges by what is known of ``host`` at that moment."""

    def fits(model: str, running: tuple[RunningModel, ...]) -> bool | None:
        for item in hub.state.hosts:
            if item.id == host:
                wanted = next((m for m in item.server.installed if same_model(m.name, model)), None)
                return room_by_size(item.profile, wanted, running)
        return None

    return fits
