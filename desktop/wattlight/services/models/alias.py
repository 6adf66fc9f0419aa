"""A name that follows the model in use: clients that ask for it get what was switched to last."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from wattlight.domain.state import InstalledModel, RunningModel, ServerState, same_model
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime import ModelServer
from wattlight.settings import Alias


class FollowingName:
    """The name as the settings want it, over what was just done with it; one task at a time.

    Args:
        wanted: as the settings have it now.
        remember: gets what the name stands for after each change; the settings have it some time later.
    """

    def __init__(self, wanted: Callable[[], Alias], remember: Callable[[Alias], None]) -> None:
        self._wanted, self._remember = wanted, remember
        self._last: Alias | None = None

    def _now(self) -> Alias:
        wanted, last = self._wanted(), self._last
        if last is None or last.name != wanted.name:
            return wanted
        return replace(wanted, model=last.model, digest=last.digest)

    def _keep(self, alias: Alias) -> None:
        if alias != self._now():
            self._last = alias
            self._remember(alias)

    def point(self, server: ModelServer, model: str, cancel: Event | None = None) -> None:
        """As :func:`point_alias`."""
        self._keep(point_alias(server, self._now(), model, cancel))

    def follow(self, server: ModelServer, model: str, cancel: Event | None = None) -> str:
        """Point it at ``model`` where that is wanted; returns why it cannot be, which undoes nothing."""
        if not self._now().on:
            return ""
        try:
            self.point(server, model, cancel)
        except Problem as problem:
            return "" if problem.code == "cancelled" else str(problem)
        return ""

    def follow_pull(self, server: ModelServer, model: str, cancel: Event | None = None) -> None:
        """A model that it stands for has come in a newer version."""
        alias = self._now()
        if alias.digest and same_model(alias.model, model):
            self.follow(server, model, cancel)

    def drop(self, server: ModelServer, cancel: Event | None = None) -> None:
        """As :func:`drop_alias`."""
        self._keep(drop_alias(server, self._now(), cancel))

    def drop_with(self, server: ModelServer, model: str, cancel: Event | None = None) -> None:
        """As :func:`drop_with`."""
        self._keep(drop_with(server, self._now(), model, cancel))


def point_alias(server: ModelServer, alias: Alias, model: str, cancel: Event | None = None) -> Alias:
    """Let the name stand for ``model``: a copy on the server, which shares the files.

    Returns the alias to remember. Where the name stands for the very same already, nothing is asked.

    Raises:
        Problem: ``alias_taken``, a model has that name that is not ours; or the server refused.
    """
    installed = server.installed(cancel)
    wanted, there = _find(installed, model), _find(installed, alias.name)
    if wanted is None or same_model(model, alias.name) or wanted.remote_host is not None:
        return alias
    if there is not None and there.digest == wanted.digest:
        return replace(alias, model=wanted.name) if there.digest == alias.digest else alias
    if there is not None and there.digest != alias.digest:
        raise _taken(alias)
    server.copy(wanted.name, alias.name, cancel)
    made = _find(server.installed(cancel), alias.name)
    return replace(alias, model=wanted.name, digest="" if made is None else made.digest)


def by_own_names(server: ServerState, alias: Alias) -> tuple[RunningModel, ...]:
    """The loaded models; one that was loaded by the alias bears its own name, which its draw is booked to."""

    def own(model: RunningModel) -> RunningModel:
        if not same_model(model.name, alias.name):
            return model
        names = (i.name for i in server.installed if i.digest == model.digest)
        name = next((name for name in names if not same_model(name, alias.name)), None)
        return model if name is None else replace(model, name=name, loaded_as=model.name)

    return tuple(own(model) for model in server.running)


def drop_alias(server: ModelServer, alias: Alias, cancel: Event | None = None) -> Alias:
    """Take the name away; what is not ours, or not there any more, is left as it is."""
    there = _find(server.installed(cancel), alias.name)
    if there is not None and there.digest == alias.digest:
        server.remove(there.name, cancel)
    return replace(alias, model="", digest="")


def drop_with(server: ModelServer, alias: Alias, model: str, cancel: Event | None = None) -> Alias:
    """Before ``model`` is removed: without its name the alias would keep its files on the disk."""
    if not alias.digest or same_model(model, alias.name):
        return alias
    going = _find(server.installed(cancel), model)
    return drop_alias(server, alias, cancel) if going is not None and going.digest == alias.digest else alias


def _find(installed: tuple[InstalledModel, ...], name: str) -> InstalledModel | None:
    return next((model for model in installed if same_model(model.name, name)), None)


def _taken(alias: Alias) -> Problem:
    return Problem(
        tr('"{name}" is a model that Wattlight did not make; it is left as it is.', name=alias.name),
        tr("Give that model another name or remove it, then switch again; or turn the name off in Settings."),
        "alias_taken",
    )
