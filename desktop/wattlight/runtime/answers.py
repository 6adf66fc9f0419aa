"""Asks a model for an answer and gives it piece by piece, with the server's own counters at its end."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Event

from wattlight.domain.tokens import Counters, read_counters
from wattlight.domain.values import clean_lines, clean_text
from wattlight.settings import ServerAddress
from wattlight.web import Endpoint, FaultKind, Limits, Proxy, Wire, WireFault

from .names import read_keep_alive
from .opening import find_server
from .problems import RuntimeProblem, problem_from_server, problem_of, proxy_to
from .reading import Record, read_object


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One question to one model.

    Attributes:
        context_length: None leaves it to the server; another one than is loaded makes the server load anew.
        max_tokens: the answer ends there at the latest.
        steady: always the same answer to the same question (for measurements).
    """

    model: str
    prompt: str
    context_length: int | None = None
    max_tokens: int | None = None
    keep_alive: str | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """The end of an answer. ``reason``: "stop" (it was finished) or "length" (cut at the limit)."""

    counters: Counters
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """Some text, cleaned; ``thinking`` while the model reasons first. The last piece has an ``end``."""

    text: str = ""
    thinking: bool = False
    end: AnswerEnd | None = None


MAX_ANSWER_CHARS = 400_000
_LIMITS = Limits(idle_s=1800.0, total_s=None)
"""The first piece waits until the model is loaded; the cancel event ends any wait."""


class Answerer:
    """Asks one server. Holds no connection; any thread may use it."""

    def __init__(
        self, endpoint: Endpoint, *, authorization: str | None = None, proxy: Proxy | None = None
    ) -> None:
        self._wire = Wire(endpoint, authorization, proxy)

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        """The pieces of an answer as they come; the last one has an ``end``.

        Closing the iterator or setting ``cancel`` closes the connection, and the server stops working.

        Raises:
            RuntimeProblem: from the first ``next`` on; code ``cancelled`` after a cancel, ``cut_stream`` when
                the server ended without a last line.
        """
        try:
            yield from self._pieces(question, cancel)
        except WireFault as fault:
            raise problem_of(fault, self._wire.endpoint) from fault

    def _pieces(self, question: AnswerRequest, cancel: Event | None) -> Iterator[AnswerPiece]:
        left = MAX_ANSWER_CHARS
        with self._wire.ask("POST", "/api/generate", _body(question), _LIMITS, cancel) as answer:
            if answer.status != 200:
                raise _refused(answer.body(), answer.status, question.model)
            for line in answer.lines():
                record = read_object(line)
                if "error" in record:
                    raise problem_from_server(str(record["error"]), question.model)
                for name, thinking in (("thinking", True), ("response", False)):
                    text = record.get(name)
                    if isinstance(text, str) and text:
                        left -= len(text)
                        yield AnswerPiece(_clean(text), thinking)
                if record.get("done") is True:
                    yield AnswerPiece(end=_end(record, line))
                    return
                if left < 0:
                    raise WireFault(FaultKind.TOO_LARGE, "answer")
        raise WireFault(FaultKind.CUT, "no last line")


def connect_answers(
    address: ServerAddress, environ: Mapping[str, str], authorization: str | None = None
) -> Answerer:
    """The answerer for ``address``; nothing is sent yet.

    Raises:
        RuntimeProblem: the address or the proxy for it cannot be used.
    """
    endpoint = find_server(address, environ)
    return Answerer(endpoint, authorization=authorization, proxy=proxy_to(endpoint, environ))


def _body(question: AnswerRequest) -> bytes:
    options: dict[str, int | float] = {}
    if question.context_length is not None:
        options["num_ctx"] = question.context_length
    if question.max_tokens is not None:
        options["num_predict"] = question.max_tokens
    if question.steady:
        options |= {"temperature": 0.0, "seed": 1}
    body: dict[str, object] = {"model": question.model, "prompt": question.prompt, "stream": True}
    if options:
        body["options"] = options
    if question.keep_alive is not None:
        body["keep_alive"] = read_keep_alive(question.keep_alive)
    return json.dumps(body).encode()


def _refused(raw: bytes, status: int, model: str) -> RuntimeProblem:
    try:
        said = read_object(raw).get("error")
    except WireFault:
        said = None
    return problem_from_server(said if isinstance(said, str) else f"HTTP {status}", model)


def _end(record: Record, line: bytes) -> AnswerEnd:
    reason = record.get("done_reason")
    return AnswerEnd(read_counters(line), clean_text(reason, 40) if isinstance(reason, str) else "")


def _clean(text: str) -> str:
    return clean_lines(text.replace("\t", "    "), len(text) * 4 + 1)
