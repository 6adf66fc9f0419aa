"""Names of models and where their manifests are."""

import re
from dataclasses import dataclass

from wattlight.domain.values import clean_text

from .problems import RegistryProblem

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
        """The registry's address."""
        return f"{'http' if self.is_loopback else 'https'}://{self.host}"

    @property
    def repository(self) -> str:
        """``namespace/model``."""
        return f"{self.namespace}/{self.model}"

    @property
    def manifest_url(self) -> str:
        """Where the manifest is."""
        return f"{self.base_url}/v2/{self.repository}/manifests/{self.tag}"

    def blob_url(self, digest: str) -> str:
        """Where a blob is; ``digest`` is ``sha256:`` and 64 hex digits."""
        return f"{self.base_url}/v2/{self.repository}/blobs/{digest}"

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
            f'"{clean_text(name, 80)}" cannot be the name of a model.',
            "Use a name like qwen3:8b, or the path of a .gguf file.",
            "invalid_name",
        )
    return ModelAddress(host, namespace, parts[0], tag)
