"""Where a body ends, without changing or holding it."""

import re
from collections.abc import Callable

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
        """See :class:`Body`."""
        count = min(len(data), self._left)
        if count:
            payload(data if count == len(data) else data[:count])
            self._left -= count
            self.done = self._left == 0
        return count


class UntilClose(Body):
    """A body that ends with the connection."""

    def feed(self, data: bytes, payload: Payload) -> int:
        """See :class:`Body`."""
        if data:
            payload(data)
        return len(data)

    def ended(self) -> bool:
        """Always the proper end."""
        self.done = True
        return True


class ChunkedBody(Body):
    """A body in chunks."""

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
