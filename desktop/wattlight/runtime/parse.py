"""Ollama's list answers as values: record by record, field by field. A bad record never hides a good one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.domain.values import clean_text
from wattlight.web import FaultKind, WireFault

from .fields import Record, count, moment, record, records, text
from .names import MAX_NAME

MAX_RECORDS = 20_000
_FOREVER = timedelta(days=36_500)
"""``keep_alive`` -1 is reported as an expiry about 292 years ahead (Go's longest duration)."""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Go's zero time and other nonsense are moved here, so that every zone can show it: already expired."""


Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Model]):
    """Models of one answer, the server's own spelling of each name, how many records were refused."""

    models: tuple[Model, ...]
    raw_names: tuple[tuple[str, str], ...]
    refused: int = 0


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
    names = _Names()
    models = []
    for item in _items(document):
        name, size = _name_of(item), count(item.get("size"))
        if name is None or size is None:
            names.refused += 1
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
    return Listed(tuple(models), names.pairs(), names.refused)


def read_running(document: Record, now: datetime) -> Listed[RunningModel]:
    """The models of ``/api/ps``. A record needs a name and both sizes; everything else may be missing."""
    names = _Names()
    models = []
    for item in _items(document):
        name, size, vram = _name_of(item), count(item.get("size")), count(item.get("size_vram"))
        if name is None or size is None or vram is None:
            names.refused += 1
            continue
        details = record(item.get("details"))
        models.append(
            RunningModel(
                name=names.shown(name),
                digest=_clean(item.get("digest"), 100),
                size_bytes=size,
                size_vram_bytes=vram,
                context_length=count(item.get("context_length")) or None,
                expires_at=_expiry(item.get("expires_at"), now),
                family=_clean(details.get("family")),
                quantization=_clean(details.get("quantization_level")),
            )
        )
    return Listed(tuple(models), names.pairs(), names.refused)


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


class _Names:
    """Gives each name a form to show that leads back to the server's own spelling."""

    def __init__(self) -> None:
        self._raw: dict[str, str] = {}
        self.refused = 0

    def shown(self, raw: str) -> str:
        shown = clean_text(raw)
        number = 2
        while shown in self._raw and self._raw[shown] != raw:
            shown = f"{clean_text(raw, 190)} ({number})"
            number += 1
        self._raw[shown] = raw
        return shown

    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._raw.items())


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


def _expiry(value: object, now: datetime) -> datetime | None:
    at = moment(value)
    if at is None or at - now > _FOREVER:
        return None
    return max(at, _EARLIEST)
