"""What the meter hands to the recorder and the ledger keeps. All energy in whole mJ."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from ..values import HostId, Quality

WALL = "wall"
"""Device of what the plug gives beyond the measured parts, where a calibration or the user's own figures
tell it: an estimate, never a model's."""
LEARNED = "learned"
"""Device of the whole computer as learned on battery, where no part is measured: models are billed on it."""
LEARNED_REST = "learned-rest"
"""Device of what the whole computer, as learned, draws beyond its measured parts; never a model's."""
WAYS = (WALL, LEARNED_REST)
"""Devices that stand for the way from the measured parts to the whole: their error is that of the whole."""


class State(StrEnum):
    """What a watt-second was for."""

    BASE = "base"
    """The computer itself: no model resident, or the part below the idle level."""
    PARKED = "parked"
    """A model resident and idle."""
    ACTIVE = "active"
    """A model producing tokens."""
    MIXED = "mixed"
    """Another heavy program used the GPU as well; billed to no model."""
    UNATTRIBUTED = "unattributed"
    """Measured while it was not known which models were resident; with a model: while that one was, before an
    idle level was known to divide by."""


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """One bucket: a UTC minute of a device, for one model (digest) or none, in one state."""

    host: HostId
    minute: int
    device: str
    model: str | None
    state: State
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class GapRow:
    """A span of a device that is not billed."""

    host: HostId
    device: str
    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class CounterBase:
    """Where a counter stood when the rows of the same transaction were written.

    ``counter_mj`` None: counting starts again with the next value.
    """

    host: HostId
    device: str
    counter_mj: int | None
    at_us: int
    mono_us: int
    epoch: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """How a device is called and how far its energy may be off; kept beside its rows.

    ``error_fraction`` is relative; None in a ledger made before it was kept, then the quality of the rows
    tells (:data:`wattlight.domain.values.ERROR_FRACTION`).
    """

    host: HostId
    device: str
    name: str
    kind: str
    vendor: str
    scope: str = ""
    source: str = ""
    error_fraction: float | None = None


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A learned power level. ``models`` empty: idle, no model resident; else the resident digests."""

    host: HostId
    device: str
    models: tuple[str, ...]
    power_uw: int
    learned_us: int
    observed_s: int


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """Between what the unmeasured computer drew in a quarter hour, in mJ; in no sum with measured energy."""

    host: HostId
    quarter: int
    low_mj: int
    high_mj: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one reading of the machine settled; written in one transaction or not at all."""

    rows: tuple[EnergyRow, ...] = ()
    presence: tuple[tuple[HostId, int, int], ...] = ()
    """(host, UTC minute, milliseconds observed by at least one device)."""
    gaps: tuple[GapRow, ...] = ()
    counters: tuple[CounterBase, ...] = ()
    devices: tuple[DeviceInfo, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    """(digest, name)."""
    levels: tuple[LevelRow, ...] = field(default=())
    estimates: tuple[EstimateRow, ...] = ()

    @property
    def empty(self) -> bool:
        kept = (self.rows, self.presence, self.gaps, self.counters, self.devices, self.models, self.estimates)
        return not any(kept)


_ORDER = {q: i for i, q in enumerate(Quality)}


def worst_quality(qualities: Iterable[Quality | None]) -> Quality | None:
    """The least sure of them; None where there is none."""
    known = {q for q in qualities if q is not None}
    if len(known) < 2:
        return known.pop() if known else None
    return max(known, key=_ORDER.__getitem__)
