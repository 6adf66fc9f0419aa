"""The variables an Ollama server is set with: what each means and may be, and what the log says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wattlight.i18n import marked, tr

from .values import Problem, clean_text

SHOWN_ONLY = {
    "OLLAMA_HOST": (
        marked("where the server listens; beyond this computer it has no password"),
        "127.0.0.1:11434",
    ),
    "OLLAMA_ORIGINS": (marked("which web pages may use the server"), "https://page.example"),
}
"""Who can reach the server is its owner's to decide: what they are and an example is shown, never set."""
_NAME = re.compile(r"(OLLAMA|LLAMA_ARG|GGML|CUDA|HIP|ROCR|HSA|GPU)_[A-Z0-9_]{1,60}")
_DURATION = re.compile(r"-?\d{1,9}|-?(\d{1,9}(\.\d{1,9})?(ns|us|ms|s|m|h))+")
_CONFIG = re.compile(r'msg="server config" env="map\[(.*)\]"')
_BOOLEANS = frozenset({"0", "1", "true", "false"})


@dataclass(frozen=True, slots=True)
class ServerVariable:
    """One variable. ``kind``: ``switch``, ``number``, ``time``, ``folder``, ``text``, or its words with bars.

    ``since`` and ``until`` are versions of the server where they are known; ``default`` "" where it has none.
    """

    name: str
    kind: str
    default: str
    meaning: str
    since: str = ""
    until: str = ""


VARIABLES: tuple[ServerVariable, ...] = (
    ServerVariable(
        "OLLAMA_CONTEXT_LENGTH", "number", "0", marked("context of a load that asks for none"), "0.5.13"
    ),
    ServerVariable(
        "OLLAMA_KEEP_ALIVE", "time", "5m0s", marked("how long a model stays after its last answer")
    ),
    ServerVariable(
        "OLLAMA_KV_CACHE_TYPE", "f16|q8_0|q4_0", "", marked("kind of the cache of the context"), "0.5.0"
    ),
    ServerVariable(
        "OLLAMA_FLASH_ATTENTION", "switch", "false", marked("faster attention; a smaller cache needs it")
    ),
    ServerVariable("OLLAMA_NUM_PARALLEL", "number", "1", marked("requests a model answers at the same time")),
    ServerVariable(
        "OLLAMA_MAX_LOADED_MODELS", "number", "0", marked("models loaded at once; 0 is by memory")
    ),
    ServerVariable("OLLAMA_MAX_QUEUE", "number", "512", marked("requests that may wait")),
    ServerVariable("OLLAMA_MODELS", "folder", "", marked("folder of the models")),
    ServerVariable(
        "OLLAMA_LOAD_TIMEOUT", "time", "5m0s", marked("a load that stands still so long is given up")
    ),
    ServerVariable("OLLAMA_GPU_OVERHEAD", "number", "0", marked("bytes left free on each card")),
    ServerVariable("OLLAMA_SCHED_SPREAD", "switch", "false", marked("spread each model over all cards")),
    ServerVariable("OLLAMA_VULKAN", "switch", "", marked("use cards through Vulkan")),
    ServerVariable("OLLAMA_IGPU_ENABLE", "switch", "", marked("use the graphics of the processor too")),
    ServerVariable("OLLAMA_LLM_LIBRARY", "text", "", marked("engine to use instead of the one it finds")),
    ServerVariable("OLLAMA_NOPRUNE", "switch", "false", marked("keep files without a model at its start")),
    ServerVariable("OLLAMA_NOHISTORY", "switch", "false", marked("keep no history of what is typed")),
    ServerVariable("OLLAMA_NO_CLOUD", "switch", "false", marked("no models of the cloud")),
    ServerVariable("OLLAMA_REMOTES", "text", "ollama.com", marked("hosts whose models may run in the cloud")),
    ServerVariable("OLLAMA_MAX_TRANSFER_STREAMS", "number", "4", marked("parts of a file fetched at once")),
    ServerVariable("OLLAMA_DEBUG", "number", "INFO", marked("more in its log; 1 logs every prompt")),
    ServerVariable("OLLAMA_DEBUG_LOG_REQUESTS", "switch", "false", marked("write requests to files")),
    ServerVariable("OLLAMA_NEW_ENGINE", "switch", "false", marked("use the newer engine"), until="0.32"),
    ServerVariable("OLLAMA_MULTIUSER_CACHE", "switch", "false", marked("cache for many users"), until="0.32"),
    ServerVariable("CUDA_VISIBLE_DEVICES", "text", "", marked("NVIDIA cards the server may use")),
    ServerVariable("ROCR_VISIBLE_DEVICES", "text", "", marked("AMD cards the server may use")),
    ServerVariable("GGML_VK_VISIBLE_DEVICES", "text", "", marked("cards it may use through Vulkan")),
    ServerVariable(
        "HSA_OVERRIDE_GFX_VERSION", "text", "", marked("take an AMD card for a kind that is supported")
    ),
)
KNOWN = {variable.name: variable for variable in VARIABLES}


def is_variable(name: str) -> bool:
    """Whether a server may read a variable of this name."""
    return _NAME.fullmatch(name) is not None


def checked(name: str, value: str) -> str:
    """``value`` as it is written for ``name``.

    Raises:
        Problem: the variable is not ours to set, or cannot have this value.
    """
    if name in SHOWN_ONLY:
        raise Problem(
            tr("{name} is not changed by Wattlight: it decides who can reach the server.", name=name),
            tr("'wattlight server-settings' shows how to set it yourself."),
            "not_ours",
        )
    if not is_variable(name):
        raise Problem(
            tr('"{name}" is no variable of the server.', name=clean_text(name, 60)),
            tr("'wattlight server-settings' lists those that are known."),
            "unknown_variable",
        )
    text = value.strip()
    if any(not ch.isprintable() for ch in text) or len(text) > 4000:
        raise _bad(name, value, tr("one line of text"))
    variable = KNOWN.get(name)
    kind = "text" if variable is None else variable.kind
    wanted = {
        "switch": (tr("1 or 0"), text.lower() in _BOOLEANS),
        "number": (tr("a whole number"), text.isdecimal() and text.isascii() and len(text) < 16),
        "time": (tr('a time like "5m" or "1h", or -1 for ever'), _DURATION.fullmatch(text) is not None),
        "folder": (tr("a whole path"), text.startswith(("/", "~")) or text[1:3] in {":\\", ":/"}),
        "text": (tr("not empty"), bool(text)),
    }
    words = kind.split("|")
    said, good = wanted.get(kind, (", ".join(words), text in words))
    if not good:
        raise _bad(name, value, said)
    return text


def _bad(name: str, value: str, wanted: str) -> Problem:
    return Problem(
        tr('{name} cannot be "{value}".', name=name, value=clean_text(value, 60)),
        tr("It has to be: {wanted}.", wanted=wanted),
        "bad_value",
    )


def in_force(log: str) -> Mapping[str, str] | None:
    """What the server said at its last start in ``log`` that it runs with; None where no start is in it."""
    starts = _CONFIG.findall(log)
    if not starts:
        return None
    found = list(re.finditer(r"(?:^| )([A-Z][A-Z0-9_]{2,60}|(?:https?|no)_proxy):", starts[-1]))
    ends = [match.start() for match in found[1:]] + [len(starts[-1])]
    told = {m.group(1): starts[-1][m.end() : end].strip() for m, end in zip(found, ends, strict=True)}
    return {name: value for name, value in told.items() if _NAME.fullmatch(name)}


def agrees(wanted: str, told: str) -> bool:
    """Whether what was set is what the server says: it writes numbers, times and switches its own way."""
    one, other = wanted.strip().lower(), told.strip().lower()
    truth = {"1": "true", "0": "false"}
    if truth.get(one, one) == truth.get(other, other):
        return True
    return _seconds(one) is not None and _seconds(one) == _seconds(other)


def _seconds(text: str) -> float | None:
    """A time of Go in seconds; a bare number is seconds, as the server reads it."""
    if re.fullmatch(r"-?\d{1,9}", text):
        return float(text) if int(text) >= 0 else -1.0
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", text)
    if not parts or "".join(a + b for a, b in parts) != text:
        return None
    seconds = sum(float(amount) * units[unit] for amount, unit in parts)
    return -1.0 if seconds > 1e9 else seconds  # for ever is written as 292 years
