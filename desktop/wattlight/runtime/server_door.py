"""What any model server of Wattlight can do; the services know no more than this."""

from collections.abc import Iterator
from threading import Event
from typing import Protocol

from wattlight.domain.state import InstalledModel, PullState, RunningModel, ServerState

from .shown import ShownModel


class ModelServer(Protocol):
    """See :class:`~wattlight.runtime.OllamaServer` for what each method promises and raises."""

    @property
    def url(self) -> str:
        """The server's address."""

    def state(
        self, previous: ServerState | None = None, *, full: bool = True, cancel: Event | None = None
    ) -> ServerState:
        """What is there now; never raises."""

    def version(self, cancel: Event | None = None) -> str:
        """The server's version."""

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """The models on its disk."""

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        """The loaded models."""

    def show(self, model: str, cancel: Event | None = None) -> ShownModel:
        """Facts of an installed model."""

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Load a model."""

    def unload(self, model: str, cancel: Event | None = None) -> None:
        """Free the memory of a model."""

    def remove(self, model: str, cancel: Event | None = None) -> None:
        """Delete a model from the disk."""

    def pull(self, model: str, cancel: Event | None = None) -> Iterator[PullState]:
        """Download a model."""
