"""Heads and chunks as servers send them, honest and not."""

import io
import random

import pytest

from fakes.mutations import mutated
from wattlight.web import FaultKind, WireFault
from wattlight.web.reply import Reply

CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"


def reply(data: bytes, method: str = "GET") -> Reply:
    return Reply(io.BufferedReader(io.BytesIO(data)), method)


def body(found: Reply) -> bytes:
    parts = []
    while piece := found.read1(1000):
        parts.append(piece)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("data", "length", "stays"),
    [
        (WHOLE + b"Content-Length: 5\r\n\r\n", 5, True),
        (WHOLE + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n", 5, True),
        (WHOLE + b"Content-Length: 5\r\nConnection: Close\r\n\r\n", 5, False),
        (WHOLE + b"Content-Length: -5\r\n\r\n", None, False),
        (WHOLE + b"Content-Length: 5\r\n" + CHUNKS, None, True),
        (WHOLE + b"\r\n", None, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 5, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", 5, True),
        (b"HTTP/1.1 204\r\n\r\n", 0, True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE + b"Content-Length: 5\r\n\r\n", 5, True),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\n", 5, True),
    ],
)
def test_where_a_body_ends_and_whether_its_connection_stays(
    data: bytes, length: int | None, stays: bool
) -> None:
    found = reply(data)
    assert (found.length, found.stays_open) == (length, stays)


def test_chunks_are_put_together_to_their_end() -> None:
    found = reply(WHOLE + CHUNKS + b"HTTP/1.1 the next")
    assert body(found) == b"hello" and found.ended
    assert reply(WHOLE + CHUNKS, "HEAD").length == 0


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", FaultKind.CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FaultKind.CUT),
        (b"HTTP/1.1 2000 OK\r\n\r\n", FaultKind.NOT_HTTP),
        (b"ICY 200 OK\r\n\r\n", FaultKind.NOT_HTTP),
        (WHOLE + b"X: y\r\n" * 300 + b"\r\n", FaultKind.NOT_HTTP),
        (WHOLE + b"X: " + b"y" * 70_000, FaultKind.NOT_HTTP),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, FaultKind.NOT_HTTP),
    ],
)
def test_a_head_that_is_none(data: bytes, kind: FaultKind) -> None:
    with pytest.raises(WireFault) as caught:
        reply(data)
    assert caught.value.kind is kind


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"5\r\nhe", b"2\r\nhexx\r\n", b"F" * 40 + b"\r\n"])
def test_chunks_that_lie_are_a_cut_body(chunk: bytes) -> None:
    found = reply(WHOLE + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    with pytest.raises(WireFault) as caught:
        body(found)
    assert caught.value.kind is FaultKind.CUT


def test_whatever_comes_is_an_answer_or_a_fault() -> None:
    random_ = random.Random(7)
    for text in (WHOLE + CHUNKS, WHOLE + b"Content-Length: 5\r\n\r\nhello"):
        for _ in range(10_000):
            data = mutated(text, random_)
            try:
                assert len(body(reply(data))) <= len(data)
            except WireFault:
                pass
