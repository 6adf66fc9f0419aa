"""Passes over the tokenizer's hundreds of thousands of strings, which stand before the tensor table.

Each string's length must be read to find the next, so there is no skipping. A regular expression that knows
short strings walks them a thousand at a time without leaving C (0.05 microseconds each); whatever it does not
know (long strings, the end of a chunk) is walked one by one.
"""

import re
import struct
from functools import lru_cache

from .problems import HeaderTooLong
from .window import Window

_BATCH = 512
_LONGEST = 63
_U64 = struct.Struct("<Q").unpack_from


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
