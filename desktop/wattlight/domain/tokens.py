"""Tokens of requests: counters a server sends at the end of an answer, sums of them, energy per token."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .values import LOCAL_HOST, HostId, clean_text

UNKNOWN_CLIENT = "unknown program"
_TOKEN = re.compile(r"([A-Za-z][A-Za-z0-9._+-]{0,39})(/[^\s()]*)?")
_BROWSER_TOKENS = frozenset(
    {"mozilla", "applewebkit", "chrome", "safari", "version", "mobile", "gecko", "electron", "khtml", "like"}
)
_BROWSERS = frozenset({"firefox", "edg", "opr", "chromium"})


def client_name(user_agent: str | None) -> str:
    """ "ollama-python/0.5.1 (x86_64 linux)" -> "ollama-python".

    A desktop program built on a browser engine names itself among the browser's words and is found there;
    a plain browser is "web browser". The version is left out, so that an update is not a new client.
    """
    text = (user_agent or "").strip()[:400]
    plain = re.sub(r"\([^)]*\)", " ", text)
    names = [match.group(1) for word in plain.split() if (match := _TOKEN.fullmatch(word))]
    if not names:
        cleaned = clean_text(text, 40)
        return cleaned or UNKNOWN_CLIENT
    if names[0].lower() != "mozilla":
        return names[0]
    own = [name for name in names if name.lower() not in _BROWSER_TOKENS | _BROWSERS]
    return own[0] if own else "web browser"


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
        "/chat/completions",
        "/completions",
        "/completion",
        "/api/v0/chat/completions",
        "/api/v0/completions",
    }
)
"""Endpoints whose answers carry counters: Ollama's own, the dialects that servers speak, and the short paths
of llama.cpp's server and LM Studio's older interface."""

_MAX_COUNT = 10**15
"""Larger numbers are not counts of tokens, nor nanoseconds of a request (11 days)."""
_KEYS = {
    "prompt_eval_count": "prompt_tokens",
    "prompt_eval_cached_count": "cached_prompt_tokens",
    "eval_count": "output_tokens",
    "prompt_eval_duration": "prompt_ns",
    "eval_duration": "output_ns",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "output_tokens",
    "cached_tokens": "cached_prompt_tokens",
    "input_tokens": "prompt_tokens",
    "output_tokens": "output_tokens",
}
"""Name on the wire -> field. Names of the ``usage`` objects follow those of Ollama's own final line."""
_COUNTER = re.compile(rb'"(' + "|".join(_KEYS).encode() + rb')"\s*:\s*(\d{1,16})(?=\s*[,}\]])')
_TIMINGS = re.compile(rb'"timings"\s*:\s*(\{[^{}"]*(?:"[a-z_]*"[^{}"]*)*\})')
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
        timings = _TIMINGS.findall(lines[-1])
        found = _from_line(b'{"timings":' + timings[-1] + b"}") if timings else {}
        found |= {
            _KEYS[name.decode()]: int(value)
            for name, value in _COUNTER.findall(lines[-1])
            if int(value) <= _MAX_COUNT
        }
        return Counters(**found)
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
    found = _timed(document) | _numbers(source)
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = source.get(name)
        if isinstance(details, dict):
            found |= _numbers(details)
    return _with_cached(found, source)


def _timed(document: dict[str, object]) -> dict[str, int]:
    """The ``timings`` of llama.cpp's server, in milliseconds; ``prompt_n`` leaves out what was cached. Its
    streams have them where nobody asked for ``usage``."""
    timings = document.get("timings")
    if not isinstance(timings, dict):
        return {}
    counts = {name: timings.get(name) for name in ("prompt_n", "cache_n", "predicted_n")}
    prompt, cached, output = (_count(counts[name]) for name in counts)
    found = {
        "prompt_tokens": None if prompt is None else prompt + (cached or 0),
        "cached_prompt_tokens": cached,
        "output_tokens": output,
        "prompt_ns": _nanoseconds(timings.get("prompt_ms")),
        "output_ns": _nanoseconds(timings.get("predicted_ms")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _with_cached(found: dict[str, int], source: dict[str, object]) -> dict[str, int]:
    """Anthropic's dialect counts what it read from its cache, and wrote into it, beside the prompt."""
    read, written = (_count(source.get(f"cache_{what}_input_tokens")) for what in ("read", "creation"))
    if "prompt_tokens" not in found or (read is None and written is None):
        return found
    whole = found["prompt_tokens"] + (read or 0) + (written or 0)
    return found | {"prompt_tokens": whole, "cached_prompt_tokens": read or 0}


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_COUNT else None


def _nanoseconds(milliseconds: object) -> int | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return round(milliseconds * 1e6) if 0 <= milliseconds * 1e6 <= _MAX_COUNT else None


def _numbers(source: dict[str, object]) -> dict[str, int]:
    return {field: value for name, field in _KEYS.items() if (value := _count(source.get(name))) is not None}


DEEP_TOKENS = 1024
"""A run with so many tokens in the cache tells of a filled context, one with fewer of an empty one."""


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """One run of the benchmark, at one fill of the context.

    Attributes:
        digest: of the model, so that another version under the same name is another model.
        device: where it ran (name of the accelerators, or "cpu").
        context: tokens of context it was loaded with.
        output_tokens, output_tokens_per_s: by the server's own counters.
        prompt_tokens_per_s: None when the server counted no prompt work.
        joules_per_token: energy of the measured parts over the output tokens; None with ``energy_reason``.
        energy_error_fraction: relative error of that; None when there is no figure.
        energy_reason: one sentence why there is no energy figure, or why its error is large.
        cache_tokens: in the cache in the middle of the answers; None: not kept (few).
        first_token_s: from the question to the first token; the prompt was not in the cache.
        load_s: until the model was loaded; None where it was already.
        driver: of the device; None on the processor, and where it is not told.
    """

    model: str
    digest: str
    device: str
    context: int
    at: datetime
    output_tokens: int
    output_tokens_per_s: float
    prompt_tokens_per_s: float | None
    server_version: str | None
    joules_per_token: float | None = None
    energy_error_fraction: float | None = None
    energy_reason: str | None = None
    power_w: float | None = None
    host: HostId = LOCAL_HOST
    cache_tokens: int | None = None
    first_token_s: float | None = None
    load_s: float | None = None
    driver: str | None = None

    @property
    def deep(self) -> bool:
        """Measured with a filled context."""
        return (self.cache_tokens or 0) >= DEEP_TOKENS


class TokenSource(StrEnum):
    PASS_THROUGH = "pass_through"
    BENCHMARK = "benchmark"
    TRY_IT = "try_it"


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What one request took. It never holds a prompt or an answer.

    Attributes:
        model: as the server named it in its answer; empty if it did not say.
        client: the program that asked (its user agent without the version), cleaned.
        path: which endpoint of the server ("/api/chat").
        started_at, ended_at: aware UTC, first byte of the request to last byte of the answer.
        duration_ms: the same span by a monotonic clock.
        status: HTTP status; None if there was no answer.
        complete: the whole answer went through (not cancelled by the client, not cut by the server).
        counters: the server's own figures; each None where it sent none.
        alone: no other counted request was under way at any moment of this one.
    """

    model: str
    client: str
    path: str
    started_at: datetime
    ended_at: datetime
    duration_ms: int
    status: int | None
    complete: bool
    counters: Counters
    source: TokenSource = TokenSource.PASS_THROUGH
    alone: bool = True
    host: HostId = LOCAL_HOST


def joules_per_token(joules: float | None, output_tokens: int | None) -> float | None:
    """Energy of answers over their tokens; None: either is unknown, no token came, or nothing was drawn."""
    return joules / output_tokens if joules is not None and joules > 0 and output_tokens else None
