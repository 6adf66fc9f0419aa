"""The bytes of a header as they come: only what is not yet read is held."""

import math
import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from wattlight.domain.shape import MetadataValue, Scalar
from wattlight.domain.values import Problem
from wattlight.i18n import tr


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """``header_bytes`` read at most, ``seconds`` of work at most; counts and lengths above are refused;
    ``kept_items`` bounds the values of all lists kept together.

    Real headers: 0.5 to 16 MB (tokenizer), about 60 keys, up to some thousand tensors.
    """

    header_bytes: int = 64 << 20
    seconds: float = 2.0
    keys: int = 8192
    key_bytes: int = 512
    kept_string_bytes: int = 1024
    kept_array_items: int = 4096
    kept_items: int = 1 << 17
    array_items: int = 1 << 26
    nesting: int = 3
    tensors: int = 32768
    name_bytes: int = 128
    dims: int = 4
    tensor_values: int = 1 << 48
    alignment: int = 1 << 20
    blocks: int = 1024
    number: int = 1 << 31
    length: int = 1 << 24
    """Of anything an architecture counts but tokens."""
    count: int = 1 << 16
    """Of heads, of experts, and of values of one head."""


LOCAL = HeaderLimits()
REMOTE = HeaderLimits(header_bytes=32 << 20)
"""For a header that comes over the network; the seconds bound the work, not the waiting."""


class BadModelFile(Problem):
    """The header of a model file cannot be used; the message says why in one sentence."""

    code = "bad_model_file"

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what, next_step or tr("Download the file again."))


class HeaderTooLong(BadModelFile):
    """The header does not end within the limits of size or time."""

    def __init__(self) -> None:
        super().__init__(tr("The model file's header does not end where one should."))


class CutOff(BadModelFile):
    """The bytes end within the header."""

    def __init__(self) -> None:
        super().__init__(tr("The model file ends within its header."))


_U32 = struct.Struct("<I").unpack_from
_U64 = struct.Struct("<Q").unpack_from


class Window:
    """Reads forward through chunks of bytes, dropping what was consumed.

    Time spent waiting for a chunk does not count against ``limits.seconds``.
    """

    __slots__ = ("_chunks", "_clock", "_limits", "_spent_s", "_started_s", "data", "dropped", "pos")

    def __init__(
        self, chunks: Iterator[bytes], limits: HeaderLimits, clock: Callable[[], float] = time.monotonic
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
        at = self.need(4)
        return int(_U32(self.data, at)[0])

    def u64(self) -> int:
        at = self.need(8)
        return int(_U64(self.data, at)[0])

    def text(self, limit: int, what: str) -> str:
        """A length-prefixed UTF-8 text of at most ``limit`` bytes.

        Raises:
            BadModelFile: too long or not UTF-8; ``what`` names it, marked for translators.
        """
        length = self.u64()
        if length > limit:
            raise BadModelFile(
                tr(
                    "The model file's header holds {what} of {length} bytes, which cannot be.",
                    what=tr(what),
                    length=length,
                )
            )
        at = self.need(length)
        try:
            return self.data[at : at + length].decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadModelFile(
                tr("The model file's header holds {what} that is not text.", what=tr(what))
            ) from error


_BATCH = 512
_LONGEST = 63


@lru_cache(maxsize=1)
def _short_strings() -> re.Pattern[bytes]:
    kinds = [b"%s\\x00{7}.{%d}" % (re.escape(bytes([n])), n) for n in range(1, _LONGEST + 1)]
    kinds.append(rb"\x00{8}")
    return re.compile(b"(?s)(?:" + b"|".join(kinds) + b"){%d}+" % _BATCH)


def skip_strings(window: Window, count: int) -> None:
    """Pass over ``count`` length-prefixed strings.

    Raises:
        BadModelFile: the file or the limits end before.
    """
    match = _short_strings().match
    while count > 0:
        if count >= _BATCH:
            found = match(window.data, window.pos)
            if found is not None:
                window.pos = found.end()
                count -= _BATCH
                continue
        count -= _one_by_one(window, min(count, _BATCH))


def _one_by_one(window: Window, count: int) -> int:
    """Pass over up to ``count`` strings, at least one; stops early at the end of what is there."""
    data, pos, done = window.data, window.pos, 0
    last = len(data) - 8
    while done < count and pos <= last:
        end = pos + 8 + _U64(data, pos)[0]
        if end > last + 8:
            break
        pos = end
        done += 1
    window.pos = pos
    if done:
        return done
    length = window.u64()
    if length > 1 << 40:
        raise HeaderTooLong
    window.skip(length)
    return 1


_BOOL, _STRING, _ARRAY = 7, 8, 9
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    _BOOL: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_TOKENIZER = "tokenizer."


def read_value(window: Window, key: str, limits: HeaderLimits) -> MetadataValue | None:
    """The value that follows ``key``; None for one that is not kept (tokenizer, long, not a number).

    Raises:
        BadModelFile: an unknown type, or a length beyond the limits.
    """
    kind = window.u32()
    keep = not key.startswith(_TOKENIZER)
    if kind == _STRING:
        return _text(window, keep, limits)
    if kind == _ARRAY:
        return _array(window, keep, limits, 1)
    reader = _SCALARS.get(kind)
    if reader is None:
        raise _unknown(kind)
    at = window.need(reader.size)
    return _sound(reader.unpack_from(window.data, at)[0])


def _unknown(kind: int) -> BadModelFile:
    return BadModelFile(
        tr("The model file's header holds a value of unknown type {kind}.", kind=kind),
        tr("It may be newer than this program: update Wattlight, or download the file again."),
    )


def _sound(value: Scalar) -> Scalar | None:
    """None for what is no number (NaN, infinite)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(window: Window, keep: bool, limits: HeaderLimits) -> str | None:
    length = window.u64()
    if length > limits.header_bytes:
        raise BadModelFile(
            tr("The model file's header holds a text of {length} bytes, which cannot be.", length=length)
        )
    if not keep or length > limits.kept_string_bytes:
        window.skip(length)
        return None
    at = window.need(length)
    return window.data[at : at + length].decode("utf-8", "replace")


def _array(window: Window, keep: bool, limits: HeaderLimits, depth: int) -> tuple[Scalar, ...] | None:
    kind, count = window.u32(), window.u64()
    if count > limits.array_items:
        raise BadModelFile(
            tr("The model file's header holds a list of {count} values, which cannot be.", count=count)
        )
    if kind == _STRING:
        skip_strings(window, count)
        return None
    if kind == _ARRAY:
        if depth >= limits.nesting:
            raise BadModelFile(tr("The model file's header holds lists nested too deeply."))
        if count > limits.kept_array_items:
            raise BadModelFile(
                tr("The model file's header holds {count} nested lists, which cannot be.", count=count)
            )
        for _ in range(count):
            _array(window, False, limits, depth + 1)
        return None
    reader = _SCALARS.get(kind)
    if reader is None:
        raise _unknown(kind)
    if not keep or count > limits.kept_array_items:
        window.skip(reader.size * count)
        return None
    at = window.need(reader.size * count)
    values = struct.unpack_from(f"<{count}{reader.format[1:]}", window.data, at)
    return None if any(_sound(value) is None for value in values) else values
