"""Where the model server is (OLLAMA_HOST in all its forms, or an address of the settings); reaching it."""

import difflib
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event
from urllib.parse import quote, urlsplit

from wattlight.domain.values import HostId, clean_text
from wattlight.i18n import tr
from wattlight.settings import ServerAddress
from wattlight.web import Endpoint, Wire, names_a_proxy

from .kinds import kind_at
from .litellm_server import LiteLlmServer
from .llama_server import LlamaRouter, LlamaServer
from .lm_studio_server import LmStudioServer
from .ollama_server import OllamaServer
from .openai_server import OpenAiServer
from .problems import RuntimeProblem, proxy_to
from .server import ModelServer
from .vllm_server import VllmServer

KINDS: tuple[type[ModelServer], ...] = (
    OllamaServer,
    LlamaServer,
    LlamaRouter,
    VllmServer,
    LmStudioServer,
    LiteLlmServer,
    OpenAiServer,
)
"""Every kind of server there is: another one joins here, and :func:`look` chooses."""

DEFAULT_PORT = 11434
"""Ollama's own port (its ``envconfig``)."""
_SCHEME_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_BARE = re.compile(r"(?!localhost$)(?=.*[^\d])[\w -]+")
"""A word that may be a host's name or an address without a port."""
_MAX_LENGTH = 500


def find_server(address: ServerAddress, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint of ``address``: its own URL, else OLLAMA_HOST, else the default port of this computer.

    Raises:
        RuntimeProblem: the address cannot be used (code ``bad_address``).
    """
    if address.url is not None and address.url.strip():
        return parse_endpoint(address.url, "the server's address in the settings")
    text = environ.get("OLLAMA_HOST", "").strip().strip("\"'").strip()
    if text:
        return parse_endpoint(text, "OLLAMA_HOST")
    return Endpoint("http", "127.0.0.1", DEFAULT_PORT)


def parse_endpoint(text: str, origin: str = "the address") -> Endpoint:
    """Read ``host``, ``host:port``, ``:port``, ``port``, ``[IPv6]:port`` or a URL, as Ollama reads them.

    ``http://host`` means port 80 and ``https://host`` port 443; without a scheme the port is 11434.
    An address to listen on (0.0.0.0, ::) becomes the loopback address.

    Raises:
        RuntimeProblem: not an address, or it holds a user name or password (code ``bad_address``).
    """
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH or any(ord(ch) <= 32 or ord(ch) == 127 for ch in text):
        raise _bad(origin, text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
        default_port = DEFAULT_PORT
        if rest.isascii() and rest.isdigit():
            rest = f":{rest}"
        elif rest.count(":") > 1 and not rest.startswith("["):
            rest = f"[{rest}]"
    else:
        scheme = scheme.lower()
        default_port = _SCHEME_PORTS.get(scheme, 0)
    if scheme not in _SCHEME_PORTS:
        raise _bad(origin, text)
    if "@" in rest:
        raise RuntimeProblem(
            tr(
                "A user name or password in {origin} is not accepted: addresses are shown and logged.",
                origin=origin,
            ),
            tr("Write the address without it."),
            "bad_address",
        )
    return _split(scheme, rest, default_port, _bad(origin, text))


def _split(scheme: str, rest: str, default_port: int, bad: RuntimeProblem) -> Endpoint:
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
        host = parts.hostname or "127.0.0.1"
    except ValueError:
        raise bad from None
    if parts.query or parts.fragment or port == 0:
        raise bad
    host = _checked_host(host, bad)
    path = quote(parts.path.rstrip("/"), safe="/%-._~")
    if any(piece in {".", ".."} for piece in path.split("/")):
        raise bad
    return Endpoint(scheme, host, default_port if port is None else port, path)


def _checked_host(host: str, bad: RuntimeProblem) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if _HOST.fullmatch(host) is None:
            raise bad from None
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)


def _bad(origin: str, text: str) -> RuntimeProblem:
    return RuntimeProblem(
        tr(
            '"{value}" in {origin} is not the address of a server.',
            value=clean_text(text.rsplit("@", 1)[-1], 80),
            origin=origin,
        ),
        tr("Write it like 127.0.0.1:11434 or https://host:443."),
        "bad_address",
    )


def _unencrypted(endpoint: Endpoint) -> RuntimeProblem:
    return RuntimeProblem(
        tr(
            "{url} is outside of your home network, and http is not encrypted: others on the way can read "
            "and change what is asked and answered.",
            url=endpoint.url,
        ),
        tr("Use https, or add it with 'wattlight hosts add --plain-http' if you accept that."),
        "unencrypted",
    )


def own_addresses() -> tuple[str, ...]:
    """This computer's addresses in its networks, as the system would choose them; nothing is sent."""
    found = []
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((far, 9))
            found.append(str(sock.getsockname()[0]))
    return tuple(address for address in found if not ipaddress.ip_address(address).is_loopback)


def heard_outside(endpoint: Endpoint, addresses: Callable[[], tuple[str, ...]] = own_addresses) -> str | None:
    """The address at which other computers reach a server whose ``endpoint`` is on this one; None: at none.

    Asked of real sockets, since a setting may not be in force. Waits at most half a second for each address.
    """
    if not endpoint.is_loopback:
        return None
    for address in addresses():
        with suppress(OSError), socket.create_connection((address, endpoint.port), 0.5):
            return f"[{address}]" if ":" in address else address
    return None


def answers_web_pages(endpoint: Endpoint) -> bool:
    """Whether any page open in a browser may use the server (OLLAMA_ORIGINS set to ``*``).

    Raises:
        WireFault: it did not answer.
    """
    with Wire(endpoint).ask("GET", "/api/version", headers=("Origin: http://page.invalid",)) as answer:
        return answer.status == 200 and answer.header("access-control-allow-origin") in {
            "*",
            "http://page.invalid",
        }


def choose_address(host: str | None, servers: tuple[ServerAddress, ...]) -> ServerAddress:
    """The address of the settings that ``host`` names, by its id or name; else ``host`` is a URL itself.

    None chooses the first one.

    Raises:
        RuntimeProblem: no address, but nearly one of the names (code ``bad_input``).
    """
    if host is None:
        return servers[0] if servers else ServerAddress()
    wanted = host.strip().casefold()
    for address in servers:
        if wanted in {address.host.casefold(), address.name.casefold()}:
            return address
    meant = near_host(host, servers)
    if meant and _BARE.fullmatch(wanted) is not None:
        raise RuntimeProblem(
            tr('There is no host "{name}".', name=clean_text(host, 60)),
            tr(
                "Did you mean {meant}? An address is written with its port: {name}:{port}.",
                meant=meant,
                name=clean_text(wanted, 60),
                port=DEFAULT_PORT,
            ),
            "bad_input",
        )
    return ServerAddress(HostId(host), host, host)


def near_host(name: str, servers: tuple[ServerAddress, ...]) -> str:
    """The name of a host that was likely meant by ``name``; "" where none is like it."""
    known = {said.casefold(): a.name for a in servers for said in (a.name, a.host)}
    found = difflib.get_close_matches(name.strip().casefold(), known, 1, 0.7)
    return clean_text(known[found[0]], 60) if found else ""


def look(server: ModelServer, cancel: Event | None = None) -> ModelServer:
    """The server of the kind that answers at the address of ``server``; itself where none is seen.

    Loads, wakes and evicts no model; never raises.
    """
    kind = kind_at(server.wire, cancel)
    found = next((item for item in KINDS if item.kind is kind), None)
    return server if found is None or kind is server.kind else found.in_place_of(server)


def connect(
    address: ServerAddress, environ: Mapping[str, str], authorization: str | None = None
) -> OllamaServer:
    """The server at ``address``, taken for Ollama until :func:`look` sees another; nothing is sent yet.

    ``authorization`` is a whole header value ("Bearer ..."); it is only ever sent to exactly this server,
    over https or within this computer.

    Raises:
        RuntimeProblem: the address or the proxy for it cannot be used, or it is plain http out of the home
            network and nobody chose that (code ``unencrypted``).
    """
    endpoint = find_server(address, environ)
    guarded = endpoint.is_private or endpoint.is_at_home or address.plain_http
    if address.url is not None and not guarded:
        raise _unencrypted(endpoint)
    return OllamaServer(
        endpoint,
        authorization=authorization,
        proxy=proxy_to(endpoint, environ),
        behind_proxy=names_a_proxy(environ),
    )
