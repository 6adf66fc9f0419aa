"""The head of an answer, and where its body ends (RFC 9112).

``http.client`` reads heads as mail: that took most of the time of a look at a server.
"""

import io
import re

from .endpoint import FaultKind, WireFault

_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-5][0-9][0-9])(?: .*)?")
_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
_LONGEST_LINE = 65536
_MOST_LINES = 200
_MOST_INTERIM = 10


class Reply:
    """One answer, read from ``stream``.

    Raises:
        WireFault: the head is not HTTP (``NOT_HTTP``), or the connection ended before it did (``CUT``).
    """

    def __init__(self, stream: io.BufferedReader, method: str) -> None:
        self._stream = stream
        self.status, minor = self._first()
        for _ in range(_MOST_INTERIM):
            if not 100 <= self.status < 200:
                break
            self._fields()
            self.status, minor = self._first()
        else:
            raise WireFault(FaultKind.NOT_HTTP, "no answer after others")
        self.headers = self._fields()
        self._chunked = self.headers.get("transfer-encoding", "").lower().strip() == "chunked"
        self.length: int | None = None
        """Of the body in bytes; None where chunks or the end of the connection tell."""
        said = self.headers.get("content-length", "").strip()
        if method == "HEAD" or self.status in {204, 304}:
            self.length, self._chunked = 0, False
        elif not self._chunked and _LENGTH.fullmatch(said):
            self.length = int(said)
        self._left = 0
        self._begun = False
        self.ended = self.length == 0
        """Whether nothing of the body is left to come; with a ``length`` the caller counts."""
        connection = self.headers.get("connection", "").lower()
        stays = "close" not in connection and (minor != b"0" or "keep-alive" in connection)
        self.stays_open = stays and (self._chunked or self.length is not None)

    def _first(self) -> tuple[int, bytes]:
        line = self._line()
        found = _STATUS.fullmatch(line)
        if found is None:
            raise WireFault(FaultKind.NOT_HTTP, "no status")
        return int(found[2]), found[1]

    def _fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for _ in range(_MOST_LINES):
            line = self._line()
            if not line:
                return fields
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        raise WireFault(FaultKind.NOT_HTTP, "too many fields")

    def _line(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise WireFault(FaultKind.NOT_HTTP, "a line too long")
        if not line.endswith(b"\n"):
            raise WireFault(FaultKind.CUT, "closed in the head" if line else "closed without an answer")
        return line.rstrip(b"\r\n")

    def read1(self, most_bytes: int) -> bytes:
        """What has come of the body, at most so much; empty at its end.

        Raises:
            WireFault: the chunks are no chunks, or end too early (``CUT``).
        """
        if not self._chunked:
            piece = self._stream.read1(most_bytes)
            self.ended = self.ended or not piece
            return piece
        if not self._left and not self.ended:
            self._next_chunk()
        if self.ended:
            return b""
        piece = self._stream.read1(min(most_bytes, self._left))
        if not piece:
            raise WireFault(FaultKind.CUT, "short chunk")
        self._left -= len(piece)
        return piece

    def readinto1(self, buffer: memoryview) -> int:
        """As :meth:`read1` of a body with a length, into ``buffer``."""
        return self._stream.readinto1(buffer)

    def _next_chunk(self) -> None:
        if self._begun and self._line():
            raise WireFault(FaultKind.CUT, "chunk end")
        self._begun = True
        found = _SIZE.fullmatch(self._line())
        if found is None:
            raise WireFault(FaultKind.CUT, "chunk size")
        self._left = int(found[1], 16)
        if not self._left:
            self._fields()
            self.ended = True
