"""How a figure came to be and how far it may be off."""

from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """Ways to come by a figure, surest first."""

    METERED = "metered"
    COUNTER = "counter"
    SAMPLED = "sampled"
    ESTIMATED = "estimated"


class Scope(StrEnum):
    """What a power reading covers."""

    CHIP = "chip"
    BOARD = "board"
    PACKAGE = "package"
    MODULE = "module"
    SYSTEM = "system"
    BATTERY = "battery"


ERROR_FRACTION: dict[Quality, float] = {
    Quality.METERED: 0.02,
    Quality.COUNTER: 0.10,
    Quality.SAMPLED: 0.15,
    Quality.ESTIMATED: 0.40,
}
"""Relative error shown for each quality unless a better one is known.

The upper ends of the ranges in the literature on on-chip sensors (wall plug 2 %, counters 5-10 %,
sampled gauges 10-15 %, tables and rated power 40 % or more).
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or None with the reason why it is not known; never 0 for unknown.

    Attributes:
        value: the number in the unit its name on the owner states, or None.
        source: where it was read ("nvml field 186", "hwmon energy1_input"); empty if unknown.
        quality: how it was obtained; None when there is no value.
        error_fraction: relative error, 0.1 is ten percent; None when there is no value.
        reason: one sentence for a person when there is no value.
    """

    value: float | None
    source: str = ""
    quality: Quality | None = None
    error_fraction: float | None = None
    reason: str | None = None


def figure_of(value: float, source: str, quality: Quality, error_fraction: float | None = None) -> Figure:
    """A known figure; the error defaults to :data:`ERROR_FRACTION` of its quality."""
    error = ERROR_FRACTION[quality] if error_fraction is None else error_fraction
    return Figure(value, source, quality, error)


def unknown(reason: str) -> Figure:
    """A figure that cannot be given, with the sentence that says why."""
    return Figure(None, reason=reason)
