"""How one Ollama server is spoken to: a request and its answer, every failure as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from wattlight.web import POLL, Endpoint, FaultKind, Limits, WireFault

from .meanings import Asked, problem_from_server
from .names import read_name
from .problems import PAGE, RuntimeProblem, gateway_problem, old_server, path_in_address
from .reading import Refusal, moment_of_date, read_object, read_version
from .server import ModelServer

if TYPE_CHECKING:
    import ollama

_TOLD = frozenset({401, 403, 407, 429})
"""Refusals whose cause the status itself tells."""
_CLOCKS_AGREE = timedelta(seconds=5)
"""The Date header has whole seconds, and answers take a while."""


_LIST = Limits(idle_s=10.0, total_s=30.0)
"""The server reads two files for each model that it lists: thousands of them take seconds."""


class OllamaConnection(ModelServer):
    """The way Ollama is spoken to; what it is asked is :class:`~.ollama_server.OllamaServer`'s."""

    def _raw(self, model: str) -> str:
        """The server's own spelling of a name it listed; a name it did not list must be a possible one."""
        raw = self._raw_names.get(model)
        return read_name(model).text if raw is None else raw

    def _get(self, path: str, cancel: Event | None) -> tuple[bytes, timedelta]:
        """The answer, and how far the server's clock is ahead of this computer's."""
        limits = _LIST if path == "/api/tags" else POLL
        with self._wire.ask("GET", path, None, limits, cancel) as answer:
            raw = answer.body()
        if answer.status == 200 and not raw.lstrip().startswith(b"<"):
            at, now = moment_of_date(answer.header("Date")), self._now()
            ahead = timedelta() if at is None or abs(at - now) < _CLOCKS_AGREE else at - now
            return raw, ahead
        # a list that is not there, or an error that is not Ollama's JSON, means another program
        if answer.status == 404:
            raise self._missing(path, cancel) or WireFault(FaultKind.NOT_HTTP, "status 404")
        refusal = Refusal(answer.status, raw)
        if answer.status in _TOLD or answer.status >= 500 or raw.lstrip().startswith(b"{"):
            raise refusal
        if "HTTPS" in refusal.said.upper() or b"HTTPS port" in raw:
            raise problem_from_server("HTTP request to HTTPS port", asked=Asked.LIST)
        page = raw.lstrip().startswith(b"<")
        raise WireFault(FaultKind.NOT_HTTP, PAGE if page else f"status {answer.status}")

    def _missing(self, path: str, cancel: Event | None) -> RuntimeProblem | None:
        """Why ``path`` is not there: Ollama is too old, or the address goes on where it should not."""
        version = None if path == "/api/version" else self._version_at(self.endpoint, cancel)
        if version is not None:
            return old_server(self.endpoint, version)
        bare = replace(self.endpoint, path="")
        if self.endpoint.path and self._version_at(bare, cancel) is not None:
            return path_in_address(self.endpoint, bare)
        return None

    def _version_at(self, endpoint: Endpoint, cancel: Event | None) -> str | None:
        try:
            with replace(self._wire, endpoint=endpoint).ask("GET", "/api/version", cancel=cancel) as answer:
                return read_version(read_object(answer.body())) if answer.status == 200 else None
        except WireFault as fault:
            if fault.kind is FaultKind.CANCELLED:
                raise
            return None

    @contextmanager
    def _client(self, limits: Limits, cancel: Event | None) -> "Iterator[ollama.Client]":
        from .package import make_client

        client = make_client(self._wire, limits, cancel)
        try:
            yield client
        finally:
            client.close()  # type: ignore[no-untyped-call]  # the package has no types there

    def _refused(self, status: int, said: str, model: str, asked: Asked) -> RuntimeProblem:
        problem = problem_from_server(said or f"HTTP {status}", model, asked)
        before = gateway_problem(status, self.endpoint, self._wire.proxy)
        return before if before is not None and problem.code == "server_error" else problem
