"""What a model is asked, and its answer piece by piece, with the server's own counters at its end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from wattlight.domain.tokens import Counters, read_counters
from wattlight.domain.values import clean_lines, clean_text
from wattlight.web import Answer, FaultKind, WireFault

from .meanings import problem_from_server
from .reading import Record, Refusal, read_object


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


def answer_body(question: AnswerRequest) -> bytes:
    """The request for ``/api/generate``: nothing is in it that was not asked."""
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
    return json.dumps(body).encode()


def answer_pieces(answer: Answer, model: str) -> Iterator[AnswerPiece]:
    """The lines of ``/api/generate`` as pieces.

    Raises:
        RuntimeProblem: the server says that it failed.
        Refusal: it answers with an error status.
        WireFault: it sends too much, or no last line.
    """
    if answer.status != 200:
        raise Refusal(answer.status, answer.body())
    left = MAX_ANSWER_CHARS
    for line in answer.lines():
        record = read_object(line)
        if "error" in record:
            raise problem_from_server(str(record["error"]), model)
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


def _end(record: Record, line: bytes) -> AnswerEnd:
    reason = record.get("done_reason")
    return AnswerEnd(read_counters(line), clean_text(reason, 40) if isinstance(reason, str) else "")


def _clean(text: str) -> str:
    return clean_lines(text.replace("\t", "    "), len(text) * 4 + 1)
