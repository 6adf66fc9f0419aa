"""The door to one Ollama server: what it is, has and runs, and what it is asked to do."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from wattlight.domain.state import (
    InstalledModel,
    PullState,
    RunningModel,
    ServerState,
    ServerStatus,
    same_model,
)
from wattlight.i18n import tr
from wattlight.web import POLL, Answer, Endpoint, FaultKind, Limits, Proxy, Wire, WireFault

from .answers import AnswerPiece, AnswerRequest, answer_body, answer_pieces
from .names import read_keep_alive, read_name
from .problems import RuntimeProblem, problem_from_server, problem_of, status_of, with_proxy_advice
from .pulling import PullProgress, stalled
from .reading import (
    PullLine,
    Record,
    read_installed,
    read_object,
    read_pull_line,
    read_running,
    read_version,
    refusal,
)

if TYPE_CHECKING:
    import ollama

_ACT = Limits(idle_s=30.0, total_s=60.0)
_LOAD = Limits(idle_s=1800.0, total_s=None)
"""Ollama gives up a load that makes no progress for 5 minutes; a large model from a slow disk may take longer
in all, and the cancel event ends the wait at any time. An answer waits until its model is loaded."""
_PULL = Limits(idle_s=120.0, total_s=None)
"""The server writes a line every 60 ms while it fetches."""
_VERIFY_IDLE_S = 1800.0
"""While it hashes the whole model it is silent: 100 GB at 60 MB/s."""
_HASHING = ("verifying", "writing", "removing")
_SETTLE_S = 10.0
_SETTLE_STEP_S = 0.1


class OllamaServer:
    """One Ollama server. Holds no connection; any thread may call any method.

    Every method but :meth:`state` raises :class:`RuntimeProblem`. Each takes an optional ``cancel`` event
    that ends it within a quarter of a second by closing the connection (code ``cancelled``).
    """

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
        self._wire = Wire(endpoint, authorization, proxy, clock)
        self._behind_proxy = behind_proxy
        self._now = now
        self._clock = clock
        self._raw_names: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.endpoint.url

    def state(
        self, previous: ServerState | None = None, *, full: bool = True, cancel: Event | None = None
    ) -> ServerState:
        """What is at the address now; never raises.

        Not ``full`` asks only for the loaded models when ``previous`` was ready. A server that stops
        answering keeps its last lists.
        """
        before = previous if previous is not None and previous.url == self.url else ServerState(self.url)
        ready = before.status is ServerStatus.READY
        try:
            version = before.version if ready and not full else self.version(cancel)
            installed = before.installed if ready and not full else self.installed(cancel)
            running = self.running(cancel)
        except RuntimeProblem as problem:
            return self._failed(before, problem)
        return ServerState(self.url, ServerStatus.READY, version, installed, running)

    def _failed(self, before: ServerState, problem: RuntimeProblem) -> ServerState:
        cause = problem.__cause__
        if problem.code == "cancelled":
            return before
        status = status_of(cause) if isinstance(cause, WireFault) else ServerStatus.ERROR
        if status in {ServerStatus.ABSENT, ServerStatus.FOREIGN}:
            return ServerState(self.url, status, message=str(problem))
        return replace(before, status=status, message=str(problem))

    def version(self, cancel: Event | None = None) -> str:
        """The server's version ("0.33.0"; "0.0.0" is a development build)."""
        with self._said():
            return read_version(self._get("/api/version", cancel))

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """The models on the server's disk, newest first as the server lists them."""
        with self._said():
            listed = read_installed(_listing(self._get("/api/tags", cancel)))
        self._raw_names = {**self._raw_names, **listed.raw_names}
        return listed.models

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        with self._said():
            listed = read_running(_listing(self._get("/api/ps", cancel)), self._now())
        self._raw_names = {**self._raw_names, **listed.raw_names}
        return listed.models

    def check_installed(self, model: str, cancel: Event | None = None) -> None:
        """Raise where ``model`` is not installed."""
        body = json.dumps({"model": self._raw(model)}).encode()
        with self._said(model), self._wire.ask("POST", "/api/show", body, POLL, cancel) as answer:
            if answer.status != 200:
                raise refusal(answer.body(), answer.status, model)
            read_object(answer.body())

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        """The pieces of an answer as they come; the last one has an ``end``.

        Closing the iterator or setting ``cancel`` closes the connection, and the server stops working.

        Raises:
            RuntimeProblem: from the first ``next`` on; code ``cut_stream`` when the server ended without a
                last line.
        """
        body = answer_body(question)
        with (
            self._said(question.model),
            self._wire.ask("POST", "/api/generate", body, _LOAD, cancel) as answer,
        ):
            yield from answer_pieces(answer, question.model)

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Load ``model`` and return it as it is loaded now: the server clips a context longer than trained.

        ``keep_alive`` as :func:`~.names.read_keep_alive` reads it; None leaves it to the server.
        None is returned when the server no longer lists the model (it may already have expired).
        """
        options = None if context_length is None else {"num_ctx": context_length}
        keep = None if keep_alive is None else read_keep_alive(keep_alive)
        raw = self._raw(model)
        with self._said(model), self._client(_LOAD, cancel) as client:
            try:
                client.generate(raw, options=options, keep_alive=keep)
            except Exception as error:
                if "does not support generate" not in str(error):
                    raise
                client.embed(raw, "", options=options, keep_alive=keep)
        return self._loaded(raw, cancel)

    def unload(self, model: str, cancel: Event | None = None) -> None:
        """Free the memory of ``model``; returns when the server no longer lists it (at most 10 s later).

        Raises:
            RuntimeProblem: ``deleted_still_loaded`` when the model was removed while loaded: the server
                then knows no way to unload it by name.
        """
        raw = self._raw(model)
        try:
            with self._said(model), self._client(_ACT, cancel) as client:
                client.generate(raw, keep_alive=0)
        except RuntimeProblem as problem:
            if problem.code == "unknown_model" and self._loaded(raw, cancel) is not None:
                raise RuntimeProblem(
                    tr(
                        "{model} was removed while it was loaded, and Ollama cannot unload it by name now.",
                        model=model,
                    ),
                    tr("It is freed when its time runs out or when Ollama is started again."),
                    "deleted_still_loaded",
                    problem.server_text,
                ) from problem
            raise
        end = self._clock() + _SETTLE_S
        waiter = cancel or Event()
        while self._clock() < end and self._loaded(raw, cancel) is not None:
            waiter.wait(_SETTLE_STEP_S)

    def remove(self, model: str, cancel: Event | None = None) -> None:
        """Delete ``model`` from the server's disk. A loaded model stays loaded; unload it before."""
        raw = self._raw(model)
        with self._said(model), self._client(_ACT, cancel) as client:
            client.delete(raw)

    def pull(self, model: str, cancel: Event | None = None) -> Iterator[PullState]:
        """Download ``model``: a state per line the server sends, the last one ``done`` or ``cancelled``.

        Closing the iterator, or setting ``cancel``, closes the connection; the server keeps what has
        arrived and goes on from there next time.

        Raises:
            RuntimeProblem: from the first ``next`` on; the server's own text is in it.
        """
        name = read_name(self._raw_names.get(model, model))
        request = {"model": name.text, "insecure": name.registry_is_loopback, "stream": True}
        progress = PullProgress(model, self._clock)
        try:
            with (
                self._said(model),
                self._wire.ask("POST", "/api/pull", json.dumps(request).encode(), _PULL, cancel) as answer,
            ):
                for line in _pull_lines(answer, model):
                    answer.allow_idle(_VERIFY_IDLE_S if line.status.startswith(_HASHING) else _PULL.idle_s)
                    yield progress.take(line)
                    progress.check_stall()
                if not progress.succeeded:
                    raise WireFault(FaultKind.CUT, "no success")
        except RuntimeProblem as problem:
            if problem.code == "cancelled":
                yield replace(progress.state, cancelled=True, bytes_per_s=None)
                return
            if problem.code == "silent_server" and progress.state.status:
                raise stalled(model) from problem
            if self._behind_proxy:
                raise with_proxy_advice(problem) from problem
            raise

    def _raw(self, model: str) -> str:
        """The server's own spelling of a name it listed; a name it did not list must be a possible one."""
        raw = self._raw_names.get(model)
        return read_name(model).text if raw is None else raw

    def _loaded(self, raw: str, cancel: Event | None) -> RunningModel | None:
        for model in self.running(cancel):
            if same_model(self._raw_names.get(model.name, model.name), raw):
                return model
        return None

    def _get(self, path: str, cancel: Event | None) -> Record:
        with self._wire.ask("GET", path, None, POLL, cancel) as answer:
            raw = answer.body()
        if answer.status == 200:
            return read_object(raw)
        # a list that is not there, or an error that is not Ollama's JSON, means another program
        if answer.status == 404 or (answer.status < 500 and not raw.lstrip().startswith(b"{")):
            raise WireFault(FaultKind.NOT_HTTP, f"status {answer.status}")
        raise refusal(raw, answer.status, "")

    @contextmanager
    def _client(self, limits: Limits, cancel: Event | None) -> "Iterator[ollama.Client]":
        from .package import make_client

        client = make_client(self._wire, limits, cancel)
        try:
            yield client
        finally:
            client.close()  # type: ignore[no-untyped-call]  # the package has no types there

    @contextmanager
    def _said(self, model: str = "") -> Iterator[None]:
        """Turns every failure of an exchange into a :class:`RuntimeProblem`."""
        try:
            yield
        except RuntimeProblem:
            raise
        except WireFault as fault:
            raise problem_of(fault, self.endpoint) from fault
        except Exception as error:
            raise _package_problem(error, self.endpoint, model) from error


def _package_problem(error: Exception, endpoint: Endpoint, model: str) -> RuntimeProblem:
    """What an exception of the ``ollama`` package means."""
    status: Any = getattr(error, "status_code", None)
    if status is not None:
        said = str(getattr(error, "error", "") or "")
        return problem_from_server(said or f"HTTP {status}", model)
    return problem_of(WireFault(FaultKind.CUT, type(error).__name__), endpoint)


def _pull_lines(answer: Answer, model: str) -> Iterator[PullLine]:
    if answer.status != 200:
        raise refusal(answer.body(), answer.status, model)
    for raw in answer.lines():
        try:
            line = read_pull_line(read_object(raw))
        except WireFault as fault:
            if answer.content_type != "application/x-ndjson":
                raise
            raise WireFault(FaultKind.CUT, f"line: {fault.detail}") from fault
        if line.error is not None:
            raise problem_from_server(line.error or "unknown error", model)
        yield line


def _listing(document: Record) -> Record:
    if "models" not in document:
        raise WireFault(FaultKind.NOT_HTTP, "no list of models")
    return document
