"""A server whose address may change while the program runs: the running one first, else the managed one."""

from collections.abc import Iterator
from threading import Event

from wattlight.domain.state import InstalledModel, PullState, RunningModel, ServerState
from wattlight.web import Endpoint

from .ollama_server import OllamaServer
from .reading import ShownModel


class MovableServer:
    """One host's server, a :class:`~.opening.ModelServer`; :meth:`move` gives it another address.

    What is under way when it moves ends where it began.
    """

    def __init__(self, home: OllamaServer) -> None:
        self._home = home
        self._now = home

    def move(self, endpoint: Endpoint | None) -> None:
        """Go to ``endpoint``; None goes back to where the settings or OLLAMA_HOST say."""
        self._now = self._home if endpoint is None else OllamaServer(endpoint)

    @property
    def url(self) -> str:
        """The address now."""
        return self._now.url

    def state(
        self, previous: ServerState | None = None, *, full: bool = True, cancel: Event | None = None
    ) -> ServerState:
        """What is there now; never raises."""
        return self._now.state(previous, full=full, cancel=cancel)

    def version(self, cancel: Event | None = None) -> str:
        """The server's version."""
        return self._now.version(cancel)

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """The models on its disk."""
        return self._now.installed(cancel)

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        """The loaded models."""
        return self._now.running(cancel)

    def show(self, model: str, cancel: Event | None = None) -> ShownModel:
        """Facts of an installed model."""
        return self._now.show(model, cancel)

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Load a model."""
        return self._now.load(model, keep_alive=keep_alive, context_length=context_length, cancel=cancel)

    def unload(self, model: str, cancel: Event | None = None) -> None:
        """Free the memory of a model."""
        self._now.unload(model, cancel)

    def remove(self, model: str, cancel: Event | None = None) -> None:
        """Delete a model from the disk."""
        self._now.remove(model, cancel)

    def pull(self, model: str, cancel: Event | None = None) -> Iterator[PullState]:
        """Download a model."""
        return self._now.pull(model, cancel)
