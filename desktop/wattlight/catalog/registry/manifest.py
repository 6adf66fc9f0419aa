"""Names of models, a registry's manifest, and what can go wrong when a registry is asked."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from wattlight.domain.values import Problem, clean_text, read_json
from wattlight.i18n import marked, tr
from wattlight.web import host_in


class RegistryProblem(Problem):
    """A registry does not give what is needed; nothing on this computer changed."""

    code = "registry"


class RegistryUnreachable(RegistryProblem):
    """No connection, or no answer in time."""

    code = "offline"

    def __init__(self, host: str) -> None:
        super().__init__(
            tr("The registry {host} cannot be reached.", host=host),
            tr("Connect to the network and try again."),
        )


class RegistryBusy(RegistryProblem):
    """It wants to be asked later: after ``wait_s`` seconds, None where it does not say when."""

    code = "registry_busy"

    def __init__(self, host: str, retry_after: str = "") -> None:
        self.wait_s = int(retry_after) if re.fullmatch(r"[0-9]{1,6}", retry_after) else None
        super().__init__(
            tr("The registry {host} accepts no more requests for now.", host=host), tr("Try again later.")
        )


class RunsElsewhere(RegistryProblem):
    """A model of a cloud: ``host`` is an address, or the words for one that is not told."""

    code = "cloud_model"

    def __init__(self, name: str, host: str) -> None:
        super().__init__(
            tr(
                "{name} runs at {host}, not on this computer: it takes no memory here.",
                name=clean_text(name, 120),
                host=host_in(host),
            ),
            tr("Choose a tag without 'cloud' to run it here."),
        )


DEFAULT_HOST = "registry.ollama.ai"
_LIBRARY = "library"
_LATEST = "latest"
_LONGEST = 400
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,200})?(?::[0-9]{1,5})?")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """``host/namespace/model:tag`` with everything filled in."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def is_loopback(self) -> bool:
        """A registry on this computer; only there plain http is used."""
        return _LOOPBACK.fullmatch(self.host) is not None

    @property
    def base_url(self) -> str:
        return f"{'http' if self.is_loopback else 'https'}://{self.host}"

    @property
    def manifest_url(self) -> str:
        return f"{self.base_url}/v2/{self.namespace}/{self.model}/manifests/{self.tag}"

    def blob_url(self, digest: str) -> str:
        """Where a blob is; ``digest`` is ``sha256:`` and 64 hex digits."""
        return f"{self.base_url}/v2/{self.namespace}/{self.model}/blobs/{digest}"

    def __str__(self) -> str:
        """As short as a person would type it."""
        name = f"{self.model}:{self.tag}"
        if self.host != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{name}"
        return name if self.namespace == _LIBRARY else f"{self.namespace}/{name}"


def read_address(name: str) -> ModelAddress:
    """Read ``[host/][namespace/]model[:tag]``; ``hf.co/user/repository:quantization`` names its host.

    Raises:
        RegistryProblem: no model can have this name (code ``invalid_name``).
    """
    bare = re.sub(r"^https?://", "", name, flags=re.IGNORECASE)
    head, colon, last = bare.rpartition(":")
    path, tag = (head, last) if colon and "/" not in last else (bare, _LATEST)
    parts = path.split("/")
    host = DEFAULT_HOST
    if len(parts) == 3:
        host = parts.pop(0)
    namespace = parts.pop(0) if len(parts) == 2 else _LIBRARY
    if (
        len(name) > _LONGEST
        or len(parts) != 1
        or any(character.isspace() for character in name)
        or not all(_PART.fullmatch(part) and ".." not in part for part in (namespace, parts[0], tag))
        or _HOST.fullmatch(host) is None
    ):
        raise RegistryProblem(
            tr('"{name}" cannot be the name of a model.', name=clean_text(name, 80)),
            tr("Use a name like qwen3:8b, or the path of a .gguf file."),
            "invalid_name",
        )
    return ModelAddress(host, namespace, parts[0], tag)


MAX_MANIFEST_BYTES = 4 << 20
MAX_CONFIG_BYTES = 1 << 20
_DRAFT_LENGTH = "draft_num_predict"
_LONGEST_DRAFT = 1024
_LONGEST_CONTEXT = 1 << 24
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
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def bytes_of(self, kind: str) -> int:
        """Sum of the sizes of its layers of one kind."""
        return sum(layer.size_bytes for layer in self.of_kind(kind))

    @property
    def download_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers) + (self.config.size_bytes if self.config else 0)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The config blob: texts cleaned, empty where missing."""

    model_format: str = ""
    model_family: str = ""
    file_type: str = ""
    remote_host: str = ""
    remote_model: str = ""


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        RegistryProblem: it is none (code ``bad_manifest``).
    """
    document = _document(raw, marked("manifest"))
    layers = document.get("layers") or []
    if not isinstance(layers, list) or len(layers) > _MAX_LAYERS:
        raise _bad(marked("manifest"))
    config = document.get("config")
    return Manifest(
        digest=sha256(raw).hexdigest(),
        config=read_layer(config) if isinstance(config, dict) and config.get("digest") else None,
        layers=tuple(read_layer(item) for item in layers),
    )


def parse_config(raw: bytes) -> ModelConfig:
    """Read a config blob; what is missing or no text stays empty.

    Raises:
        RegistryProblem: it is no JSON object.
    """
    document = _document(raw, marked("description"))

    def word(key: str) -> str:
        value = document.get(key)
        return clean_text(value, 100) if isinstance(value, str) else ""

    return ModelConfig(
        model_format=word("model_format"),
        model_family=word("model_family"),
        file_type=word("file_type"),
        remote_host=word("remote_host"),
        remote_model=word("remote_model"),
    )


class Parameters(NamedTuple):
    """What a model's own parameters set: tokens drafted at a time, tokens of context; None where nothing."""

    draft_length: int | None = None
    context: int | None = None


def read_parameters(raw: bytes | None) -> Parameters:
    """The parameters in a layer; none where there is no layer or it is no such layer."""
    try:
        document = _document(raw or b"{}", marked("description"))
    except RegistryProblem:
        return Parameters()

    def number(key: str, most: int) -> int | None:
        value = document.get(key)
        return int(value) if isinstance(value, int | float) and 0 <= value <= most else None

    return Parameters(number(_DRAFT_LENGTH, _LONGEST_DRAFT), number("num_ctx", _LONGEST_CONTEXT) or None)


def _document(raw: bytes, what: str) -> dict[str, Any]:
    try:
        document = read_json(raw)
    except (ValueError, RecursionError) as error:
        raise _bad(what) from error
    if not isinstance(document, dict):
        raise _bad(what)
    return document


def read_layer(item: object) -> Layer:
    """A file of a model, with a digest and a size that can be one. Raises RegistryProblem."""
    if not isinstance(item, dict):
        raise _bad(marked("manifest"))
    kind, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    if (
        not isinstance(kind, str)
        or not isinstance(digest, str)
        or _DIGEST.fullmatch(digest) is None
        or not isinstance(size, int)
        or isinstance(size, bool)
        or not 0 <= size <= _MAX_LAYER_BYTES
    ):
        raise _bad(marked("manifest"))
    return Layer(kind.split(";")[0].removeprefix(_PREFIX), digest, size)


def _bad(what: str) -> RegistryProblem:
    return RegistryProblem(
        tr("The registry's {what} of this model makes no sense.", what=tr(what)),
        tr("Try again later."),
        "bad_manifest",
    )
