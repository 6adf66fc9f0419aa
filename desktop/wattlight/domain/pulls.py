"""Downloads of models: how far one is, what was wished of it, and the hours in which it may run."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from .values import LOCAL_HOST, HostId


class Waiting(StrEnum):
    """Why a download does not run now although it is neither over nor failed."""

    NOT = ""
    TURN = "turn"
    """Another one runs: one at a time."""
    PAUSED = "paused"
    HOURS = "hours"
    """It runs at certain hours only."""
    METERED = "metered"
    """The connection is a metered one, and the person wants to wait for another."""
    RETRY = "retry"
    """The connection or the server is gone; it is tried again by itself."""


@dataclass(frozen=True, slots=True)
class LayerState:
    """How far one file of a model is; ``name`` is the first 12 digits of its hash."""

    name: str
    completed_bytes: int
    total_bytes: int
    bytes_per_s: float | None = None

    @property
    def missing_bytes(self) -> int:
        return self.total_bytes - self.completed_bytes


@dataclass(frozen=True, slots=True)
class PullState:
    """One download; ``completed_bytes`` never goes back, ``error`` is the server's own text, cleaned.

    ``layers`` are its files, as far as they are known. ``by_us``: Wattlight fetches it itself, so it can be
    slowed. ``waiting`` until ``waits_until``, where that is known.
    """

    model: str
    status: str = ""
    completed_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    done: bool = False
    cancelled: bool = False
    error: str | None = None
    damaged: bool = False
    """It was fetched, but files of it are not what they should be; they can be removed and fetched again."""
    layers: tuple[LayerState, ...] = ()
    by_us: bool = False
    waiting: Waiting = Waiting.NOT
    waits_until: datetime | None = None

    @property
    def layer(self) -> LayerState | None:
        """The file that most is missing of; None where all have come."""
        most = max(self.layers, key=lambda layer: layer.missing_bytes, default=None)
        return most if most is not None and most.missing_bytes > 0 else None

    @property
    def under_way(self) -> bool:
        """Neither done, stopped nor failed."""
        return not (self.done or self.cancelled or self.error)

    @property
    def moving(self) -> bool:
        """It runs now: under way, and waiting for nothing."""
        return self.under_way and not self.waiting


@dataclass(frozen=True, slots=True)
class QueuedPull:
    """A download that was asked for and has not ended, as it is kept over restarts.

    Attributes:
        limit_bytes_per_s: its own limit; None: that of the settings.
        hours: its own hours, as :func:`read_hours` and :data:`AT_NIGHT` have them; "": those of the settings.
        source: its own nearer source; "": that of the settings.
        error: what it failed with, in words; it waits for another try then.
    """

    model: str
    host: HostId = LOCAL_HOST
    paused: bool = False
    limit_bytes_per_s: int | None = None
    hours: str = ""
    source: str = ""
    completed_bytes: int = 0
    total_bytes: int | None = None
    error: str = ""
    damaged: bool = False


AT_NIGHT = "night"
"""The cheapest hours of the tariff, else :data:`NIGHT`."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``start`` to ``end``, minutes of the day by the clock; an end before the start is tomorrow's."""

    start: int
    end: int

    def covers(self, minute: int) -> bool:
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def text(self) -> str:
        """ "23:00-06:00", as :func:`read_hours` reads it."""
        return "-".join(f"{m // 60:02}:{m % 60:02}" for m in (self.start, self.end))


NIGHT = Hours(23 * 60, 6 * 60)
_HOURS = re.compile(r"\s*(\d{1,2})(?::(\d\d))?\s*(?:-|–|to)\s*(\d{1,2})(?::(\d\d))?\s*", re.ASCII)


def read_hours(text: str) -> Hours | None:
    """ "23:00-06:00" or "23-6"; None for what is no span of hours."""
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    hours = [int(found[1]), int(found[3])]
    minutes = [int(found[2] or 0), int(found[4] or 0)]
    if any(m > 59 for m in minutes) or any(h * 60 + m > 24 * 60 for h, m in zip(hours, minutes, strict=True)):
        return None
    start, end = ((h * 60 + m) % (24 * 60) for h, m in zip(hours, minutes, strict=True))
    return None if start == end else Hours(start, end)


def opens_at(hours: Hours, now: datetime, zone: tzinfo) -> datetime | None:
    """When ``hours`` begin next; None while they last. ``now`` is aware."""
    here = now.astimezone(zone)
    if hours.covers(here.hour * 60 + here.minute):
        return None
    begin = time(hours.start // 60, hours.start % 60)
    days = (here.date(), here.date() + timedelta(days=1))
    # an hour that comes twice begins twice; compared in UTC, as within one zone the clock's face counts
    moments = (datetime.combine(day, begin.replace(fold=fold), zone) for day in days for fold in (0, 1))
    return next(moment for moment in moments if moment.astimezone(UTC) > now)


def next_span(spans: Iterable[tuple[datetime, datetime]], now: datetime) -> datetime | None:
    """When the next of ``spans`` (in order of time) begins; None while one of them lasts.

    Raises:
        ValueError: all of them are over.
    """
    for start, end in spans:
        if now < end:
            return None if start <= now else start
    raise ValueError("no span is left")


_RATE = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([kmg]?)(i?)(b|bit)?\s*(?:/s|ps|/sec)?\s*", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
LEAST_RATE = 10_000
MOST_RATE = 10**11


def read_rate(text: str) -> int | None:
    """Bytes a second from "5MB/s", "800k" or "40 Mbit/s"; None for what is no speed, or none one can mean.

    "B" and no unit are bytes, "bit" and a small "b" behind a letter ("Mb/s") bits; "KiB" is 1024 bytes.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        return None
    number, letter, binary, unit = float(found[1].replace(",", ".")), found[2].lower(), found[3], found[4]
    factor = _FACTORS[letter]
    if binary:
        factor = 1024 ** ("", "k", "m", "g").index(letter)
    bits = (unit or "B").lower() == "bit" or (unit == "b" and letter != "")
    rate = int(number * factor / (8 if bits else 1))
    return rate if LEAST_RATE <= rate <= MOST_RATE else None
