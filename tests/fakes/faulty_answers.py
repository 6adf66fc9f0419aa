"""Wrong answers for a fake server, one function each. A fault gets the request handler and answers with it.

The bytes are those that were seen, or those that an attacker would send; none of them waits by the clock:
whoever hangs waits until the fake is closed or the other side goes away.
"""

import gzip
import json
from collections.abc import Callable
from typing import Any, Protocol


class Answering(Protocol):
    """What a fault needs of the request handler."""

    def raw(self, data: bytes) -> bool:
        """Write bytes; False when the other side has gone."""

    def wait_for_the_end(self) -> None:
        """Wait until the fake closes or the other side goes away."""

    def pause(self, seconds: float) -> bool:
        """Wait a little; True when the fake closes or the other side has gone away."""


Fault = Callable[[Answering], None]


def _head(status: int, content_type: str, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Fault", f"Content-Type: {content_type}", "Connection: close", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def hang(handler: Answering) -> None:
    """Accept and never answer."""
    handler.wait_for_the_end()


def html(handler: Answering) -> None:
    """Another web server."""
    page = b"<html><title>It works!</title><img src=x onerror=alert(1)></html>"
    handler.raw(_head(200, "text/html", f"Content-Length: {len(page)}") + page)


def ssh_banner(handler: Answering) -> None:
    """Not HTTP at all."""
    handler.raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")


def not_found(handler: Answering) -> None:
    """A web server without this page."""
    handler.raw(_head(404, "text/plain", "Content-Length: 18") + b"404 page not found")


def close_at_once(handler: Answering) -> None:
    """Not one byte."""


def raw_bytes(data: bytes) -> Fault:
    """Exactly these bytes, then the end."""

    def fault(handler: Answering) -> None:
        handler.raw(data)

    return fault


def json_text(text: str, status: int = 200) -> Fault:
    """A body that may or may not be JSON."""
    return body(text.encode(), status)


def body(data: bytes, status: int = 200, content_type: str = "application/json") -> Fault:
    """A whole answer with this body."""
    return raw_bytes(_head(status, content_type, f"Content-Length: {len(data)}") + data)


def error(status: int, text: str, *headers: str) -> Fault:
    """An error as Ollama words it."""
    data = json.dumps({"error": text}).encode()
    return raw_bytes(_head(status, "application/json", f"Content-Length: {len(data)}", *headers) + data)


def cut_json(document: Any, keep: float = 0.5) -> Fault:
    """The announced length is never reached."""
    data = json.dumps(document).encode()
    head = _head(200, "application/json", f"Content-Length: {len(data)}")
    return raw_bytes(head + data[: int(len(data) * keep)])


def cut_stream(*lines: Any) -> Fault:
    """A chunked stream that ends without its last chunk."""

    def fault(handler: Answering) -> None:
        handler.raw(_head(200, "application/x-ndjson", "Transfer-Encoding: chunked"))
        for line in lines:
            data = json.dumps(line).encode() + b"\n"
            handler.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    return fault


def huge_body(size: int, content_type: str = "application/json") -> Fault:
    """A body of ``size`` bytes, announced honestly."""

    def fault(handler: Answering) -> None:
        handler.raw(_head(200, content_type, f"Content-Length: {size}") + b'{"models":[')
        sent, piece = 11, b'{"name":"' + b"x" * 65525 + b'"},'
        while sent < size and handler.raw(piece):
            sent += len(piece)

    return fault


def endless_line(handler: Answering) -> None:
    """A stream whose line never ends."""
    handler.raw(_head(200, "application/x-ndjson", "Transfer-Encoding: chunked"))
    piece = b'{"status":"' + b"x" * 65525
    while handler.raw(f"{len(piece):x}\r\n".encode() + piece + b"\r\n"):
        pass


def drip(handler: Answering) -> None:
    """A byte now and then, for ever: never idle, never finished."""
    handler.raw(_head(200, "application/json", "Content-Length: 1000000"))
    while handler.raw(b" "):
        if handler.pause(0.02):
            return


def gzip_bomb(handler: Answering) -> None:
    """Little that becomes a lot, compressed though identity was asked for."""
    data = gzip.compress(b"[" * (32 << 20))
    handler.raw(
        _head(200, "application/json", "Content-Encoding: gzip", f"Content-Length: {len(data)}") + data
    )


def redirect(location: str) -> Fault:
    """Somewhere else."""
    return raw_bytes(_head(307, "text/plain", f"Location: {location}", "Content-Length: 0"))


def deep_json(handler: Answering) -> None:
    """Nested far deeper than any parser goes."""
    depth = 100_000
    data = b'{"models":' + b"[" * depth + b"]" * depth + b"}"
    body(data)(handler)


def nan_and_friends(handler: Answering) -> None:
    """One good record among ones whose numbers are none."""
    good = '{"name":"good:1b","size":5,"size_vram":5,"digest":"ab"}'
    bad = [f'{{"name":"bad","size":{n},"size_vram":{n}}}' for n in ("NaN", "-1", "1e400", "1.5", "9" * 5000)]
    json_text(f'{{"models":[{",".join([*bad, good])}],"version":"1"}}')(handler)
