"""The one way of speaking HTTP: every wait and every size has a limit, no redirect is followed unseen."""

from .client import Web
from .connection import Bell, Kept
from .endpoint import (
    NOT_UNDERSTOOD,
    Endpoint,
    FaultKind,
    Proxy,
    WireFault,
    host_in,
    names_a_proxy,
    proxy_for,
    split_url,
    with_system_proxies,
)
from .exchange import POLL, Answer, Limits, Wire
from .flow import Arrivals, RateLimit
