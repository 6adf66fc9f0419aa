"""Tests speak to this computer alone: whatever would leave it finds no network. Examples have no deadline:
a busy computer is no fault. Texts are named in English, whatever the developer's language is."""

import errno
import ipaddress
import os
import socket
import sys
from typing import Any

from hypothesis import settings

os.environ["LC_ALL"] = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
for _name in ("LC_MESSAGES", "LANG"):
    os.environ.pop(_name, None)

_LOOKED_UP = socket.getaddrinfo
_CONNECTED = socket.socket.connect


def _is_near(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _look_up(host: Any, *args: Any, **more: Any) -> Any:
    """Numbers are no question to anybody; names but the loopback's are not known here."""
    try:
        ipaddress.ip_address(str(host or "127.0.0.1").partition("%")[0])
    except ValueError:
        if not _is_near(host):
            raise socket.gaierror(socket.EAI_NONAME, "no test leaves this computer") from None
    return _LOOKED_UP(host, *args, **more)


def _connect(self: socket.socket, address: Any) -> Any:
    far = isinstance(address, tuple) and not _is_near(address[0])
    if far and self.type & socket.SOCK_STREAM:  # of a datagram socket it asks for a route only
        raise OSError(errno.ENETUNREACH, "no test leaves this computer")
    return _CONNECTED(self, address)


socket.getaddrinfo = _look_up
socket.socket.connect = _connect  # type: ignore[method-assign]
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
