"""Answers piece by piece from a scripted server."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fakes.scripted_server import Line, ScriptedServer
from wattlight.runtime import (
    AnswerEnd,
    AnswerPiece,
    AnswerRequest,
    Endpoint,
    OllamaServer,
    RuntimeProblem,
)
from wattlight.runtime import answers as asking_file


def replying(*lines: object, status: str = "200 OK") -> tuple[Callable[[Line], None], list[Any]]:
    asked: list[Any] = []

    def script(line: Line) -> None:
        asked.append(json.loads(line.request()[1]))
        body = b"".join(
            (item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in lines
        )
        line.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return script, asked


def ask(script: Callable[[Line], None], question: AnswerRequest) -> list[AnswerPiece]:
    with ScriptedServer(script) as server:
        return list(OllamaServer(Endpoint("http", "127.0.0.1", server.port)).answer(question))


END = {"model": "m", "response": "", "done": True, "done_reason": "stop", "eval_count": 3, "eval_duration": 5}


def test_the_pieces_and_the_end() -> None:
    script, asked = replying(
        {"thinking": "hm", "response": ""}, {"response": "Hi\n\tyou\x1b[31m"}, {"response": ""}, END
    )
    pieces = ask(script, AnswerRequest("m", "hello", 4096, 20, steady=True))
    assert pieces[:2] == [AnswerPiece("hm", thinking=True), AnswerPiece("Hi\n    you\ufffd[31m")]
    assert pieces[2].end is not None
    assert (pieces[2].end.counters.output_tokens, pieces[2].end.reason) == (3, "stop")
    assert isinstance(pieces[2].end, AnswerEnd)
    assert len(pieces) == 3
    assert asked[0]["options"] == {"num_ctx": 4096, "num_predict": 20, "temperature": 0.0, "seed": 1}
    assert (asked[0]["model"], asked[0]["prompt"], asked[0]["stream"]) == ("m", "hello", True)


def test_nothing_is_sent_that_was_not_asked() -> None:
    script, asked = replying(END)
    ask(script, AnswerRequest("m", "hello"))
    assert set(asked[0]) == {"model", "prompt", "stream"}


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ([{"error": 'model "m" not found, try pulling it first'}], "404 Not Found", "unknown_model"),
        ([{"response": "a"}, {"error": "cudaMalloc failed: out of memory"}], "200 OK", "out_of_memory"),
        ([b"<html>"], "500 Oh", "server_error"),
        ([{"response": "a"}], "200 OK", "cut_stream"),
        ([b"not json"], "200 OK", "foreign_server"),
    ],
)
def test_what_goes_wrong_is_one_problem(lines: list[object], status: str, code: str) -> None:
    script, _ = replying(*lines, status=status)
    with pytest.raises(RuntimeProblem) as problem:
        ask(script, AnswerRequest("m", "hello"))
    assert problem.value.code == code


def test_an_endless_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_file, "MAX_ANSWER_CHARS", 10)
    script, _ = replying({"response": "x" * 11}, END)
    with pytest.raises(RuntimeProblem) as problem:
        ask(script, AnswerRequest("m", "hello"))
    assert problem.value.code == "answer_too_large"


def test_a_cancel_closes_the_connection() -> None:
    cancel, gone = threading.Event(), threading.Event()

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"response":"a"}\n')
        if line.wait_closed():
            gone.set()

    with ScriptedServer(script) as server:
        pieces = OllamaServer(Endpoint("http", "127.0.0.1", server.port)).answer(
            AnswerRequest("m", "hello"), cancel
        )
        assert next(pieces).text == "a"
        cancel.set()
        with pytest.raises(RuntimeProblem) as problem:
            next(pieces)
        assert problem.value.code == "cancelled"
        assert gone.wait(5)
