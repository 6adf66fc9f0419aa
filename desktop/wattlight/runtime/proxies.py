"""Which proxy, if any, stands between this computer and a server that is not on it."""

import base64
import sys
import urllib.request
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from .address import Endpoint
from .dialing import Proxy
from .problems import RuntimeProblem


def names_a_proxy(environ: Mapping[str, str]) -> bool:
    """True when the environment names any proxy for web traffic."""
    return any(_setting(environ, name) for name in ("https_proxy", "http_proxy", "all_proxy"))


def proxy_for(endpoint: Endpoint, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for ``endpoint``; None for loopback, always.

    Raises:
        RuntimeProblem: the proxy is of a kind that is not understood (code ``proxy``).
    """
    if endpoint.is_loopback:
        return None
    text = _setting(environ, f"{endpoint.scheme}_proxy") or _setting(environ, "all_proxy")
    if not text or _bypassed(endpoint.host, environ):
        return None
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or not host:
        raise RuntimeProblem(
            f"The proxy of this computer cannot be used to reach {endpoint.url}.",
            "Only plain http proxies are understood; add the server's name to NO_PROXY to reach it directly.",
            "proxy",
        )
    secret = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        secret = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Proxy(host, port or 80, secret)


def with_system_proxies(environ: Mapping[str, str], platform: str = sys.platform) -> Mapping[str, str]:
    """``environ``, on macOS and Windows with the proxies of the system's own settings where it names none."""
    if platform not in {"darwin", "win32"} or names_a_proxy(environ):
        return environ
    found = urllib.request.getproxies()
    return {**environ, **{f"{kind}_proxy": found[kind] for kind in ("http", "https") if found.get(kind)}}


def _setting(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _bypassed(host: str, environ: Mapping[str, str]) -> bool:
    """NO_PROXY as most programs read it: names, suffixes with or without a dot, or a star for all."""
    for rule in _setting(environ, "no_proxy").split(","):
        name = rule.strip().lower().lstrip("*").lstrip(".")
        if rule.strip() == "*" or (name and (host.lower() == name or host.lower().endswith(f".{name}"))):
            return True
    return False
