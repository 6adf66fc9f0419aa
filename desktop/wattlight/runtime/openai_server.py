"""Servers that speak OpenAI's dialect: a list of names, and answers. Kinds that can more build on it."""

import json
from collections.abc import Iterator
from threading import Event

from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, name_digest, same_model
from wattlight.domain.tokens import NO_COUNTERS, Counters, read_counters
from wattlight.domain.values import clean_lines, clean_text
from wattlight.web import POLL, Answer, FaultKind, Limits, WireFault

from .answers import MAX_ANSWER_CHARS, AnswerEnd, AnswerPiece, AnswerRequest
from .meanings import Asked
from .names import MAX_NAME
from .problems import PAGE
from .reading import MAX_RECORDS, Names, Record, Refusal, read_object, record, records, text
from .server import ModelServer

LOADING = Limits(idle_s=1800.0, total_s=None)
"""An answer may wait until its model is loaded from a slow disk."""
ACTING = Limits(idle_s=30.0, total_s=60.0)
OWNERS = {
    "llamacpp": frozenset({ServerKind.LLAMA_CPP, ServerKind.LLAMA_ROUTER}),
    "vllm": frozenset({ServerKind.VLLM}),
    "library": frozenset({ServerKind.OLLAMA}),
}
"""``owned_by`` in a list of models -> the kinds that write it."""


class OpenAiServer(ModelServer):
    """Any server of that dialect; nothing tells which of its models are loaded."""

    kind = ServerKind.OPENAI
    list_path = "/v1/models"

    def version(self, cancel: Event | None = None) -> str:
        return ""

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        return tuple(InstalledModel(name, name_digest(name), 0) for name, _ in self.listed(cancel))

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        return ()

    def listed(self, cancel: Event | None = None) -> list[tuple[str, Record]]:
        """Name and record of each model in the server's list."""
        with self._said(asked=Asked.LIST):
            try:
                document = self.ask("GET", self.list_path, None, cancel)
            except Refusal as refusal:
                if refusal.status in {200, 404, 405}:  # a list that is not there means another program
                    raise WireFault(FaultKind.NOT_HTTP, f"status {refusal.status}") from refusal
                raise
            return self._named(list_of(document, self.kind), "id")

    def _named(self, items: list[Record], key: str) -> list[tuple[str, Record]]:
        names = Names()
        found = []
        for item in items:
            name = text(item.get(key))
            if name is not None and name.strip() and len(name) <= MAX_NAME:
                found.append((names.shown(name), item))
        self._raw_names = {**self._raw_names, **names}
        return found

    def ask(
        self, method: str, path: str, question: Record | None, cancel: Event | None, limits: Limits = POLL
    ) -> Record:
        """One exchange of JSON objects.

        Raises:
            Refusal: an error status, or an error in place of an answer.
            WireFault: no answer, or none of such a server.
        """
        body = None if question is None else json.dumps(question).encode()
        with self._wire.ask(method, path, body, limits, cancel) as answer:
            raw = answer.body()
        if raw.lstrip().startswith(b"<"):
            raise WireFault(FaultKind.NOT_HTTP, PAGE)
        if answer.status != 200:
            raise Refusal(answer.status, raw)
        document = read_object(raw)
        if "error" in document:  # LM Studio says 200 to what it does not know
            raise Refusal(answer.status, raw)
        return document

    def known(self, model: str, names: Iterator[str] | tuple[str, ...]) -> str:
        """The server's own spelling of ``model``, one of ``names``."""
        listed = tuple(names)
        exact = next((name for name in listed if name == model), None)
        name = exact or next((name for name in listed if same_model(name, model)), None)
        if name is None:
            raise self._unknown(model)
        return self._raw_names.get(name, name)

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        model = self.known(question.model, (name for name, _ in self.listed(cancel)))
        body: Record = {
            "model": model,
            "messages": [{"role": "user", "content": question.prompt}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if question.max_tokens is not None:
            body["max_tokens"] = question.max_tokens
        if question.steady:
            body |= {"temperature": 0.0, "seed": 1}
        raw = json.dumps(body).encode()
        with (
            self._said(question.model),
            self._wire.ask("POST", "/v1/chat/completions", raw, LOADING, cancel) as answer,
        ):
            yield from streamed(answer)


def list_of(document: Record, kind: ServerKind) -> list[Record]:
    """The records of a list of models.

    Raises:
        WireFault: it is no such list, or one that another kind than ``kind`` writes (``NOT_HTTP``).
    """
    data = document.get("data")
    if not isinstance(data, list):
        raise WireFault(FaultKind.NOT_HTTP, "no list of models")
    items = [record(item) for item in data[:MAX_RECORDS]]
    owners = OWNERS.get(text(items[0].get("owned_by")) or "") if items else None
    if owners is not None and kind not in owners:
        raise WireFault(FaultKind.NOT_HTTP, "another kind of server")
    return items


def streamed(answer: Answer) -> Iterator[AnswerPiece]:
    """The events of an answer as pieces.

    Raises:
        Refusal: the server refused, at the start or in the middle.
        WireFault: it sends too much, or no end.
    """
    if answer.status != 200:
        raise Refusal(answer.status, answer.body())
    counters, reason, left = NO_COUNTERS, "", MAX_ANSWER_CHARS
    for line in answer.lines():
        if line.startswith((b":", b"event:")):
            continue
        event = line.removeprefix(b"data:").strip()
        if event == b"[DONE]":
            yield AnswerPiece(end=AnswerEnd(counters, reason))
            return
        chunk = read_object(event)
        if "error" in chunk:
            raise Refusal(200, event)
        choice = record(next(iter(records(chunk.get("choices"))), None))
        delta = record(choice.get("delta"))
        for name, thinking in (("reasoning_content", True), ("reasoning", True), ("content", False)):
            said = text(delta.get(name))
            if said:
                left -= len(said)
                yield AnswerPiece(clean_lines(said.replace("\t", "    "), len(said) * 4 + 1), thinking)
        reason = clean_text(text(choice.get("finish_reason")) or reason, 40)
        counters = _later(counters, read_counters(event))
        if left < 0:
            raise WireFault(FaultKind.TOO_LARGE, "answer")
    raise WireFault(FaultKind.CUT, "no end")


def _later(before: Counters, now: Counters) -> Counters:
    return before if now == NO_COUNTERS else now
