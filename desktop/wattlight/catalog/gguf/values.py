"""Key/values of a GGUF header: what is needed is kept, the rest is passed over."""

import math
import struct

from wattlight.domain.shape import MetadataValue, Scalar

from .limits import Limits
from .problems import BadModelFile
from .strings import skip_strings
from .window import Window

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


def read_value(window: Window, key: str, limits: Limits) -> MetadataValue | None:
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
        f"The model file's header holds a value of unknown type {kind}.",
        "It may be newer than this program: update Wattlight, or download the file again.",
    )


def _sound(value: Scalar) -> Scalar | None:
    """None for what is no number (NaN, infinite)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(window: Window, keep: bool, limits: Limits) -> str | None:
    length = window.u64()
    if length > limits.header_bytes:
        raise BadModelFile(f"The model file's header holds a text of {length} bytes, which cannot be.")
    if not keep or length > limits.kept_string_bytes:
        window.skip(length)
        return None
    at = window.need(length)
    return window.data[at : at + length].decode("utf-8", "replace")


def _array(window: Window, keep: bool, limits: Limits, depth: int) -> tuple[Scalar, ...] | None:
    kind, count = window.u32(), window.u64()
    if count > limits.array_items:
        raise BadModelFile(f"The model file's header holds a list of {count} values, which cannot be.")
    if kind == _STRING:
        skip_strings(window, count)
        return None
    if kind == _ARRAY:
        if depth >= limits.nesting:
            raise BadModelFile("The model file's header holds lists nested too deeply.")
        if count > limits.kept_array_items:
            raise BadModelFile(f"The model file's header holds {count} nested lists, which cannot be.")
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
