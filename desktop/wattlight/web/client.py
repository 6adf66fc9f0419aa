"""Gets what lies at a URL: redirects are checked one by one, and every host that is asked is told."""

import time
from collections.abc import Callable, Mapping
from threading import Event
from urllib.parse import urljoin

from .endpoint import Endpoint, FaultKind, WireFault, proxy_for, split_url, with_system_proxies
from .exchange import POLL, Answer, Limits, Wire

MAX_REDIRECTS = 5


class Web:
    """``environ`` names the proxy, which is never used on this computer.

    ``on_host`` hears once of each host that is asked, also those that a page sends to. ``leaving``: once it
    is set, what is under way ends and nothing more is asked.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        on_host: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        leaving: Event | None = None,
    ) -> None:
        self._environ = with_system_proxies(environ)
        self._on_host = on_host
        self._leaving = leaving
        self._clock = clock
        self._asked: set[str] = set()

    def get(
        self,
        url: str,
        limits: Limits = POLL,
        cancel: Event | None = None,
        headers: tuple[str, ...] = (),
        authorization: str | None = None,
    ) -> Answer:
        """The answer at ``url`` or where that sends to. Only what began on this computer is sent back to it.

        ``authorization`` goes to the host of ``url`` alone, never to one that it sends to.

        Raises:
            WireFault: whatever went wrong; ``REDIRECT`` when it is sent in circles or to an unsafe place.
        """
        first = split_url(url)[0]
        cancel = cancel or self._leaving
        for _ in range(MAX_REDIRECTS + 1):
            endpoint, path = split_url(url)
            if cancel is not None and cancel.is_set():
                raise WireFault(FaultKind.CANCELLED)
            self._note(endpoint)
            secret = authorization if endpoint == first else None
            wire = Wire(endpoint, secret, proxy_for(endpoint, self._environ), self._clock)
            answer = wire.ask("GET", path, None, limits, cancel, headers, redirects=True)
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer
            answer.close()
            url = _next(url, answer.header("Location"), first.is_loopback)
        raise WireFault(FaultKind.REDIRECT, "circle")

    def _note(self, endpoint: Endpoint) -> None:
        if endpoint.host not in self._asked:
            self._asked.add(endpoint.host)
            self._on_host(endpoint.host)


def _next(url: str, location: str, began_here: bool) -> str:
    try:
        target = urljoin(url, location[:8192])
    except ValueError as error:
        raise WireFault(FaultKind.REDIRECT, "bad address") from error
    endpoint, _ = split_url(target)
    safe = began_here if endpoint.is_loopback else endpoint.scheme == "https"
    if not location or not safe:
        raise WireFault(FaultKind.REDIRECT, "unsafe")
    return target
