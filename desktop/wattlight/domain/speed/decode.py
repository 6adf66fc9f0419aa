"""Tokens per second from bytes per token and bandwidth."""

from dataclasses import dataclass

from wattlight.domain.fit import FitResult, PreparedModel
from wattlight.domain.values import MachineProfile


@dataclass(frozen=True, slots=True)
class SpeedRange:
    """Tokens per second of one answer; all None with ``basis`` saying why where it cannot be told.

    ``basis`` is one plain sentence about how the range came to be.
    """

    low: float | None
    mid: float | None
    high: float | None
    basis: str


def tokens_per_second(
    prepared: PreparedModel, result: FitResult, machine: MachineProfile, context_used: int | None = None
) -> SpeedRange:
    """Speed of decoding with ``context_used`` tokens in the cache (default: a quarter of the context)."""
    raise NotImplementedError
