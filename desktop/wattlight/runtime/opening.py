"""From an address of the settings to a server to talk to, and which servers this computer has."""

from collections.abc import Iterable, Mapping
from threading import Event

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import HostId
from wattlight.settings import ServerAddress
from wattlight.web import Endpoint, names_a_proxy

from .address import find_server
from .ollama_server import OllamaServer
from .problems import proxy_to

ModelServer = OllamaServer
"""Every kind of server there is: another one joins here, and :func:`connect` chooses."""


def choose_address(host: str | None, servers: tuple[ServerAddress, ...]) -> ServerAddress:
    """The address of the settings that ``host`` names, by its id or name; else ``host`` is a URL itself.

    None chooses the first one.
    """
    if host is None:
        return servers[0] if servers else ServerAddress()
    wanted = host.strip().casefold()
    for address in servers:
        if wanted in {address.host.casefold(), address.name.casefold()}:
            return address
    return ServerAddress(HostId(host), host, host)


def connect(
    address: ServerAddress, environ: Mapping[str, str], authorization: str | None = None
) -> OllamaServer:
    """The server at ``address``; nothing is sent yet.

    ``authorization`` is a whole header value ("Bearer ..."); it is only ever sent to exactly this server,
    over https or within this computer.

    Raises:
        RuntimeProblem: the address or the proxy for it cannot be used.
    """
    endpoint = find_server(address, environ)
    return OllamaServer(
        endpoint,
        authorization=authorization,
        proxy=proxy_to(endpoint, environ),
        behind_proxy=names_a_proxy(environ),
    )


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
