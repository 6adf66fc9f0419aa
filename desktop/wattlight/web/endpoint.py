"""Where a request goes: an endpoint, the proxy on the way there, and how an exchange can fail."""

import base64
import ipaddress
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from wattlight.domain.values import clean_text

_AT_HOME = (".local", ".lan", ".home", ".home.arpa", ".internal", ".box")
NOT_UNDERSTOOD = "proxy kind"
"""Detail of a ``PROXY`` fault: the environment names a proxy of a kind that is not spoken here."""
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9a-fA-F:.]{2,45}")


def host_in(address: str) -> str:
    """The host of an address from outside, for a sentence; the address itself where none can be told."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return clean_text(host or address, 80)


class FaultKind(StrEnum):
    """How an exchange failed."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    NOT_HTTP = "not_http"
    REDIRECT = "redirect"
    ENCODED = "encoded"
    TOO_LARGE = "too_large"
    CUT = "cut"
    TLS = "tls"
    PROXY = "proxy"
    CANCELLED = "cancelled"


class WireFault(Exception):
    """An exchange failed; ``detail`` is for the log, never shown alone."""

    def __init__(self, kind: FaultKind, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@lru_cache(256)
def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address that requests go to. ``host`` is without brackets, ``path`` begins with "/" or is empty."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """Host and port as the Host header wants them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as text; it never holds credentials."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """True when requests stay on this computer: no proxy is ever used then."""
        return _is_loopback(self.host)

    @property
    def is_private(self) -> bool:
        """True when a secret may be sent: encrypted, or on this computer."""
        return self.scheme == "https" or self.is_loopback

    @property
    def is_at_home(self) -> bool:
        """Whether it is of the home network, as far as it tells: a private range, or a local name."""
        host = self.host.lower().rstrip(".")
        try:
            found = ipaddress.ip_address(host)
        except ValueError:
            return "." not in host or host.endswith(_AT_HOME)
        return found.is_private or found.is_link_local


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; ``authorization`` is the value of its own header, never shown."""

    host: str
    port: int
    authorization: str | None = None


def split_url(url: str) -> tuple[Endpoint, str]:
    """The endpoint of a full address, and what is asked for there.

    Raises:
        WireFault: not an http address, or one with credentials in it (``REDIRECT``).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WireFault(FaultKind.REDIRECT, "bad address") from error
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    if usual is None or not host or port == 0 or "@" in parts.netloc or _HOST.fullmatch(host) is None:
        raise WireFault(FaultKind.REDIRECT, "bad address")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise WireFault(FaultKind.REDIRECT, "bad path")
    return Endpoint(parts.scheme, host, port or usual), path


def names_a_proxy(environ: Mapping[str, str]) -> bool:
    """True when the environment names any proxy for web traffic."""
    return any(_setting(environ, name) for name in ("https_proxy", "http_proxy", "all_proxy"))


def proxy_for(endpoint: Endpoint, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for ``endpoint``; None for loopback, always.

    Raises:
        WireFault: the proxy is of a kind that is not understood.
    """
    if endpoint.is_loopback:
        return None
    text = _setting(environ, f"{endpoint.scheme}_proxy") or _setting(environ, "all_proxy")
    if not text or _bypassed(endpoint, environ):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
        if "[" in parts.netloc:
            ipaddress.IPv6Address((host or "").partition("%")[0])  # older Pythons take anything in brackets
    except ValueError as error:
        raise WireFault(FaultKind.PROXY, NOT_UNDERSTOOD) from error
    if parts.scheme != "http" or not host:
        raise WireFault(FaultKind.PROXY, NOT_UNDERSTOOD)
    secret = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        secret = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Proxy(host, port or 80, secret)


def with_system_proxies(environ: Mapping[str, str], platform: str = sys.platform) -> Mapping[str, str]:
    """``environ``, on macOS and Windows with the proxies of the system's own settings where it names none."""
    if platform not in {"darwin", "win32"} or names_a_proxy(environ):
        return environ
    import urllib.request

    found = urllib.request.getproxies()
    return {**environ, **{f"{kind}_proxy": found[kind] for kind in ("http", "https") if found.get(kind)}}


def _setting(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _bypassed(endpoint: Endpoint, environ: Mapping[str, str]) -> bool:
    """NO_PROXY as Go reads it (``golang.org/x/net/http/httpproxy``), and so Ollama's own client.

    A rule is ``*`` for all, an address, a range of addresses, or a name with those below it; one that begins
    with a dot or ``*.`` means only those below. Names and single addresses may end in a port.
    """
    rules = [rule.strip().lower() for rule in _setting(environ, "no_proxy").split(",")]
    return any(rule == "*" or (rule and _matches(rule, endpoint)) for rule in rules)


def _matches(rule: str, endpoint: Endpoint) -> bool:
    host = endpoint.host.lower().split("%")[0].rstrip(".")
    address = _address(host)
    try:
        if "/" in rule:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return False
    name, port = _port_split(rule)
    if port is not None and port != str(endpoint.port):
        return False
    if (wanted := _address(name)) is not None:
        return wanted == address
    name = name.removeprefix("*").rstrip(".")
    if name.startswith("."):
        return len(name) > 1 and host.endswith(name)
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _port_split(rule: str) -> tuple[str, str | None]:
    """Name and port of a rule; an IPv6 address has a port only after brackets."""
    if rule.startswith("["):
        name, _, rest = rule[1:].partition("]")
        return name, rest.removeprefix(":") or None
    name, colon, port = rule.rpartition(":")
    return (name, port) if colon and ":" not in name else (rule, None)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
