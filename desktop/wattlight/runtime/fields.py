"""Reads JSON that may be anything: each field is taken only if it is what it should be."""

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone

from wattlight.web import FaultKind, WireFault

MAX_NODES = 400_000
"""More brackets than this is not an answer of a model server (5,000 models have about 20,000)."""
MAX_INTEGER = 1 << 60
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)

Record = dict[str, object]


def read_object(raw: bytes) -> Record:
    """The JSON object in ``raw``. NaN, infinities and absurd numbers become None.

    Raises:
        WireFault: it is not a JSON object (``NOT_HTTP``), or one made to exhaust memory (``TOO_LARGE``).
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_NODES:
        raise WireFault(FaultKind.TOO_LARGE, "nodes")
    try:
        document = json.loads(
            raw.decode("utf-8", "replace"),
            parse_constant=lambda _: None,
            parse_int=_integer,
            parse_float=_float,
        )
    except (ValueError, RecursionError) as error:
        raise WireFault(FaultKind.NOT_HTTP, "not JSON") from error
    if not isinstance(document, dict):
        raise WireFault(FaultKind.NOT_HTTP, "not an object")
    return document


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= 20 else None


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def record(value: object) -> Record:
    """``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[object]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """``value`` if it is text."""
    return value if isinstance(value, str) else None


def count(value: object) -> int | None:
    """``value`` if it is a whole number from 0 to 2^60."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return value if 0 <= value <= MAX_INTEGER else None


def moment(value: object) -> datetime | None:
    """An RFC 3339 time with any number of decimals, in UTC; None if it is not one."""
    found = _TIME.fullmatch(value) if isinstance(value, str) and len(value) <= 60 else None
    if found is None:
        return None
    *whole, fraction, zone = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        year, month, day, hour, minute, second = (int(part) for part in whole)
        return datetime(year, month, day, hour, minute, second, micro, _zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def error_text(raw: bytes) -> str:
    """The server's words in the body of an error answer."""
    try:
        found = read_object(raw).get("error")
    except WireFault:
        return raw[:600].decode("utf-8", "replace").strip()
    if isinstance(found, dict):
        found = found.get("message")
    return found if isinstance(found, str) else ""
