"""Measured speeds in the form in which estimates are shown."""

from collections.abc import Iterable

from wattlight.domain.speed import SpeedRange
from wattlight.domain.tokens import MeasuredSpeed, speed_of
from wattlight.i18n import short_date, trn


def measured_range(
    runs: Iterable[MeasuredSpeed], digest: str, device: str, context: int | None = None
) -> SpeedRange | None:
    """The range that takes an estimate's place once the model was measured on this device; None before.

    Runs with the very context asked for are preferred; else those with any count.
    """
    known = tuple(runs)
    figure = speed_of(known, digest, device, context) or speed_of(known, digest, device)
    if figure is None:
        return None
    day = short_date(figure.newest.astimezone().date())
    basis = trn(
        "Measured here once, on {day}.", "Measured here {count} times, last on {day}.", figure.runs, day=day
    )
    return SpeedRange(figure.low, figure.mid, figure.high, basis)
