"""A name that follows the model in use: clients that ask for it get what was switched to last."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from wattlight.domain.servers import Can
from wattlight.domain.state import InstalledModel, RunningModel, same_model
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime import ModelServer
from wattlight.settings import Alias

from .holding import by_own_names


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
        return with_target(wanted, last)

    def _keep(self, alias: Alias) -> None:
        if alias != self._now():
            self._last = alias
            self._remember(alias)

    def own_names(self, server: ModelServer, running: tuple[RunningModel, ...]) -> tuple[RunningModel, ...]:
        """As :func:`by_own_names`; asks the server only where the name is wanted."""
        alias = self._now()
        return by_own_names(running, server.installed(), alias) if alias.on else running

    def point(
        self, server: ModelServer, model: str, context_length: int | None, cancel: Event | None = None
    ) -> None:
        """As :func:`point_alias`."""
        self._keep(point_alias(server, self._now(), model, context_length, cancel))

    def follow(
        self, server: ModelServer, model: str, context_length: int | None, cancel: Event | None = None
    ) -> str:
        """Point it at ``model`` where that is wanted; returns why it cannot be, which undoes nothing."""
        if not self._now().on or not server.can(Can.COPY):
            return ""
        try:
            self.point(server, model, context_length, cancel)
        except Problem as problem:
            return "" if problem.code == "cancelled" else str(problem)
        return ""

    def follow_pull(
        self, server: ModelServer, model: str, context_length: int | None, cancel: Event | None = None
    ) -> None:
        """A model that it stands for has come in a newer version."""
        alias = self._now()
        if alias.digest and same_model(alias.model, model):
            self.follow(server, model, context_length, cancel)

    def drop(self, server: ModelServer, cancel: Event | None = None) -> None:
        """As :func:`drop_alias`."""
        self._keep(drop_alias(server, self._now(), cancel))

    def drop_with(self, server: ModelServer, model: str, cancel: Event | None = None) -> None:
        """As :func:`drop_with`."""
        self._keep(drop_with(server, self._now(), model, cancel))


def with_target(alias: Alias, made: Alias) -> Alias:
    """``alias`` with what ``made`` stands for; whether it is wanted, and its name, are as they are now."""
    return replace(made, on=alias.on, name=alias.name)


def point_alias(
    server: ModelServer,
    alias: Alias,
    model: str,
    context_length: int | None = None,
    cancel: Event | None = None,
) -> Alias:
    """Let the name stand for ``model``: a copy on the server, which shares the files.

    With ``context_length`` the copy carries it, so that clients that ask for the name, and for no context,
    get what the model was loaded with: any other length would make the server load it again.

    Returns the alias to remember. Where the name stands for the very same already, nothing is asked.

    Raises:
        Problem: ``alias_taken``, a model has that name that is not ours; or the server refused.
    """
    installed = server.installed(cancel)
    wanted, there = _find(installed, model), _find(installed, alias.name)
    if wanted is None or same_model(model, alias.name) or wanted.remote_host is not None:
        return alias
    ours = there is not None and there.digest == alias.digest
    if there is not None and context_length is None and there.digest == wanted.digest:
        target = replace(alias, model=wanted.name, base=wanted.digest, context_length=None)
        return target if ours else alias
    if ours and (alias.base, alias.context_length) == (wanted.digest, context_length):
        return replace(alias, model=wanted.name)
    if there is not None and not ours:
        raise _taken(alias)
    if context_length is None:
        server.copy(wanted.name, alias.name, cancel)
    else:
        server.make(wanted.name, alias.name, context_length, cancel)
    made = _find(server.installed(cancel), alias.name)
    return Alias(
        alias.on, alias.name, wanted.name, "" if made is None else made.digest, wanted.digest, context_length
    )


def drop_alias(server: ModelServer, alias: Alias, cancel: Event | None = None) -> Alias:
    """Take the name away; what is not ours, or not there any more, is left as it is."""
    there = _find(server.installed(cancel), alias.name)
    if there is not None and there.digest == alias.digest:
        server.remove(there.name, cancel)
    return Alias(alias.on, alias.name)


def drop_with(server: ModelServer, alias: Alias, model: str, cancel: Event | None = None) -> Alias:
    """Before ``model`` is removed: without its name the alias would keep its files on the disk."""
    if not alias.digest or same_model(model, alias.name):
        return alias
    going = _find(server.installed(cancel), model)
    stood_for = going is not None and going.digest in {alias.digest, alias.base}
    return drop_alias(server, alias, cancel) if stood_for else alias


def _find(installed: tuple[InstalledModel, ...], name: str) -> InstalledModel | None:
    return next((model for model in installed if same_model(model.name, name)), None)


def _taken(alias: Alias) -> Problem:
    return Problem(
        tr('"{name}" is a model that Wattlight did not make; it is left as it is.', name=alias.name),
        tr("Give that model another name or remove it, then switch again; or turn the name off in Settings."),
        "alias_taken",
    )
