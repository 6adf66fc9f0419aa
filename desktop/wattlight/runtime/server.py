"""What every kind of model server has in common: its address, its state, a sentence for each failure."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar, Self

from wattlight.domain.servers import (
    ABILITIES,
    Can,
    InstalledModel,
    RunningModel,
    ServerKind,
    ServerPart,
    ServerState,
    ServerStatus,
    cannot_text,
    kind_name,
    same_model,
)
from wattlight.domain.tokens import Counters
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.web import Bell, Endpoint, FaultKind, Kept, Proxy, Wire, WireFault, host_in

from .answers import AnswerPiece, AnswerRequest
from .meanings import SERVER_TEXT_LIMIT, Asked
from .problems import RuntimeProblem, gateway_problem, problem_of, status_of
from .reading import Record, Refusal

if TYPE_CHECKING:
    from wattlight.domain.pulls import PullState


class ModelServer(ABC):
    """One model server; any thread may call any method. A connection stays open for the next short question.

    Every method but :meth:`state` raises :class:`RuntimeProblem`; what the kind cannot do has the code
    ``cannot``. Each takes an optional ``cancel`` event that ends it within a quarter of a second by closing
    the connection (code ``cancelled``).
    """

    kind: ClassVar[ServerKind]
    keeps_connection: ClassVar[bool] = True
    """False where an open connection takes one of the few threads that the server answers with."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        authorization: str | None = None,
        proxy: Proxy | None = None,
        behind_proxy: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._wire = Wire(endpoint, authorization, proxy, clock, Kept() if self.keeps_connection else None)
        self._behind_proxy = behind_proxy
        self._now = now
        self._clock = clock
        self._raw_names: dict[str, str] = {}

    @classmethod
    def in_place_of(cls, other: "ModelServer") -> Self:
        """A server of this kind at the address of ``other``, reached the same way."""
        wire = other._wire
        return cls(
            other.endpoint,
            authorization=wire.authorization,
            proxy=wire.proxy,
            behind_proxy=other._behind_proxy,
            now=other._now,
            clock=other._clock,
        )

    @property
    def url(self) -> str:
        return self.endpoint.url

    @property
    def port_here(self) -> int | None:
        """The port by which its processes are known; None on another computer, and where their names tell."""
        named = self.kind is ServerKind.OLLAMA
        return self.endpoint.port if self.endpoint.is_loopback and not named else None

    @property
    def wire(self) -> Wire:
        """The way there."""
        return self._wire

    def wait_left(self, bell: Bell, timeout_s: float) -> bool:
        """Until ``bell`` rings, or the other side closes the connection that waits for the next question."""
        kept = self._wire.kept
        return bell.wait(timeout_s) if kept is None else kept.wait(bell, timeout_s)

    def can(self, what: Can) -> bool:
        return what in ABILITIES[self.kind]

    def require(self, what: Can) -> None:
        """Raise where this kind cannot be asked for ``what``."""
        if not self.can(what):
            raise RuntimeProblem(cannot_text(self.kind, what), code="cannot")

    def state(
        self,
        previous: ServerState | None = None,
        *,
        part: ServerPart = ServerPart.ALL,
        cancel: Event | None = None,
    ) -> ServerState:
        """What is at the address now; never raises, and loads or wakes no model.

        When ``previous`` was ready only ``part`` is asked for, and the rest is kept. A server that stops
        answering keeps its last lists.
        """
        before = ServerState(self.url, kind=self.kind)
        if previous is not None and (previous.url, previous.kind) == (self.url, self.kind):
            before = previous
        ready = before.status is ServerStatus.READY
        try:
            asked = set(ServerPart) if not ready or part is ServerPart.ALL else {part}
            version = (self.version(cancel) or None) if ServerPart.VERSION in asked else before.version
            installed = self.installed(cancel) if ServerPart.INSTALLED in asked else before.installed
            tells = ServerPart.LOADED in asked and self.can(Can.TELL_LOADED)
            running = self.running(cancel) if tells else before.running
            new = set() if running is before.running else _entries(running)
            if ServerPart.INSTALLED not in asked and new - _entries((*before.running, *installed)):
                installed = self.installed(cancel)  # what is loaded anew may be installed anew
        except RuntimeProblem as problem:
            return self._failed(before, problem)
        state = ServerState(self.url, ServerStatus.READY, version, installed, running, kind=self.kind)
        return before if state == before else state

    def _failed(self, before: ServerState, problem: RuntimeProblem) -> ServerState:
        cause = problem.__cause__
        if problem.code == "cancelled":
            return before
        status = status_of(cause) if isinstance(cause, WireFault) else ServerStatus.ERROR
        if status in {ServerStatus.ABSENT, ServerStatus.FOREIGN}:
            return ServerState(self.url, status, message=str(problem), kind=self.kind)
        return replace(before, status=status, message=str(problem))

    @abstractmethod
    def version(self, cancel: Event | None = None) -> str:
        """The server's version; "" where it tells none."""

    @abstractmethod
    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """The models that the server has, in its own order."""

    @abstractmethod
    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        """The models loaded now."""

    @abstractmethod
    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        """The pieces of an answer as they come; the last one has an ``end``.

        Closing the iterator or setting ``cancel`` closes the connection, and the server stops working.

        Raises:
            RuntimeProblem: from the first ``next`` on; code ``cut_stream`` when the server ended without a
                last line.
        """

    def check_installed(self, model: str, cancel: Event | None = None) -> None:
        """Raise where the server does not have ``model``."""
        if not any(same_model(known.name, model) for known in self.installed(cancel)):
            raise self._unknown(model)

    def check_local(self, model: str, cancel: Event | None = None) -> str | None:
        """Raise where another computer answers for ``model``, so that nothing is ever sent there.

        Returns the digest it is installed with, None where it is not.

        Raises:
            RuntimeProblem: ``cloud_model``.
        """
        found = next((m for m in self.installed(cancel) if same_model(m.name, model)), None)
        if found is not None and found.remote_host is not None:
            raise elsewhere(model, host_in(found.remote_host))
        return None if found is None else found.digest

    def trained_context(self, model: str, cancel: Event | None = None) -> int | None:
        """The context that ``model`` was trained for; None where the server does not say."""
        return None

    def tokens(self, cancel: Event | None = None) -> dict[str, Counters]:
        """What the server has counted of each of its models since it was started."""
        raise self._cannot(Can.USAGE)

    def describe(self, model: str, long_lists: bool = False, cancel: Event | None = None) -> Record:
        """What the server says of how ``model`` is built."""
        raise self._cannot(Can.DESCRIBE)

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Load ``model`` and return it as it is loaded now; None when the server does not list it.

        A kind that takes no ``keep_alive`` or ``context_length`` goes by its own.
        """
        raise self._cannot(Can.LOAD)

    def unload(self, model: str, cancel: Event | None = None, digest: str = "") -> None:
        """Free the memory of ``model``; returns when the server no longer lists it, at most 15 s later.

        ``digest``: which of two loaded models of that name; "" is the one that is installed.
        """
        raise self._cannot(Can.UNLOAD)

    def remove(self, model: str, cancel: Event | None = None) -> None:
        """Delete ``model`` from the server's disk. A loaded model stays loaded; unload it before."""
        raise self._cannot(Can.REMOVE)

    def copy(self, model: str, name: str, cancel: Event | None = None) -> None:
        """Give ``model`` another ``name`` too; files are shared. A model that had the name loses it."""
        raise self._cannot(Can.COPY)

    def with_context(self, model: str, context_length: int, cancel: Event | None = None) -> str:
        """Make a model from ``model`` that has ``context_length`` for every client; returns its name."""
        raise self._cannot(Can.COPY)

    def make(self, model: str, name: str, context_length: int, cancel: Event | None = None) -> None:
        """Give ``model`` another ``name`` that has ``context_length`` for every client; files are shared.

        A model that had the name loses it.
        """
        raise self._cannot(Can.COPY)

    def pull(self, model: str, cancel: Event | None = None) -> "Iterator[PullState]":
        """Download ``model``: states as it goes, the last one ``done`` or ``cancelled``."""
        raise self._cannot(Can.PULL)

    def _cannot(self, what: Can) -> RuntimeProblem:
        return RuntimeProblem(cannot_text(self.kind, what), code="cannot")

    def _unknown(self, model: str, said: str | None = None) -> RuntimeProblem:
        return RuntimeProblem(
            tr("The server at {url} has no model {model}.", url=self.url, model=clean_text(model, 120)),
            tr("'wattlight models' lists those it has."),
            "unknown_model",
            said,
        )

    @property
    def _name(self) -> str:
        return tr("the server") if self.kind is ServerKind.OPENAI else kind_name(self.kind)

    @contextmanager
    def _said(self, model: str = "", asked: Asked = Asked.LOAD) -> Iterator[None]:
        """Turns every failure of an exchange into a :class:`RuntimeProblem`."""
        try:
            yield
        except RuntimeProblem:
            raise
        except WireFault as fault:
            raise problem_of(fault, self.endpoint, self._wire.proxy, self._name) from fault
        except Refusal as refusal:
            raise self._refused(refusal.status, refusal.said, model, asked) from refusal
        except Exception as error:
            status: Any = getattr(error, "status_code", None)  # of a package's ResponseError
            if status is not None:
                said = str(getattr(error, "error", "") or "")
                raise self._refused(int(status), said, model, asked) from error
            cut = WireFault(FaultKind.CUT, type(error).__name__)
            raise problem_of(cut, self.endpoint, self._wire.proxy, self._name) from error

    def _refused(self, status: int, said: str, model: str, asked: Asked) -> RuntimeProblem:
        """What a refusal means; the server's own words are quoted, cleaned."""
        name, words = kind_name(self.kind), clean_text(" ".join(said.split()), SERVER_TEXT_LIMIT)
        if status in {401, 403}:
            message = (
                tr("{server} at {url} asks for a key.", server=name, url=self.url)
                if self._wire.authorization is None
                else tr("{server} at {url} does not accept the key.", server=name, url=self.url)
            )
            return RuntimeProblem(message, tr("Give it the key the server was started with."), "wants_key")
        before = gateway_problem(status, self.endpoint, self._wire.proxy)
        if before is not None and not words:
            return before
        words = words or f"HTTP {status}"
        return RuntimeProblem(
            tr('{server} could not do this. It said: "{words}".', server=name, words=words),
            tr("Its log has the reason."),
            "server_error",
            words,
        )


def _entries(models: Iterable[InstalledModel | RunningModel]) -> set[tuple[str, str]]:
    return {(model.name, model.digest) for model in models}


def elsewhere(model: str, host: str) -> RuntimeProblem:
    """``model`` runs on another computer."""
    return RuntimeProblem(
        tr("{model} runs on {host}, there is nothing to load or unload.", model=model, host=host),
        tr("It can be used as it is; what it is asked leaves this computer."),
        "cloud_model",
    )
