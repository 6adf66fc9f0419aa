"""Heads and bodies on their way through: where each ends, what is refused, bytes that wait."""

import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

_MAX_LINE = 4096
_MAX_TRAILER = 16 << 10
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")

Payload = Callable[[bytes], None]


class BadBody(Exception):
    """The framing of a body is broken; the connection cannot be used any further."""


class Body:
    """Follows one body. :meth:`feed` says how many of the bytes belong to it; ``done`` when it is whole."""

    done = False

    def feed(self, data: bytes, payload: Payload) -> int:
        """Take what belongs to the body from the front of ``data``; ``payload`` gets its content."""
        raise NotImplementedError

    def ended(self) -> bool:
        """The connection ended: was that the proper end?"""
        return self.done


class LengthBody(Body):
    """A body of a known length (0: none)."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes, payload: Payload) -> int:
        count = min(len(data), self._left)
        if count:
            payload(data if count == len(data) else data[:count])
            self._left -= count
            self.done = self._left == 0
        return count


class UntilClose(Body):
    def feed(self, data: bytes, payload: Payload) -> int:
        if data:
            payload(data)
        return len(data)

    def ended(self) -> bool:
        self.done = True
        return True


class ChunkedBody(Body):
    def __init__(self) -> None:
        self._step: Callable[[bytes, int, Payload], int] = self._size_line
        self._line = b""
        self._left = 0
        self._trailer = 0

    def feed(self, data: bytes, payload: Payload) -> int:
        """See :class:`Body`.

        Raises:
            BadBody: not the format of chunks.
        """
        at = 0
        while at < len(data) and not self.done:
            at = self._step(data, at, payload)
        return at

    def _size_line(self, data: bytes, at: int, payload: Payload) -> int:
        at, line = self._whole_line(data, at)
        if line is None:
            return at
        match = _SIZE.fullmatch(line)
        if match is None:
            raise BadBody("chunk size")
        self._left = int(match.group(1), 16)
        self._step = self._content if self._left else self._trailer_line
        return at

    def _content(self, data: bytes, at: int, payload: Payload) -> int:
        end = min(len(data), at + self._left)
        payload(data[at:end])
        self._left -= end - at
        if self._left == 0:
            self._step = self._after_content
        return end

    def _after_content(self, data: bytes, at: int, payload: Payload) -> int:
        at, line = self._whole_line(data, at)
        if line:
            raise BadBody("chunk end")
        if line is not None:
            self._step = self._size_line
        return at

    def _trailer_line(self, data: bytes, at: int, payload: Payload) -> int:
        at, line = self._whole_line(data, at)
        if line == b"":
            self.done = True
        elif line is not None:
            self._trailer += len(line)
            if self._trailer > _MAX_TRAILER:
                raise BadBody("trailer")
        return at

    def _whole_line(self, data: bytes, at: int) -> tuple[int, bytes | None]:
        """The line that ends in ``data``, without its end, or None and what there is of it is kept."""
        end = data.find(b"\n", at)
        piece = self._line + data[at : end + 1 if end >= 0 else len(data)]
        if len(piece) > _MAX_LINE:
            raise BadBody("line")
        if end < 0:
            self._line = piece
            return len(data), None
        self._line = b""
        if not piece.endswith(b"\r\n"):
            raise BadBody("line end")
        return end + 1, piece[:-2]


def request_body(content_length: int | None, chunked: bool) -> Body:
    """The body of a request: without a length there is none."""
    return ChunkedBody() if chunked else LengthBody(content_length or 0)


def answer_body(method: str, status: int, content_length: int | None, chunked: bool) -> Body:
    """The body of an answer: none to HEAD and with 204 and 304; without a length the connection ends it."""
    if method == "HEAD" or status in {204, 304}:
        return LengthBody(0)
    if chunked:
        return ChunkedBody()
    return UntilClose() if content_length is None else LengthBody(content_length)


MAX_HEAD_BYTES = 64 << 10
MAX_FIELDS = 200
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")
_REQUEST = re.compile(r"([A-Z]{1,20}) (\S{1,8000}) HTTP/1\.([01])")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5]\d\d)(?: .*)?")
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)


class BadHead(Exception):
    """A head that is not relayed; ``status`` answers it, ``reason`` is one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What the relay needs of a request. Absent fields are None; ``path`` is without its query."""

    method: str
    path: str
    host: str | None
    origin: str | None
    fetch_site: str | None
    user_agent: str | None
    content_length: int | None
    chunked: bool
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class AnswerHead:
    status: int
    content_length: int | None
    chunked: bool
    keep_alive: bool
    answered_by: str = ""
    """The model behind LiteLLM that answered, as ``PROVIDER/MODEL``; not always the one asked for."""


def read_request(raw: bytes) -> RequestHead:
    """The head in ``raw`` (with its blank line).

    Raises:
        BadHead: it is malformed or could be read in two ways.
    """
    first, fields = _split(raw)
    match = _REQUEST.fullmatch(first)
    if match is None:
        raise BadHead(400, "The request line is malformed.")
    method, target, minor = match.groups()
    if method == "CONNECT" or not target.startswith("/"):
        raise BadHead(400, "Only paths of the server can be asked for.")
    if "upgrade" in _words(fields.get("connection", [])) or "upgrade" in fields:
        raise BadHead(400, "Protocols other than HTTP/1.1 are not relayed.")
    length, chunked = _framing(fields)
    if chunked and minor == "0":
        raise BadHead(400, "HTTP/1.0 knows no chunks.")
    return RequestHead(
        method=method,
        path=target.split("?", 1)[0],
        host=_single(fields, "host"),
        origin=_single(fields, "origin"),
        fetch_site=_single(fields, "sec-fetch-site"),
        user_agent=fields.get("user-agent", [None])[0],
        content_length=length,
        chunked=chunked,
        keep_alive=_keeps(fields, minor),
    )


def read_answer(raw: bytes) -> AnswerHead:
    """The head of an answer in ``raw`` (with its blank line).

    Raises:
        BadHead: it is not HTTP/1.x.
    """
    first, fields = _split(raw)
    match = _STATUS.fullmatch(first)
    if match is None:
        raise BadHead(502, "The server's answer is not HTTP.")
    length, chunked = _framing(fields)
    answered_by = (fields.get("x-litellm-model-name") or [""])[0][:400]
    return AnswerHead(int(match.group(2)), length, chunked, _keeps(fields, match.group(1)), answered_by)


def _split(raw: bytes) -> tuple[str, dict[str, list[str]]]:
    try:
        lines = raw.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    except UnicodeDecodeError as error:  # pragma: no cover - latin-1 takes every byte
        raise BadHead(400, "The head is malformed.") from error
    if len(lines) > MAX_FIELDS:
        raise BadHead(431, "The request has too many header fields.")
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if not separator or _TOKEN.fullmatch(name) is None or "\n" in value or "\r" in value or "\0" in value:
            raise BadHead(400, "A header field is malformed.")
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    return lines[0], fields


def _single(fields: dict[str, list[str]], name: str) -> str | None:
    values = fields.get(name, [])
    if len(values) > 1:
        raise BadHead(400, f"The header field {name} is given twice.")
    return values[0] if values else None


def _framing(fields: dict[str, list[str]]) -> tuple[int | None, bool]:
    coding = fields.get("transfer-encoding", [])
    length = _single(fields, "content-length")
    if coding:
        if [value.lower() for value in coding] != ["chunked"] or length is not None:
            raise BadHead(400, "The length of the body is given in two ways.")
        return None, True
    if length is None:
        return None, False
    if _LENGTH.fullmatch(length) is None:
        raise BadHead(400, "The length of the body is malformed.")
    return int(length), False


def _words(values: list[str]) -> set[str]:
    return {word.strip().lower() for value in values for word in value.split(",")}


def _keeps(fields: dict[str, list[str]], minor: str) -> bool:
    words = _words(fields.get("connection", []))
    return "close" not in words and (minor == "1" or "keep-alive" in words)


def refusal(status: int, reason: str) -> bytes:
    """A whole answer ``{"error": reason}`` after which the connection is closed."""
    body = json.dumps({"error": f"Wattlight's pass-through: {reason}"}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


class Pipe:
    """Sends at once what the socket takes and keeps the rest; never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._waiting = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the socket did not take yet."""
        return len(self._waiting)

    def push(self, data: bytes) -> None:
        """Send ``data`` after what is waiting.

        Raises:
            OSError: the other side is gone.
        """
        if not self._waiting:
            sent = self._send(data)
            if sent == len(data):
                return
            data = data[sent:]
        self._waiting += data

    def hold(self, data: bytes) -> None:
        """Keep ``data`` until :meth:`flush`."""
        self._waiting += data

    def flush(self) -> None:
        """Send what is waiting.

        Raises:
            OSError: the other side is gone.
        """
        while self._waiting:
            sent = self._send(bytes(self._waiting[: 256 << 10]))
            if not sent:
                return
            del self._waiting[:sent]

    def _send(self, data: bytes) -> int:
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
