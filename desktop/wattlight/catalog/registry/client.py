"""The shape of a model before its download: manifest, config, and the header of its file."""

from dataclasses import dataclass, replace
from hashlib import sha256

from wattlight.catalog.gguf import REMOTE, shape_from_chunks
from wattlight.domain.shape import ModelShape
from wattlight.domain.values import clean_text
from wattlight.web import Web

from .cache import ShapeCache
from .fetching import ModelPages
from .manifest import (
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    Manifest,
    ModelConfig,
    parse_config,
    parse_manifest,
)
from .names import ModelAddress, read_address
from .problems import CloudModel, NotGguf, RegistryProblem

_TENSOR_KINDS = ("tensor",)


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model as its registry describes it; ``shape`` is exact, from the file's own header."""

    address: ModelAddress
    manifest: Manifest
    config: ModelConfig
    shape: ModelShape


class Registry:
    """Asks registries. Blocks; call it from a worker. Nothing is asked unless a method is called."""

    def __init__(self, cache: ShapeCache, web: Web) -> None:
        self._cache = cache
        self._web = web

    def model(self, name: str) -> RemoteModel:
        """The model called ``name``: one manifest, one config, and, if not cached, one ranged request.

        Raises:
            RegistryProblem: also for cloud models and builds of other runtimes.
            BadModelFile: the file's header cannot be used.
        """
        address, pages, manifest, config = self._ask(name)
        shown = clean_text(str(address), 120)
        if config.remote_host or config.remote_model:
            raise CloudModel(shown, config.remote_host)
        files = manifest.of_kind("model")
        if not files:
            tensors = sum(manifest.bytes_of(kind) for kind in _TENSOR_KINDS)
            if tensors or config.model_format == "safetensors":
                raise NotGguf(shown, tensors / 1e9)
            raise RegistryProblem(
                f"{shown} holds no model file.", "Choose another tag of this model.", "no_model_file"
            )
        if len(files) > 1:
            raise RegistryProblem(
                f"{shown} is split over {len(files)} files, which is not supported.", "Choose another tag."
            )
        layer = files[0]
        shape = self._cache.get(layer.digest)
        if shape is None or shape.file_bytes != layer.size_bytes:
            with pages.head_of(layer.digest, min(REMOTE.header_bytes, layer.size_bytes)) as pieces:
                shape = shape_from_chunks(pieces, layer.size_bytes, REMOTE)
            shape = replace(shape, digest=layer.digest)
            self._cache.put(shape)
        return RemoteModel(address, manifest, config, completed(shape, manifest, config))

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
                "The registry's description of this model is damaged.", "Try again later.", "bad_manifest"
            )
        return parse_config(raw)


def completed(shape: ModelShape, manifest: Manifest, config: ModelConfig) -> ModelShape:
    """``shape`` with what only the manifest knows: family, projector, adapters."""
    projector = manifest.bytes_of("projector")
    return replace(
        shape,
        family=config.model_family,
        projector_bytes=projector,
        adapter_bytes=manifest.bytes_of("adapter"),
        vision=shape.vision or projector > 0,
    )
