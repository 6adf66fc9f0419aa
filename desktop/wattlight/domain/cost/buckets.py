"""One row of the ledger as it is read: a minute, or a quarter of an hour once it is old."""

from dataclasses import dataclass

from wattlight.domain.energy import State
from wattlight.domain.values import Quality


@dataclass(frozen=True, slots=True)
class Bucket:
    """Energy of one device in [start, start + length), for one model or none, in one state."""

    start_us: int
    length_us: int
    device: str
    model: str | None
    """Name of the model, None for none."""
    state: State
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0
