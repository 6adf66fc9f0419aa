"""Requests to a registry: bounded in size and time, redirects checked one by one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import httpx

from wattlight import __version__
from wattlight.domain.values import clean_text

from .names import ModelAddress
from .problems import ModelUnknown, RegistryProblem, RegistryUnreachable

_CONNECT_S, _READ_S = 5.0, 15.0
_WHOLE_S = 60.0
_MAX_HOPS = 4
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Fetcher:
    """Talks to one registry. Sends no credentials anywhere: public models need none.

    Addresses on this computer are never reached through a proxy. ``on_host`` hears once of each host that
    is asked, also those the registry sends to.
    """

    def __init__(
        self,
        address: ModelAddress,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_host: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._address = address
        self._on_host = on_host
        self._asked: set[str] = set()
        self._transport = transport
        self._clock = clock

    def small(self, url: str, limit: int, accept: str = "*/*") -> bytes:
        """The whole body of ``url``, at most ``limit`` bytes.

        Raises:
            RegistryProblem: unreachable, unknown, too large, or not answered properly.
        """
        with self._get(url, {"Accept": accept}) as response:
            body = bytearray()
            for piece in self._pieces(response):
                body += piece
                if len(body) > limit:
                    raise self._odd("sends far more than was asked for")
            return bytes(body)

    def manifest(self, limit: int) -> bytes:
        """The bytes of the model's manifest."""
        return self.small(self._address.manifest_url, limit, _MANIFEST_TYPE)

    @contextmanager
    def head_of(self, digest: str, limit: int) -> Iterator[Iterator[bytes]]:
        """The first ``limit`` bytes of a blob, in pieces as they arrive; leaving the context hangs up.

        A server that ignores the range is read the same way and cut off.
        """
        headers = {"Range": f"bytes=0-{limit - 1}"}
        with self._get(self._address.blob_url(digest), headers) as response:
            yield self._pieces(response)

    @contextmanager
    def _get(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        started = self._clock()
        for _ in range(_MAX_HOPS):
            self._note(urlsplit(url).hostname or "")
            with self._client(url) as client:
                try:
                    request = client.build_request("GET", url, headers=headers)
                    response = client.send(request, stream=True)
                except (httpx.InvalidURL, httpx.RemoteProtocolError) as error:
                    raise self._odd("does not answer properly") from error
                except (httpx.HTTPError, OSError) as error:
                    raise RegistryUnreachable(_host_of(url)) from error
                try:
                    if response.is_redirect or 300 <= response.status_code < 400:
                        url = self._next(url, response.headers.get("Location", ""))
                        continue
                    self._check(response)
                    response.extensions["wattlight_started"] = started
                    yield response
                    return
                finally:
                    response.close()
        raise self._odd("redirects without end")

    def _note(self, host: str) -> None:
        if host not in self._asked:
            self._asked.add(host)
            self._on_host(host)

    def _client(self, url: str) -> httpx.Client:
        local = is_loopback(urlsplit(url).hostname or "")
        return httpx.Client(
            transport=self._transport,
            trust_env=not local,
            follow_redirects=False,
            timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S),
            headers={"User-Agent": f"wattlight/{__version__}", "Accept-Encoding": "identity"},
        )

    def _next(self, url: str, location: str) -> str:
        followed = False
        try:
            target = urljoin(url, location[:8192])
            parts = urlsplit(target)
            if location and parts.hostname and parts.scheme in {"http", "https"}:
                local = is_loopback(parts.hostname)
                followed = self._address.is_loopback if local else parts.scheme == "https"
        except ValueError:
            followed = False
        if not followed:
            raise self._odd("redirects to a place that cannot be followed")
        return target

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in {200, 206}:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise self._odd("packs its answer although asked not to")
            start = response.headers.get("Content-Range", "bytes 0-")
            if not start.replace(" ", "").startswith("bytes0-"):
                raise self._odd("sends another part of the file than asked for")
            return
        if status in {400, 404}:
            raise ModelUnknown(clean_text(str(self._address), 120))
        if status in {401, 403}:
            raise RegistryProblem(
                f"The registry {self._address.host} wants to know who asks for this model.",
                "It is private or needs its terms accepted; pull it with Ollama after signing in.",
                "sign_in",
            )
        if status == 429:
            raise RegistryProblem(
                f"The registry {self._address.host} wants fewer requests.", "Try again later.", "busy"
            )
        raise self._odd(f"answers with an error ({status})")

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        started = response.extensions["wattlight_started"]
        try:
            for piece in response.iter_raw():
                if self._clock() - started > _WHOLE_S:
                    raise self._odd("is too slow")
                yield piece
        except (httpx.HTTPError, OSError) as error:
            raise RegistryUnreachable(_host_of(str(response.url))) from error

    def _odd(self, what: str) -> RegistryProblem:
        return RegistryProblem(f"The registry {self._address.host} {what}.", "Try again later.")


def is_loopback(host: str) -> bool:
    """True for a name or address of this very computer."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(url: str) -> str:
    return clean_text(urlsplit(url).netloc.rpartition("@")[2], 100)
