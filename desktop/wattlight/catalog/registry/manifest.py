"""A registry's manifest: which files make up a model."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from wattlight.domain.values import clean_text

from .problems import RegistryProblem

MAX_MANIFEST_BYTES = 4 << 20
MAX_CONFIG_BYTES = 1 << 20
_MAX_LAYERS = 20_000
_MAX_LAYER_BYTES = 1 << 44
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PREFIX = "application/vnd.ollama.image."


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a model; ``kind`` is the last word of its media type (``model``, ``projector``, ...)."""

    kind: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest; ``digest`` is the SHA-256 of its bytes, which is the model's ID."""

    digest: str
    config: Layer | None
    layers: tuple[Layer, ...]

    def of_kind(self, kind: str) -> tuple[Layer, ...]:
        """Its layers of one kind."""
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def bytes_of(self, kind: str) -> int:
        """Sum of the sizes of its layers of one kind."""
        return sum(layer.size_bytes for layer in self.of_kind(kind))

    @property
    def download_bytes(self) -> int:
        """What a pull would fetch."""
        return sum(layer.size_bytes for layer in self.layers) + (self.config.size_bytes if self.config else 0)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The config blob: texts cleaned, empty where missing."""

    model_format: str = ""
    model_family: str = ""
    model_type: str = ""
    file_type: str = ""
    remote_host: str = ""
    remote_model: str = ""


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        RegistryProblem: it is none (code ``bad_manifest``).
    """
    document = _document(raw, "manifest")
    layers = document.get("layers") or []
    if not isinstance(layers, list) or len(layers) > _MAX_LAYERS:
        raise _bad("manifest")
    config = document.get("config")
    return Manifest(
        digest=sha256(raw).hexdigest(),
        config=_layer(config) if isinstance(config, dict) and config.get("digest") else None,
        layers=tuple(_layer(item) for item in layers),
    )


def parse_config(raw: bytes) -> ModelConfig:
    """Read a config blob; what is missing or no text stays empty.

    Raises:
        RegistryProblem: it is no JSON object.
    """
    document = _document(raw, "description")

    def word(key: str) -> str:
        value = document.get(key)
        return clean_text(value, 100) if isinstance(value, str) else ""

    return ModelConfig(
        model_format=word("model_format"),
        model_family=word("model_family"),
        model_type=word("model_type"),
        file_type=word("file_type"),
        remote_host=word("remote_host"),
        remote_model=word("remote_model"),
    )


def _document(raw: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _bad(what) from error
    if not isinstance(document, dict):
        raise _bad(what)
    return document


def _layer(item: object) -> Layer:
    if not isinstance(item, dict):
        raise _bad("manifest")
    kind, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    if (
        not isinstance(kind, str)
        or not isinstance(digest, str)
        or _DIGEST.fullmatch(digest) is None
        or not isinstance(size, int)
        or isinstance(size, bool)
        or not 0 <= size <= _MAX_LAYER_BYTES
    ):
        raise _bad("manifest")
    return Layer(kind.split(";")[0].removeprefix(_PREFIX), digest, size)


def _bad(what: str) -> RegistryProblem:
    return RegistryProblem(
        f"The registry's {what} of this model makes no sense.", "Try again later.", "bad_manifest"
    )
