"""Ollama's answers as values, field by field: a bad record never hides a good one."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Generic, TypeVar

from wattlight.domain.servers import InstalledModel, RunningModel
from wattlight.domain.values import MOST_VALUES, TooManyValues, clean_text, read_json
from wattlight.web import FaultKind, WireFault

from .names import MAX_NAME

MAX_INTEGER = 1 << 53
"""Beyond it no float holds every number, and no size lies."""
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)

_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Record = dict[str, object]


def read_object(raw: bytes, most: int = MOST_VALUES) -> Record:
    """The JSON object in ``raw``. NaN, infinities and absurd numbers become None.

    Raises:
        WireFault: it is not a JSON object (``NOT_HTTP``), or one made to exhaust memory (``TOO_LARGE``).
    """
    try:
        document = read_json(
            raw.decode("utf-8", "replace"),
            most,
            parse_constant=lambda _: None,
            parse_int=_integer,
            parse_float=_float,
        )
    except TooManyValues as error:
        raise WireFault(FaultKind.TOO_LARGE, "nodes") from error
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
    return value if isinstance(value, str) else None


def count(value: object) -> int | None:
    """``value`` if it is a whole number from 0 to 2^53."""
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


def moment_of_date(header: str) -> datetime | None:
    """The time of a ``Date`` header (RFC 9110's IMF-fixdate); None if it is not one."""
    found = _DATE.fullmatch(header)
    if found is None or found[2] not in _MONTHS:
        return None
    day, month, year = int(found[1]), _MONTHS.index(found[2]) + 1, int(found[3])
    hour, minute, second = map(int, found[4].split(":"))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def error_text(raw: bytes) -> str:
    """The server's words in the body of an error answer; none in a web page."""
    try:
        found = read_object(raw).get("error")
    except WireFault:
        words = raw[:600].decode("utf-8", "replace").strip()
        return "" if words.startswith("<") else words
    if isinstance(found, dict):
        found = found.get("message")
    return found if isinstance(found, str) else ""


class Refusal(Exception):
    """An answer with an error status. ``said`` are the words in it; none of a web page."""

    def __init__(self, status: int, raw: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.said = error_text(raw)


def trained_context(shown: Record) -> int | None:
    """The context that a model was trained for, in the answer of ``/api/show``."""
    info = shown.get("model_info")
    if not isinstance(info, dict):
        return None
    value = info.get(f"{info.get('general.architecture')}.context_length")
    return value if isinstance(value, int) and 0 < value < 1 << 31 else None


MAX_RECORDS = 20_000
_FOREVER = timedelta(days=36_500)
"""``keep_alive`` -1 is reported as an expiry about 292 years ahead (Go's longest duration)."""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Go's zero time and other nonsense are moved here, so that every zone can show it: already expired."""


Model = TypeVar("Model")
_CLOCK_STEP = timedelta(seconds=2)
"""A Date header has whole seconds."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Model]):
    """Models of one answer, and the server's own spelling of each name."""

    models: tuple[Model, ...]
    raw_names: dict[str, str]


class LastList(Generic[Model]):
    """What a server said last under one address: the same bytes are the same models, and are read once."""

    def __init__(self) -> None:
        self._last: tuple[bytes, timedelta, Listed[Model]] | None = None

    def read(self, raw: bytes, ahead: timedelta, read: Callable[[Record], Listed[Model]]) -> Listed[Model]:
        """The models in ``raw``, which ``read`` gives, or gave while the clocks differed by as much."""
        mark, last = sha256(raw).digest(), self._last
        if last is not None and last[0] == mark and abs(last[1] - ahead) <= _CLOCK_STEP:
            return last[2]
        document = read_object(raw)
        if "models" not in document:
            raise WireFault(FaultKind.NOT_HTTP, "no list of models")
        listed = read(document)
        self._last = (mark, ahead, listed)
        return listed


@dataclass(frozen=True, slots=True)
class PullLine:
    """One line of a pull. ``error`` is the server's own text, uncleaned."""

    status: str = ""
    digest: str | None = None
    total_bytes: int | None = None
    completed_bytes: int | None = None
    error: str | None = None


def read_version(document: Record) -> str:
    """The version in the answer to ``/api/version``.

    Raises:
        WireFault: there is none: this is not Ollama.
    """
    version = text(document.get("version"))
    if version is None or not version.strip():
        raise WireFault(FaultKind.NOT_HTTP, "no version")
    return clean_text(version.strip(), 60)


def read_installed(document: Record) -> Listed[InstalledModel]:
    """The models of ``/api/tags``. A record needs a name and a size; everything else may be missing."""
    names = Names()
    models = []
    for item in _items(document):
        name, size = _name_of(item), count(item.get("size"))
        if name is None or size is None:
            continue
        details = record(item.get("details"))
        models.append(
            InstalledModel(
                name=names.shown(name),
                digest=_clean(item.get("digest"), 100),
                size_bytes=size,
                family=_clean(details.get("family")),
                parameter_size=_clean(details.get("parameter_size")),
                quantization=_clean(details.get("quantization_level")),
                modified_at=moment(item.get("modified_at")),
                remote_host=_clean(item.get("remote_host"), 200) or None,
            )
        )
    return Listed(tuple(models), names)


def read_running(document: Record, now: datetime, ahead: timedelta = timedelta()) -> Listed[RunningModel]:
    """The models of ``/api/ps``. A record needs a name and both sizes; everything else may be missing.

    ``ahead`` is how far the server's clock is before this computer's, by which the end of each is told.
    """
    names = Names()
    models = []
    for item in _items(document):
        name, size, vram = _name_of(item), count(item.get("size")), count(item.get("size_vram"))
        if name is None or size is None or vram is None:
            continue
        details = record(item.get("details"))
        models.append(
            RunningModel(
                name=names.shown(name),
                digest=_clean(item.get("digest"), 100),
                size_bytes=size,
                size_vram_bytes=vram,
                context_length=count(item.get("context_length")) or None,
                expires_at=_expiry(item.get("expires_at"), now, ahead),
                family=_clean(details.get("family")),
                quantization=_clean(details.get("quantization_level")),
            )
        )
    return Listed(tuple(models), names)


def read_pull_line(document: Record) -> PullLine:
    """One line of ``/api/pull``; what is not as it should be is left out."""
    digest = text(document.get("digest"))
    error = document.get("error")
    return PullLine(
        status=_clean(document.get("status"), 200),
        digest=digest[:200] if digest is not None else None,
        total_bytes=count(document.get("total")),
        completed_bytes=count(document.get("completed")),
        error=None if error is None else (error if isinstance(error, str) else "unreadable error"),
    )


def weights_file(shown: Record) -> str | None:
    """The file of weights that the answer to ``/api/show`` names."""
    modelfile = text(shown.get("modelfile")) or ""
    found = re.search(r"^FROM\s+\S*(sha256-[0-9a-f]{64})\s*$", modelfile, re.MULTILINE)
    return None if found is None else found.group(1)


class Names(dict[str, str]):
    """The server's own spelling of each name, by the form of it that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, str] = {}
        self._next: dict[str, int] = {}

    def shown(self, raw: str) -> str:
        """A form of the name to show, of its own for each."""
        if raw in self._shown:
            return self._shown[raw]
        shown = clean_text(raw)
        if shown in self:
            stem = clean_text(raw, 190)
            number = self._next.get(stem, 2)  # each stem counts on, so that thousands alike take no squares
            while (shown := f"{stem} ({number})") in self:
                number += 1
            self._next[stem] = number + 1
        self[shown], self._shown[raw] = raw, shown
        return shown


def _items(document: Record) -> Iterator[Record]:
    for item in records(document.get("models"))[:MAX_RECORDS]:
        yield record(item)


def _name_of(item: Record) -> str | None:
    name = text(item.get("name")) or text(item.get("model"))
    if name is None or not name.strip() or len(name) > MAX_NAME:
        return None
    return name


def _clean(value: object, limit: int = 60) -> str:
    found = text(value)
    return "" if found is None else clean_text(found, limit)


def _expiry(value: object, now: datetime, ahead: timedelta) -> datetime | None:
    at = moment(value)
    if at is None or at - now > _FOREVER:
        return None
    return max(at, _EARLIEST) - ahead
