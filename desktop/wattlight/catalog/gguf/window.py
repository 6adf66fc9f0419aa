"""The bytes of a header as they come: only what is not yet read is held."""

import struct
import time
from collections.abc import Callable, Iterator

from .limits import Limits
from .problems import BadModelFile, CutOff, HeaderTooLong

_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from


class Window:
    """Reads forward through chunks of bytes, dropping what was consumed.

    Time spent waiting for a chunk does not count against ``limits.seconds``.
    """

    __slots__ = ("_chunks", "_clock", "_limits", "_spent_s", "_started_s", "data", "dropped", "pos")

    def __init__(
        self, chunks: Iterator[bytes], limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._chunks = chunks
        self._limits = limits
        self._clock = clock
        self._spent_s = 0.0
        self._started_s = clock()
        self.data = b""
        self.pos = 0
        self.dropped = 0

    @property
    def offset(self) -> int:
        """Bytes consumed since the start of the file."""
        return self.dropped + self.pos

    def more(self) -> bool:
        """Append the next chunk to what is left; False at the end.

        Raises:
            HeaderTooLong: more bytes or time than allowed.
        """
        now = self._clock()
        self._spent_s += now - self._started_s
        if self._spent_s > self._limits.seconds or self.offset > self._limits.header_bytes:
            raise HeaderTooLong
        chunk = next(self._chunks, b"")
        self._started_s = self._clock()
        if not chunk:
            return False
        rest = self.data[self.pos :]
        if self.dropped + self.pos + len(rest) > self._limits.header_bytes:
            raise HeaderTooLong
        self.data = rest + chunk if rest else chunk
        self.dropped += self.pos
        self.pos = 0
        return True

    def need(self, count: int) -> int:
        """Make ``count`` bytes available and return where they begin in ``data``; they count as consumed.

        Raises:
            CutOff: the file ends before.
        """
        pos = self.pos
        while len(self.data) - self.pos < count:
            if count > self._limits.header_bytes:
                raise HeaderTooLong
            if not self.more():
                raise CutOff
            pos = self.pos
        self.pos = pos + count
        return pos

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes without holding them."""
        while count > len(self.data) - self.pos:
            count -= len(self.data) - self.pos
            self.pos = len(self.data)
            if self.offset + count > self._limits.header_bytes:
                raise HeaderTooLong
            if not self.more():
                raise CutOff
        self.pos += count

    def u32(self) -> int:
        """An unsigned 32-bit number."""
        at = self.need(4)
        return int(_U32(self.data, at)[0])

    def u64(self) -> int:
        """An unsigned 64-bit number."""
        at = self.need(8)
        return int(_U64(self.data, at)[0])

    def text(self, limit: int, what: str) -> str:
        """A length-prefixed UTF-8 text of at most ``limit`` bytes.

        Raises:
            BadModelFile: too long or not UTF-8; ``what`` names it.
        """
        length = self.u64()
        if length > limit:
            raise BadModelFile(f"The model file's header holds {what} of {length} bytes, which cannot be.")
        at = self.need(length)
        try:
            return self.data[at : at + length].decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadModelFile(f"The model file's header holds {what} that is not text.") from error
