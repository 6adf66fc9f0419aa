"""Requests to a registry about one model: bounded in size and time, told apart by what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.web import Answer, FaultKind, Limits, Web, WireFault

from .names import ModelAddress
from .problems import ModelUnknown, RegistryProblem, RegistryUnreachable

_LIMITS = Limits(connect_s=5.0, idle_s=15.0, total_s=60.0)
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class ModelPages:
    """What a registry holds of one model. No credentials are sent: public models need none."""

    def __init__(self, web: Web, address: ModelAddress) -> None:
        self._web = web
        self._address = address

    def manifest(self, limit: int) -> bytes:
        """The bytes of the model's manifest, at most ``limit``.

        Raises:
            RegistryProblem: unreachable, unknown, too large, or not answered properly.
        """
        return self._small(self._address.manifest_url, limit, _MANIFEST_TYPE)

    def blob(self, digest: str, limit: int) -> bytes:
        """A whole small blob; raises as :meth:`manifest` does."""
        return self._small(self._address.blob_url(digest), limit, "*/*")

    @contextmanager
    def head_of(self, digest: str, limit: int) -> Iterator[Iterator[bytes]]:
        """The first ``limit`` bytes of a blob, in pieces as they arrive; leaving the context hangs up.

        A server that ignores the range is read the same way and cut off.
        """
        headers = ("Accept: */*", f"Range: bytes=0-{limit - 1}")
        with self._get(self._address.blob_url(digest), _LIMITS, headers) as answer:
            yield answer.pieces()

    def _small(self, url: str, limit: int, accept: str) -> bytes:
        with self._get(url, replace(_LIMITS, body_bytes=limit), (f"Accept: {accept}",)) as answer:
            return answer.body()

    @contextmanager
    def _get(self, url: str, limits: Limits, headers: tuple[str, ...]) -> Iterator[Answer]:
        try:
            with self._web.get(url, limits, None, headers) as answer:
                self._check(answer)
                yield answer
        except WireFault as fault:
            raise self._problem(fault) from fault

    def _check(self, answer: Answer) -> None:
        status = answer.status
        if status in {200, 206}:
            start = answer.header("Content-Range") or "bytes 0-"
            if not start.replace(" ", "").startswith("bytes0-"):
                raise self._odd(tr("It sends another part of the file than the one requested."))
            return
        if status in {400, 404}:
            raise ModelUnknown(clean_text(str(self._address), 120))
        host = self._address.host
        if status in {401, 403}:
            raise RegistryProblem(
                tr("The registry {host} requires you to sign in for this model.", host=host),
                tr("It is private or its terms must be accepted; sign in with Ollama, then pull it."),
                "sign_in",
            )
        if status == 429:
            raise RegistryProblem(
                tr("The registry {host} accepts no more requests for now.", host=host),
                tr("Try again later."),
                "busy",
            )
        raise self._odd(tr("It answers with an error ({status}).", status=status))

    def _problem(self, fault: WireFault) -> RegistryProblem:
        host = self._address.host
        if fault.kind is FaultKind.TLS:
            return RegistryProblem(
                tr("The identity of the registry {host} could not be verified.", host=host),
                tr("Check the date of this computer and the network."),
                "tls",
            )
        if fault.kind is FaultKind.PROXY:
            return RegistryProblem(
                tr("The proxy of this computer does not let requests to {host} through.", host=host),
                tr("Check the proxy settings; only plain http proxies are understood."),
                "proxy",
            )
        details = {
            FaultKind.REDIRECT: tr("It redirects to a place that cannot be followed.")
            if fault.detail != "circle"
            else tr("It redirects without end."),
            FaultKind.ENCODED: tr("It compresses its answer although asked not to."),
            FaultKind.TOO_LARGE: tr("It sends far more than was requested."),
            FaultKind.NOT_HTTP: tr("It does not answer properly."),
        }
        detail = details.get(fault.kind)
        return RegistryUnreachable(host) if detail is None else self._odd(detail)

    def _odd(self, detail: str) -> RegistryProblem:
        message = tr("The registry {host} cannot be used.", host=self._address.host)
        return RegistryProblem(f"{message} {detail}", tr("Try again later."))
