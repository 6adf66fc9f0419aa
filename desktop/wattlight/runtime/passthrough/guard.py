"""Who may ask: programs on this computer, not web pages.

A web page can make a browser send requests to loopback, and a name of its own can point there. The Host
header names whom the browser believes to be talking to; the Origin header names the page.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from .framing import BadHead, RequestHead

_DESKTOP_SCHEMES = frozenset({"app", "tauri", "vscode-webview", "vscode-file"})
"""Schemes of desktop programs' own pages, which no web site can have (Ollama lets them in too)."""
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")


def check_request(head: RequestHead) -> None:
    """Refuse what did not come from a program on this computer.

    Raises:
        BadHead: status 403, or 400 without a Host.
    """
    if head.host is None:
        raise BadHead(400, "The header field Host is missing.")
    if not names_this_computer(head.host):
        raise BadHead(403, "Only requests to 127.0.0.1 or localhost are relayed.")
    if head.origin is not None:
        if not _is_own_origin(head.origin):
            raise BadHead(403, "Requests of web pages are not relayed.")
    elif head.fetch_site is not None and head.fetch_site.lower() in {"cross-site", "same-site"}:
        raise BadHead(403, "Requests of web pages are not relayed.")


def _is_own_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme in _DESKTOP_SCHEMES:
        return True
    return parts.scheme in {"http", "https"} and names_this_computer(parts.netloc)


def names_this_computer(authority: str) -> bool:
    """Whether a Host header (or the authority of an address) can only mean this computer."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return False
    name = match.group(1).strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
