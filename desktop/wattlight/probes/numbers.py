"""Numbers out of files, kept only when they can be true. Unknown is None, never 0."""

import math
import re
from collections.abc import Mapping

from .reader import Reader

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}\Z")

MAX_BYTES = 1 << 50
"""Upper limit of any memory size taken for true: 1 PiB."""
MAX_DEVICE_W = 2000.0
"""Upper limit of one device's power taken for true; the largest accelerators stay below 1.5 kW."""
LEAST_W = 0.001
"""Less is the noise of a sensor that is off, not a reading."""
MAX_COUNTER = 1 << 64


def whole(text: str | bytes | None, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """A decimal whole number between ``low`` and ``high``, else None (garbage, NaN, comma, empty)."""
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text[:64].decode("ascii", "replace")
    text = text.strip().strip("\0")
    if not _WHOLE.match(text):
        return None
    value = int(text)
    return value if low <= value <= high else None


def read_whole(reader: Reader, path: str, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """The number in a file, None when absent, unreadable or not credible. Never raises."""
    return whole(reader.text(path), low, high)


def again_whole(reader: Reader, path: str, low: int = 0, high: int = MAX_COUNTER) -> int | None:
    """Like :func:`read_whole` with a kept descriptor, for the tick. Raises OSError."""
    return whole(reader.again(path, 64), low, high)


def watts_of(micro: int | None, limit_w: float | None = None) -> float | None:
    """Watts from microwatts, None when not credible: 0, or above 1.5 x the limit, or above 2 kW."""
    if micro is None:
        return None
    return credible_watts(micro / 1e6, limit_w)


def credible_watts(value: float | None, limit_w: float | None = None) -> float | None:
    """``value`` if a powered device can draw it: a milliwatt at least, at most 1.5 x its limit and 2 kW."""
    if value is None or math.isnan(value):
        return None
    ceiling = MAX_DEVICE_W if limit_w is None else min(MAX_DEVICE_W, 1.5 * limit_w)
    return value if LEAST_W <= value <= ceiling else None


def celsius_of(milli: int | None) -> float | None:
    """Degrees from millidegrees; 0 (not reported), absolute zero and the impossible are None."""
    if milli is None or milli == 0 or not -40_000 <= milli <= 150_000:
        return None
    return milli / 1000


def credible_celsius(value: float | None) -> float | None:
    """``value`` in degrees if a chip can have it and it is not the 0 of a silent sensor."""
    return None if value is None else celsius_of(round(value * 1000))


def percent_of(value: float | None) -> float | None:
    """A load clamped to 0..100 where the firmware overshoots a little, None when it is nonsense."""
    if value is None or not 0 <= value <= 110:
        return None
    return min(100.0, value)


def pairs(text: str | None, separator: str = ":") -> Mapping[str, str]:
    """``key<separator>value`` lines as a mapping; lines without the separator are left out."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, cut, value = line.partition(separator)
        if cut:
            found.setdefault(key.strip(), value.strip())
    return found
