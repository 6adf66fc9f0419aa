"""Heads of requests and answers, read strictly: what two readers could understand differently is refused."""

import re
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 << 10
MAX_FIELDS = 200
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")
_REQUEST = re.compile(r"([A-Z]{1,20}) (\S{1,8000}) HTTP/1\.([01])")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5]\d\d)(?: .*)?")
_LENGTH = re.compile(r"\d{1,18}")


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
    """What the relay needs of an answer."""

    status: int
    content_length: int | None
    chunked: bool
    keep_alive: bool


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
    return AnswerHead(int(match.group(2)), length, chunked, _keeps(fields, match.group(1)))


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
