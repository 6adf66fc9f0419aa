"""What a person types: names of models, and how long one stays loaded."""

import re
import unicodedata
from dataclasses import dataclass

from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from .problems import RuntimeProblem

MAX_NAME = 20_000
"""A longer name in an answer is no name at all."""
MAX_TYPED = 400
"""Longest name Ollama could take: host 350, three parts of 80 (its ``types/model``); rounded."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
DEFAULT_TAG = "latest"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name in its parts. ``registry`` is None unless the name itself names a host."""

    text: str
    model: str
    tag: str
    namespace: str | None = None
    registry: str | None = None

    @property
    def registry_is_loopback(self) -> bool:
        """True for a registry on this computer; only there plain http is allowed."""
        return self.registry is not None and _LOOPBACK.fullmatch(self.registry) is not None


def read_name(name: str) -> ModelName:
    """Read ``[host/][namespace/]model[:tag]``.

    Raises:
        RuntimeProblem: no model can have this name (code ``invalid_name``); nothing was sent.
    """
    if not name.strip():
        raise _refused(name, tr("is empty"))
    if len(name) > MAX_TYPED:
        raise _refused(name, tr("is too long"))
    if any(unicodedata.category(ch)[0] in "CZ" for ch in name):
        raise _refused(name, tr("contains spaces or control characters"))
    if name.startswith("-"):
        raise _refused(name, tr("begins with a dash"))
    bare = re.sub(r"^https?://", "", name, flags=re.IGNORECASE)
    path, tag = _split_tag(bare)
    parts = path.split("/")
    registry = parts.pop(0) if len(parts) > 2 or (len(parts) == 2 and _looks_like_host(parts[0])) else None
    if registry is not None and _HOST.fullmatch(registry) is None:
        raise _refused(name, tr("names a registry that cannot exist"))
    if len(parts) > 2 or not all(_PART.fullmatch(part) for part in parts) or ".." in path:
        raise _refused(name, tr("contains characters a name cannot have"))
    if _TAG.fullmatch(tag) is None:
        raise _refused(name, tr("has a part after the colon that cannot be"))
    return ModelName(name, parts[-1], tag, parts[0] if len(parts) == 2 else None, registry)


def context_name(name: str, context_length: int) -> str:
    """The name of a model made from ``name`` with a context of its own: ``qwen3:8b`` is ``qwen3:8b-32k``."""
    head, tag = _split_tag(name)
    length = f"{context_length // 1024}k" if context_length % 1024 == 0 else str(context_length)
    return f"{head}:{tag}-{length}"


def is_cloud_name(name: str) -> bool:
    """Whether Ollama takes the name for a model of its cloud: ``NAME:cloud``, ``NAME:120b-cloud``."""
    tag = _split_tag(name)[1].lower()
    return tag == "cloud" or tag.endswith("-cloud")


def _split_tag(name: str) -> tuple[str, str]:
    head, colon, last = name.rpartition(":")
    if not colon or "/" in last:
        return name, DEFAULT_TAG
    return head, last.split("@")[0]


def _looks_like_host(part: str) -> bool:
    return "." in part or ":" in part or part.lower() == "localhost"


def _refused(name: str, reason: str) -> RuntimeProblem:
    return RuntimeProblem(
        tr('"{name}" cannot be the name of a model: it {reason}.', name=clean_text(name, 80), reason=reason),
        tr("Use a name like llama3.2:3b; 'wattlight models' lists what is installed."),
        "invalid_name",
    )


_GO = re.compile(r"-?(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+")
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,3})?")
_FOREVER = frozenset({"forever", "-1"})


def read_keep_alive(text: str) -> str | float:
    """``5m``, ``1h30m``, a number of seconds, ``-1`` or ``forever``.

    Raises:
        RuntimeProblem: none of these (code ``invalid_duration``).
    """
    word = text.strip().lower()
    if word in _FOREVER:
        return -1
    if _NUMBER.fullmatch(word):
        return float(word)
    if _GO.fullmatch(word):
        return word
    raise RuntimeProblem(
        tr('"{value}" is not a time to keep a model loaded.', value=clean_text(text, 40)),
        tr('Use a duration like "5m" or "1h", or "forever".'),
        "invalid_duration",
    )
