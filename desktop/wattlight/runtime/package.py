"""The ``ollama`` package, over our own exchanges: loaded on first need (33 MiB, 0.2 s).

The package validates strictly and raises on anything odd, and its import reads the environment.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING

import httpx

from wattlight.i18n import tr
from wattlight.web import Answer, FaultKind, Limits, Wire, WireFault

from .problems import RuntimeProblem
from .reading import error_text, read_object

if TYPE_CHECKING:
    import ollama


_import_lock = Lock()
_HARMFUL = frozenset(
    {
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "ollama_host",
        "ollama_api_key",
        "ssl_cert_file",
        "ssl_cert_dir",
    }
)
"""The package makes a client while it is imported, and a proxy of a kind it does not know (socks5h),
a damaged OLLAMA_HOST or a missing certificate file makes that raise."""


def make_client(wire: Wire, limits: Limits, cancel: Event | None) -> "ollama.Client":
    """A client of the package for one operation, over our wire.

    Redirects are not followed, the environment is not trusted, OLLAMA_API_KEY is sent to nobody.

    Raises:
        RuntimeProblem: the package is missing or broken (code ``no_package``).
    """
    client = _client_class()

    with _quiet_environment():
        return client(
            host=wire.endpoint.url,
            follow_redirects=False,
            trust_env=False,
            timeout=None,
            transport=WireTransport(wire, limits, cancel),
        )


def _client_class() -> "type[ollama.Client]":
    try:
        with _quiet_environment():
            from ollama import Client

            return Client
    except Exception as error:
        raise RuntimeProblem(
            tr("The library that talks to Ollama cannot be loaded ({name}).", name=type(error).__name__),
            tr("Install Wattlight again."),
            "no_package",
        ) from error


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """Without the variables that break or misdirect the package; only touched if one of them is set."""
    with _import_lock:
        found = {name: value for name, value in os.environ.items() if name.lower() in _HARMFUL}
        for name in found:
            del os.environ[name]
        try:
            yield
        finally:
            os.environ.update(found)


class WireTransport(httpx.BaseTransport):
    """Sends the package's requests over a :class:`~wattlight.web.Wire`, to its endpoint and nowhere else.

    Raises:
        WireFault: passes through the package untouched.
    """

    def __init__(self, wire: Wire, limits: Limits, cancel: Event | None) -> None:
        self._wire = wire
        self._limits = limits
        self._cancel = cancel

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make one exchange. Only the package's path and body are used; its headers are not."""
        path = request.url.raw_path.decode("ascii")
        prefix = self._wire.endpoint.path
        if prefix and path.startswith(prefix):
            path = path[len(prefix) :]
        body = request.read() or None
        with self._wire.ask(request.method, path, body, self._limits, self._cancel) as answer:
            content = _checked(answer)
        return httpx.Response(answer.status, content=content, request=request)


def _checked(answer: Answer) -> bytes:
    """The error of a refusal, else an empty record once the answer is seen to be one; none of it is used."""
    raw = answer.body()
    if answer.status != 200:
        return json.dumps({"error": error_text(raw)}).encode()
    if raw.strip() and (error := read_object(raw).get("error")) is not None:
        raise WireFault(FaultKind.CUT, str(error)[:200])
    return b'{"response": "", "embeddings": []}'
