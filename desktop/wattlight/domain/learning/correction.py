"""What past loads say about the next prediction."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.fit import FitResult, Verdict

from .comparison import Comparison, LoadKey

MIB = 1 << 20
RECENT = 20
"""So many of the newest loads count."""
SURE_FROM = 3
"""From so many loads on, their spread alone says how sure the figure is."""
SPREAD_FLOOR_BYTES = 32 * MIB
IMPLAUSIBLE_FRACTION = 0.25
IMPLAUSIBLE_BYTES = 1536 * MIB
"""A difference above both is a mistake of the comparison (or a model we do not understand), not an offset."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Learned from ``loads`` undisturbed loads: what to add, and how far they lay from it at most."""

    loads: int
    offset_bytes: int
    spread_bytes: int


def matching(comparisons: Iterable[Comparison], key: LoadKey, verdict: Verdict) -> tuple[Comparison, ...]:
    """Undisturbed loads of the same key and the same kind of placement, oldest first.

    Placements are kept apart: a partly offloaded model errs by its layers, a whole one by its buffers.
    """
    mine = [c for c in comparisons if c.key == key and c.verdict is verdict and c.disturbed is None]
    return tuple(sorted(mine, key=lambda c: c.at))


def learn(pairs: Iterable[tuple[datetime, int, int]]) -> Correction | None:
    """A correction from (when, predicted, measured), None without any plausible one.

    The offset is added, not multiplied: what a driver takes for itself does not grow with the model. The
    median is taken, so that one odd load moves nothing.
    """
    recent = [
        measured - forecast
        for _, forecast, measured in sorted(pairs)
        if abs(measured - forecast) <= max(IMPLAUSIBLE_FRACTION * forecast, IMPLAUSIBLE_BYTES)
    ][-RECENT:]
    if not recent:
        return None
    offset = round(statistics.median(recent))
    spread = max(abs(delta - offset) for delta in recent)
    return Correction(len(recent), offset, max(spread, SPREAD_FLOOR_BYTES))


def corrected(result: FitResult, comparisons: Iterable[Comparison]) -> tuple[int, int]:
    """(bytes on the accelerators, uncertainty) of a fit, corrected by ``matching`` comparisons.

    With fewer than three loads the uncertainty is never below the fit's own; without any, both are the fit's.
    """
    used = [
        (c.at, c.predicted_used_bytes, c.used_bytes)
        for c in comparisons
        if c.used_bytes is not None and c.verdict is result.verdict and c.disturbed is None
    ]
    forecast = result.gpu_bytes + result.projector_bytes
    correction = learn(used) if result.gpu_bytes else None
    if correction is None:
        return forecast, result.uncertainty_bytes
    spread = correction.spread_bytes
    if correction.loads < SURE_FROM:
        spread = max(spread, result.uncertainty_bytes)
    return max(0, forecast + correction.offset_bytes), spread
