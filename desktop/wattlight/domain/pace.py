"""How fast a device is beside what is expected of it; :mod:`.own_runs` finds that out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """What a device's own runs say: measured over expected speed, and how far runs lie from it (a share).

    ``depth``: measured over expected time that the tokens in a filled context add; None: not measured.
    """

    factor: float
    spread: float
    runs: int
    depth: float | None = None


SURE_SPREAD = 0.12
