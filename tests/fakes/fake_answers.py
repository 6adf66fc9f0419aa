"""What the fake Ollama answers to prompts: words without sense, counted and timed as a real server does."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CREATED = "2026-11-23T15:17:30.130663412Z"
PROMPT_NS = 100_000_000
NS_PER_TOKEN = 20_000_000


@dataclass(frozen=True)
class Prompt:
    """A request for words. ``shape`` is "generate", "chat", "openai chat" or "openai text"."""

    shape: str
    model: str
    words_in: int
    words_out: int
    streamed: bool
    with_usage: bool = False
    reason: str = "length"

    @property
    def counters(self) -> dict[str, int]:
        """Counters of Ollama's own interface, nanoseconds."""
        evaluated = self.words_out * NS_PER_TOKEN
        return {
            "total_duration": PROMPT_NS + evaluated,
            "load_duration": 1_000_000,
            "prompt_eval_count": self.words_in,
            "prompt_eval_duration": PROMPT_NS,
            "eval_count": self.words_out,
            "eval_duration": evaluated,
        }

    @property
    def usage(self) -> dict[str, int]:
        """Counters of the OpenAI interface, which tells no times."""
        total = self.words_in + self.words_out
        return {"prompt_tokens": self.words_in, "completion_tokens": self.words_out, "total_tokens": total}


def read_prompt(path: str, body: dict[str, Any]) -> Prompt | None:
    """The prompt in a request; None when it only loads or unloads."""
    own = path.startswith("/api/")
    text = body.get("prompt") or " ".join(str(m.get("content", "")) for m in body.get("messages") or [])
    if not text:
        return None
    options = body.get("options") or {}
    limit = options.get("num_predict") if own else body.get("max_tokens")
    shapes = {"/api/generate": "generate", "/api/chat": "chat", "/v1/chat/completions": "openai chat"}
    return Prompt(
        shapes.get(path, "openai text"),
        str(body.get("model", "")),
        len(str(text).split()) + 2,
        16 if limit is None else int(limit),
        bool(body.get("stream", own)),
        bool((body.get("stream_options") or {}).get("include_usage")),
    )


def words(count: int) -> Iterator[str]:
    """So many tokens."""
    return (f" w{number % 151}" for number in range(1, count + 1))


def own_lines(prompt: Prompt) -> Iterator[dict[str, Any]]:
    """The lines of ``/api/generate`` or ``/api/chat``; one line when it is not streamed."""
    if prompt.streamed:
        for word in words(prompt.words_out):
            yield {"model": prompt.model, "created_at": CREATED, **_text(prompt, word), "done": False}
    text = "" if prompt.streamed else "".join(words(prompt.words_out))
    yield {
        "model": prompt.model,
        "created_at": CREATED,
        **_text(prompt, text),
        "done": True,
        "done_reason": prompt.reason,
        **({"context": [99, 122, 21]} if prompt.shape == "generate" else {}),
        **prompt.counters,
    }


def openai_document(prompt: Prompt) -> dict[str, Any]:
    """A whole answer of the OpenAI interface."""
    text = "".join(words(prompt.words_out))
    chat = prompt.shape == "openai chat"
    part = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    choice = {"index": 0, **part, "finish_reason": prompt.reason}
    return {**_openai_head(prompt, ""), "choices": [choice], "usage": prompt.usage}


def openai_events(prompt: Prompt) -> Iterator[bytes]:
    """The events of a streamed answer of the OpenAI interface."""
    for number, word in enumerate(words(prompt.words_out)):
        delta: dict[str, Any] = {"content": word}
        if number == 0:
            delta = {"role": "assistant", **delta}
        yield _event({**_openai_head(prompt, ".chunk"), "choices": [_choice(prompt, word, delta, None)]})
    last = _choice(prompt, "", {}, prompt.reason)
    yield _event({**_openai_head(prompt, ".chunk"), "choices": [last]})
    if prompt.with_usage:
        yield _event({**_openai_head(prompt, ".chunk"), "choices": [], "usage": prompt.usage})
    yield b"data: [DONE]\n\n"


def _text(prompt: Prompt, text: str) -> dict[str, Any]:
    return (
        {"response": text}
        if prompt.shape == "generate"
        else {"message": {"role": "assistant", "content": text}}
    )


def _choice(prompt: Prompt, word: str, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    part = {"delta": delta} if prompt.shape == "openai chat" else {"text": word}
    return {"index": 0, **part, "finish_reason": reason}


def _openai_head(prompt: Prompt, suffix: str) -> dict[str, Any]:
    chat = prompt.shape == "openai chat"
    return {
        "id": "chatcmpl-99" if chat else "cmpl-99",
        "object": f"chat.completion{suffix}" if chat else "text_completion",
        "created": 1795447051,
        "model": prompt.model,
        "system_fingerprint": "fp_ollama",
    }


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"
