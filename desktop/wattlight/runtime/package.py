"""Gets the ``ollama`` package on first need: 33 MiB and 0.2 s, and its import reads the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING

from wattlight.web import Limits, Wire

from .problems import RuntimeProblem

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
    from .transport import WireTransport

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
            f"The library that talks to Ollama cannot be loaded ({type(error).__name__}).",
            "Install Wattlight again.",
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
