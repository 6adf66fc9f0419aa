"""Heads and bodies: what is understood, what is refused, where a body ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.runtime.passthrough.framing import (
    BadBody,
    BadHead,
    ChunkedBody,
    LengthBody,
    UntilClose,
    answer_body,
    read_answer,
    read_request,
)
from wattlight.runtime.passthrough.guard import check_request


def head(*fields: str, line: str = "POST /api/chat?x=1 HTTP/1.1") -> bytes:
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1")


def test_a_plain_head() -> None:
    found = read_request(head("Host: localhost:11435", "Content-Length: 12", "User-Agent: curl/8"))
    assert (found.method, found.path, found.host) == ("POST", "/api/chat", "localhost:11435")
    assert (found.content_length, found.chunked, found.keep_alive) == (12, False, True)
    assert not read_request(head("Host: x", "Connection: Close")).keep_alive
    assert not read_request(head("Host: x", line="GET / HTTP/1.0")).keep_alive


@pytest.mark.parametrize(
    "raw",
    [
        head("Host: x", "Content-Length: 5", "Content-Length: 5"),
        head("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked"),
        head("Host: x", "Transfer-Encoding: gzip, chunked"),
        head("Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        head("Host: x", "Transfer-Encoding: chunked", line="POST / HTTP/1.0"),
        head("Host: x", "Content-Length: +5"),
        head("Host: x", "Content-Length: 5,5"),
        head("Host: x", "Content-Length: "),
        head("Host: x", "Host: y"),
        head("Host : x"),
        head("Host: x", " folded: y"),
        head("Host: x", "A: b\nHost: y"),
        head("Host: x", "A: b\0"),
        head("Host: x", "Upgrade: h2c"),
        head("Host: x", "Connection: keep-alive, Upgrade"),
        head("Host: x", line="GET http://evil.example/ HTTP/1.1"),
        head("Host: x", line="CONNECT evil.example:443 HTTP/1.1"),
        head("Host: x", line="PRI * HTTP/2.0"),
        head("Host: x", line="GET / HTTP/1.1 "),
        head("Host: x", line="GET  / HTTP/1.1"),
        head("Host: x", *[f"A{n}: b" for n in range(300)]),
        b"\x16\x03\x01\x02\r\n\r\n",
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(BadHead):
        read_request(raw)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:11435", "127.0.0.1", "127.9.9.9:1", "[::1]:1", "a.localhost"]
)
def test_loopback_hosts_are_let_in(host: str) -> None:
    check_request(read_request(head(f"Host: {host}")))


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.5", "0.0.0.0", "10.0.0.1",
     "127.0.0.1@evil.example", "", "[::]", "host.docker.internal", "evil-localhost", "127.0.0.1:80:80"],
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(BadHead) as refused:
        check_request(read_request(head(f"Host: {host}")))
    assert refused.value.status == 403


def test_a_missing_host_is_refused() -> None:
    with pytest.raises(BadHead):
        check_request(read_request(head()))


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:1",
        "app://obsidian.md",
        "tauri://localhost",
    ],
)
def test_own_origins_are_let_in(origin: str) -> None:
    check_request(read_request(head("Host: localhost", f"Origin: {origin}")))
    check_request(read_request(head("Host: localhost", f"Origin: {origin}", "Sec-Fetch-Site: cross-site")))


@pytest.mark.parametrize(
    "fields",
    [
        ["Origin: https://evil.example"],
        ["Origin: null"],
        ["Origin: "],
        ["Origin: file://"],
        ["Origin: http://localhost.evil.example"],
        ["Origin: http://localhost@evil.example"],
        ["Origin: http://[::1"],
        ["Origin: ftp://localhost"],
        ["Sec-Fetch-Site: cross-site"],
        ["Origin: http://localhost", "Origin: https://evil.example"],
    ],
)
def test_web_pages_are_refused(fields: list[str]) -> None:
    with pytest.raises(BadHead):
        check_request(read_request(head("Host: localhost", *fields)))


def test_an_answer_head() -> None:
    found = read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (found.status, found.chunked, found.keep_alive) == (200, True, True)
    with pytest.raises(BadHead):
        read_answer(b"SSH-2.0-x\r\n\r\n")


CHUNKS = b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"


@given(st.lists(st.integers(1, 9), max_size=60))
def test_chunks_end_where_they_end_however_they_arrive(cuts: list[int]) -> None:
    body, content, taken, at = ChunkedBody(), b"", 0, 0
    pieces = []
    for cut in cuts:
        pieces.append((CHUNKS + b"NEXT")[at : at + cut])
        at += cut
    pieces.append((CHUNKS + b"NEXT")[at:])

    def take(piece: bytes) -> None:
        nonlocal content
        content += piece

    for piece in pieces:
        taken += body.feed(piece, take)
    assert body.done
    assert content == b"hello0123456789"
    assert taken == len(CHUNKS)


@pytest.mark.parametrize(
    "raw", [b"\r\n", b"-5\r\n", b"5\nhello", b"g\r\n", b"5\r\nhelloX\r\n", b"1" * 20 + b"\r\n", b"1" * 5000,
            b"0\r\n" + (b"T: " + b"x" * 4000 + b"\r\n") * 5]
)  # fmt: skip
def test_broken_chunks_are_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        ChunkedBody().feed(raw, lambda _: None)


def test_bodies_of_answers() -> None:
    assert answer_body("HEAD", 200, 100, False).done
    assert answer_body("GET", 204, None, False).done
    assert answer_body("GET", 304, 5, False).done
    assert isinstance(answer_body("GET", 200, None, False), UntilClose)
    assert answer_body("GET", 200, None, False).ended()
    body = LengthBody(3)
    assert body.feed(b"abcd", lambda _: None) == 3
    assert body.done
    cut = LengthBody(3)
    cut.feed(b"ab", lambda _: None)
    assert not cut.ended()
