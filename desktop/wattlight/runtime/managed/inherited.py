"""What a server of ours needs from the system's settings that is not in the environment already."""

import sys
from collections.abc import Mapping

from wattlight.web import with_system_proxies

_LOOPBACK = "127.0.0.1,localhost,::1"


def proxy_environment(environ: Mapping[str, str], platform: str = sys.platform) -> dict[str, str]:
    """Variables to add, so that the server reaches the registry where this computer needs a proxy.

    On Linux the proxy is in ``environ``, which children inherit; macOS and Windows keep it elsewhere.
    """
    found = with_system_proxies(environ, platform)
    added = {
        name.upper(): found[name]
        for name in ("http_proxy", "https_proxy")
        if name not in environ and name in found
    }
    if added and "no_proxy" not in {name.lower() for name in environ}:
        added["NO_PROXY"] = _LOOPBACK
    return added
