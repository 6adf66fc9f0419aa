"""A range of watts where nothing can be measured."""

_IDLE_SHARE = 0.08
"""Idle draw as a share of rated power where no idle figure is known (typical of the shipped table's rows)."""
_LOW, _HIGH = 0.6, 1.4
"""Spread of an estimate from rated power: 40 % either way."""


def estimated_range(
    rated_w: float | None, idle_w: float | None = None, load_percent: float | None = None
) -> tuple[float, float] | None:
    """(low, high) watts from rated power, idle power and load; None without rated power.

    With an unknown load the range runs from idle to rated. Never more than the rated power.
    """
    if rated_w is None or rated_w <= 0:
        return None
    idle = idle_w if idle_w is not None and 0 < idle_w < rated_w else rated_w * _IDLE_SHARE
    if load_percent is None:
        return (idle * _LOW, rated_w)
    middle = idle + (rated_w - idle) * min(1.0, max(0.0, load_percent / 100))
    return (middle * _LOW, min(rated_w, middle * _HIGH))
