"""A server that tells the learner of each load before it begins."""

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Event

from wattlight.domain.state import InstalledModel, PullState, RunningModel, ServerState
from wattlight.runtime import ModelServer, ShownModel

from .foretelling import Foreteller
from .learner import LoadLearner


class AnnouncingServer:
    """Does what ``server`` does; give this one to whatever loads models."""

    def __init__(
        self,
        server: ModelServer,
        learner: LoadLearner,
        foreteller: Foreteller,
        now: Callable[[], datetime],
    ) -> None:
        self._server = server
        self._learner = learner
        self._foreteller = foreteller
        self._now = now

    @property
    def url(self) -> str:
        """The server's address."""
        return self._server.url

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Announce the load, then load."""
        prediction = self._foreteller.before(model, context_length)
        if prediction is not None:
            self._learner.expect(model, prediction, self._now())
        return self._server.load(model, keep_alive=keep_alive, context_length=context_length, cancel=cancel)

    def state(
        self, previous: ServerState | None = None, *, full: bool = True, cancel: Event | None = None
    ) -> ServerState:
        """As the server says."""
        return self._server.state(previous, full=full, cancel=cancel)

    def version(self, cancel: Event | None = None) -> str:
        """As the server says."""
        return self._server.version(cancel)

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """As the server says."""
        return self._server.installed(cancel)

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        """As the server says."""
        return self._server.running(cancel)

    def show(self, model: str, cancel: Event | None = None) -> ShownModel:
        """As the server says."""
        return self._server.show(model, cancel)

    def unload(self, model: str, cancel: Event | None = None) -> None:
        """Pass on."""
        self._server.unload(model, cancel)

    def remove(self, model: str, cancel: Event | None = None) -> None:
        """Pass on."""
        self._server.remove(model, cancel)

    def pull(self, model: str, cancel: Event | None = None) -> Iterator[PullState]:
        """Pass on."""
        return self._server.pull(model, cancel)
