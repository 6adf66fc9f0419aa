"""Reads the counters at the end of an answer without needing the whole of it."""

import json
import re
from dataclasses import dataclass, fields

from wattlight.domain.values import clean_text

COUNTED_PATHS = frozenset(
    {
        "/api/generate",
        "/api/chat",
        "/api/embed",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/messages",
    }
)
"""Endpoints whose answers carry counters (Ollama's own, and the dialects it speaks)."""

_MAX_COUNT = 10**15
"""Larger numbers are not counts of tokens, nor nanoseconds of a request (11 days)."""
_KEYS = {
    "prompt_eval_count": "prompt_tokens",
    "prompt_eval_cached_count": "cached_prompt_tokens",
    "eval_count": "output_tokens",
    "prompt_eval_duration": "prompt_ns",
    "eval_duration": "output_ns",
    "load_duration": "load_ns",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "output_tokens",
    "cached_tokens": "cached_prompt_tokens",
    "input_tokens": "prompt_tokens",
    "output_tokens": "output_tokens",
}
"""Name on the wire -> field. Names of the ``usage`` objects follow those of Ollama's own final line."""
_COUNTER = re.compile(rb'"(' + "|".join(_KEYS).encode() + rb')"\s*:\s*(\d{1,16})(?=\s*[,}\]])')
_LINES = 16
"""The counters are within so many lines of the end (event streams add names, blanks and an end mark)."""
_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){0,600}")')


@dataclass(frozen=True, slots=True)
class Counters:
    """Tokens and nanoseconds as the server counted them; None where it did not say.

    ``cached_prompt_tokens`` are part of ``prompt_tokens`` and took no work.
    """

    prompt_tokens: int | None = None
    cached_prompt_tokens: int | None = None
    output_tokens: int | None = None
    prompt_ns: int | None = None
    output_ns: int | None = None
    load_ns: int | None = None

    @property
    def known(self) -> bool:
        """True when the server counted anything."""
        return any(getattr(self, f.name) is not None for f in fields(self))


NO_COUNTERS = Counters()


def read_counters(tail: bytes) -> Counters:
    """The counters in the last bytes of an answer: a JSON object, lines of JSON, or an event stream.

    ``tail`` may begin anywhere. Inside a JSON text a quote is always escaped, so a name in plain quotes
    followed by a colon is a real key; of several the last counts, because the server's own counters stand
    behind the message (and the arguments a model gave a tool stand in it).
    """
    lines = [line for raw in tail.split(b"\n")[-_LINES:] if (line := _payload(raw))]
    for line in reversed(lines):
        found = _from_line(line)
        if found:
            return Counters(**found)
    if lines and not lines[-1].startswith((b"{", b"[")):
        # the beginning of one long object lies before the tail
        return Counters(
            **{
                _KEYS[name.decode()]: int(value)
                for name, value in _COUNTER.findall(lines[-1])
                if int(value) <= _MAX_COUNT
            }
        )
    return NO_COUNTERS


def model_in(piece: bytes) -> str:
    """The first model name in ``piece`` (the beginning of an answer or its last line), cleaned; else ""."""
    match = _MODEL.search(piece)
    if match is None:
        return ""
    try:
        name = json.loads(match.group(1))
    except ValueError:
        return ""
    return clean_text(name, 200) if isinstance(name, str) else ""


def _payload(line: bytes) -> bytes:
    return line.strip().removeprefix(b"data:").strip()


def _from_line(line: bytes) -> dict[str, int]:
    if not line.startswith(b"{") or not line.endswith(b"}"):
        return {}
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return _from_object(document) if isinstance(document, dict) else {}


def _from_object(document: dict[str, object]) -> dict[str, int]:
    nested = document.get("response")
    usage = document.get("usage") or (nested.get("usage") if isinstance(nested, dict) else None)
    source: dict[str, object] = usage if isinstance(usage, dict) else document
    found = _numbers(source)
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = source.get(name)
        if isinstance(details, dict):
            found |= _numbers(details)
    return found


def _numbers(source: dict[str, object]) -> dict[str, int]:
    return {
        field: value
        for name, field in _KEYS.items()
        if isinstance(value := source.get(name), int)
        and not isinstance(value, bool)
        and 0 <= value <= _MAX_COUNT
    }
