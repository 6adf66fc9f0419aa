"""The shape of a model before its download: manifest, config, and the header of its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from threading import Event

from wattlight.catalog.gguf import REMOTE, shape_from_chunks
from wattlight.domain.shape import ModelShape
from wattlight.domain.values import clean_text
from wattlight.i18n import gb, tr
from wattlight.web import Answer, FaultKind, Limits, Web, WireFault

from .cache import ShapeCache
from .manifest import (
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    Layer,
    Manifest,
    ModelAddress,
    ModelConfig,
    RegistryBusy,
    RegistryProblem,
    RegistryUnreachable,
    RunsElsewhere,
    parse_config,
    parse_manifest,
    read_address,
    read_parameters,
)
from .token import RegistryPass

_LIMITS = Limits(connect_s=5.0, idle_s=15.0, total_s=60.0)
_STREAM = Limits(connect_s=10.0, idle_s=30.0, total_s=None)
_RENEWALS = 3
"""Of a token, for one request: a fresh one may run out while many connections use it."""
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class ModelPages:
    """What a registry holds of one model. No credentials of the user's are sent: public models need none.

    Any number of threads may ask at the same time.
    """

    def __init__(self, web: Web, address: ModelAddress) -> None:
        self._web = web
        self._address = address
        self._pass = RegistryPass(web)

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
        with self._get(self._address.blob_url(digest), _LIMITS, _range(0, limit)) as answer:
            yield answer.pieces()

    @contextmanager
    def part_of(self, digest: str, start: int, end: int, cancel: Event) -> Iterator[Answer]:
        """The bytes of a blob from ``start`` up to ``end``, without a limit of time.

        A server that ignores the range answers with status 200 and all of the blob.

        Raises:
            RegistryProblem: also in the block, when the connection breaks.
        """
        headers = _range(start, end)
        with self._get(self._address.blob_url(digest), _STREAM, headers, start, cancel) as answer:
            yield answer

    def _small(self, url: str, limit: int, accept: str) -> bytes:
        with self._get(url, replace(_LIMITS, body_bytes=limit), (f"Accept: {accept}",)) as answer:
            return answer.body()

    @contextmanager
    def _get(
        self, url: str, limits: Limits, headers: tuple[str, ...], start: int = 0, cancel: Event | None = None
    ) -> Iterator[Answer]:
        try:
            sent = self._pass.authorization
            answer = self._web.get(url, limits, cancel, headers, sent)
            for _ in range(_RENEWALS):
                if answer.status != 401:
                    break
                with answer:
                    sent = self._pass.renewed(url, answer, sent, cancel)
                if sent is None:
                    break
                answer = self._web.get(url, limits, cancel, headers, sent)
            with answer:
                self._check(answer, start)
                yield answer
        except WireFault as fault:
            raise self._problem(fault) from fault

    def _check(self, answer: Answer, start: int = 0) -> None:
        status = answer.status
        if status in {200, 206}:
            sent = answer.header("Content-Range") or f"bytes {start if status == 206 else 0}-"
            if not sent.replace(" ", "").startswith(f"bytes{start if status == 206 else 0}-"):
                raise self._odd(tr("It sends another part of the file than the one requested."))
            return
        if status in {400, 404}:
            raise RegistryProblem(
                tr("The registry has no model {name}.", name=clean_text(str(self._address), 120)),
                tr("Check the spelling and the part after the colon."),
                "unknown_model",
            )
        host = self._address.host
        if status in {401, 403}:
            raise RegistryProblem(
                tr("The registry {host} requires you to sign in for this model.", host=host),
                tr("It is private or its terms must be accepted; sign in with Ollama, then pull it."),
                "sign_in",
            )
        if status in {429, 503}:
            raise RegistryBusy(host, answer.header("Retry-After"))
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


def _range(start: int, end: int) -> tuple[str, str]:
    return "Accept: */*", f"Range: bytes={start}-{end - 1}"


class Registry:
    """Asks registries. Blocks; call it from a worker. Nothing is asked unless a method is called."""

    def __init__(self, cache: ShapeCache, web: Web) -> None:
        self._cache = cache
        self._web = web

    def shape(self, name: str) -> ModelShape:
        """The exact shape of ``name``: one manifest, one config and, if not cached, one ranged request;
        as much again for a draft.

        Raises:
            RegistryProblem: also for cloud models and builds of other runtimes.
            BadModelFile: the file's header cannot be used.
        """
        address, pages, manifest, config = self._ask(name)
        shown = clean_text(str(address), 120)
        if config.remote_host or config.remote_model:
            raise RunsElsewhere(shown, config.remote_host or tr("a remote service"))
        files = manifest.of_kind("model")
        if not files:
            tensors = manifest.bytes_of("tensor")
            if tensors or config.model_format == "safetensors":
                raise _not_gguf(shown, tensors)
            raise RegistryProblem(
                tr("{shown} holds no model file.", shown=shown),
                tr("Choose another tag of this model."),
                "no_model_file",
            )
        if len(files) > 1:
            raise RegistryProblem(
                tr(
                    "{shown} is split over {files} files, which is not supported.",
                    shown=shown,
                    files=len(files),
                ),
                tr("Choose another tag."),
            )
        shape = self._read(pages, files[0])
        drafts = manifest.of_kind("draft")
        draft = self._read(pages, drafts[0], as_draft=True) if drafts else None
        raw, params = None, manifest.of_kind("params")
        if params and (drafts or shape.has_draft_blocks):
            raw = pages.blob(params[0].digest, MAX_CONFIG_BYTES)
        return completed(shape, manifest, config, draft, raw)

    def _read(self, pages: ModelPages, layer: Layer, as_draft: bool = False) -> ModelShape:
        shape = self._cache.get(layer.digest)
        if shape is None or shape.file_bytes != layer.size_bytes:
            with pages.head_of(layer.digest, min(REMOTE.header_bytes, layer.size_bytes)) as pieces:
                shape = shape_from_chunks(pieces, layer.size_bytes, REMOTE, as_draft)
            shape = replace(shape, digest=layer.digest)
            self._cache.put(shape)
        return shape

    def manifest(self, name: str) -> Manifest:
        """The registry's manifest of ``name``: one small request; raises as :meth:`described` does."""
        pages = ModelPages(self._web, read_address(name))
        return parse_manifest(pages.manifest(MAX_MANIFEST_BYTES))

    def described(self, name: str) -> tuple[Manifest, ModelConfig]:
        """What the registry says of ``name``: two small requests, its file is not touched.

        Raises:
            RegistryProblem: unreachable, unknown, or not answered properly.
        """
        _, _, manifest, config = self._ask(name)
        return manifest, config

    def _ask(self, name: str) -> tuple[ModelAddress, ModelPages, Manifest, ModelConfig]:
        address = read_address(name)
        pages = ModelPages(self._web, address)
        manifest = parse_manifest(pages.manifest(MAX_MANIFEST_BYTES))
        return address, pages, manifest, self._config(pages, manifest)

    def _config(self, pages: ModelPages, manifest: Manifest) -> ModelConfig:
        if manifest.config is None:
            return ModelConfig()
        raw = pages.blob(manifest.config.digest, MAX_CONFIG_BYTES)
        if "sha256:" + sha256(raw).hexdigest() != manifest.config.digest:
            raise RegistryProblem(
                tr("The registry's description of this model is damaged."),
                tr("Try again later."),
                "bad_manifest",
            )
        return parse_config(raw)


def _not_gguf(name: str, size_bytes: int) -> RegistryProblem:
    return RegistryProblem(
        tr(
            "{name} is a safetensors build of {size} for the MLX runtime: no GGUF header.",
            name=name,
            size=gb(size_bytes),
        ),
        tr("Choose a GGUF tag of the same model; for this one, expect its size plus about 1 GiB."),
        "not_gguf",
    )


def completed(
    shape: ModelShape,
    manifest: Manifest,
    config: ModelConfig,
    draft: ModelShape | None = None,
    params: bytes | None = None,
) -> ModelShape:
    """``shape`` with what only the manifest knows: family, projector, adapters, draft, own parameters."""
    own = read_parameters(params)
    projector = manifest.bytes_of("projector")
    return replace(
        shape,
        family=config.model_family,
        projector_bytes=projector,
        adapter_bytes=manifest.bytes_of("adapter"),
        vision=shape.vision or projector > 0,
        draft=draft,
        draft_length=own.draft_length,
        context_set=own.context,
    )
