"""More than one Ollama on this computer: a system service beside a managed copy, say."""

from collections.abc import Iterable
from threading import Event

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.web import Endpoint

from .ollama_server import OllamaServer


def servers_among(endpoints: Iterable[Endpoint], cancel: Event | None = None) -> tuple[ServerState, ...]:
    """Those of ``endpoints`` where an Ollama answers, each port of this computer once, in their order."""
    found: list[ServerState] = []
    asked: set[tuple[str, int]] = set()
    for endpoint in endpoints:
        key = ("loopback" if endpoint.is_loopback else endpoint.host, endpoint.port)
        if key in asked:
            continue
        asked.add(key)
        state = OllamaServer(endpoint).state(cancel=cancel)
        if state.status is ServerStatus.READY:
            found.append(state)
    return tuple(found)
