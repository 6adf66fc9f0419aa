"""What the measured parts of the computer drew between two moments, from the sampler's samples."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wattlight.domain.energy import heavy_parts
from wattlight.domain.own_runs import speed_of
from wattlight.domain.power import MachineSample
from wattlight.domain.speed import SpeedRange
from wattlight.domain.state import RunningModel
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.i18n import short_date, tr, trn

KEPT_S = 600.0
FIRST_LOOKS_S = 0.5
LONGEST_GAP_S = 10.0
"""Between two samples further apart nothing is known."""


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """Energy of the measured parts in a window; ``joules`` None with a sentence why.

    ``power_w`` is the mean, ``error_fraction`` the relative error of the readings themselves.
    """

    joules: float | None = None
    power_w: float | None = None
    error_fraction: float | None = None
    reason: str | None = None

    def above(self, rest_w: float | None, seconds: float) -> tuple[float, float] | None:
        """(joules above the draw at rest, their relative error) of a window so long; None without a figure.

        ``rest_w`` None leaves the draw at rest in.
        """
        if self.joules is None or self.error_fraction is None:
            return None
        joules = self.joules - (rest_w or 0.0) * seconds
        return joules, self.error_fraction * self.joules / joules if joules > 0 else 1.0


@dataclass(frozen=True, slots=True)
class _PowerPoint:
    at_s: float
    power_w: float | None
    error_w: float
    parts: tuple[str, ...]
    disturbed: str


class PowerHistory:
    """Keeps the last ten minutes of the machine's power; any thread may call any method."""

    def __init__(self) -> None:
        self._points: deque[_PowerPoint] = deque()
        self._changed = threading.Condition()

    def take(self, sample: MachineSample, running: Sequence[RunningModel] | None = None) -> None:
        """``running``: the models that were loaded then."""
        total, disturbed = sample.total, _disturbed(sample, running or ())
        point = _PowerPoint(
            sample.monotonic_s, total.measured_w, total.error_w or 0.0, total.counted, disturbed
        )
        with self._changed:
            self._points.append(point)
            while point.at_s - self._points[0].at_s > KEPT_S:
                self._points.popleft()
            self._changed.notify_all()

    def wait_past(self, at_s: float, timeout_s: float) -> bool:
        """Wait for a sample later than ``at_s``; False when none came in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._points) and self._points[-1].at_s >= at_s, timeout_s
            )

    def wait_begun(self, timeout_s: float) -> None:
        """Right after the first look wait for the next: an energy counter tells no watts before."""

        def begun() -> bool:
            points = self._points
            fresh = bool(points) and points[-1].at_s - points[0].at_s < FIRST_LOOKS_S
            return not fresh or any(point.power_w is not None for point in points)

        with self._changed:
            self._changed.wait_for(begun, timeout_s)

    def disturbed(self, start_s: float, end_s: float) -> str:
        """What would make a measurement between these moments (monotonic) untrue, in a sentence; "" where
        nothing is known."""
        with self._changed:
            return next((p.disturbed for p in self._points if p.disturbed and start_s <= p.at_s <= end_s), "")

    def between(self, start_s: float, end_s: float) -> EnergyWindow:
        """Trapezoids of the power from ``start_s`` to ``end_s`` (monotonic), interpolated at both ends.

        Unknown when a sample is missing, has no power, or covers other parts than the rest.
        """
        with self._changed:
            points = list(self._points)
        if not any(p.power_w is not None for p in points):
            return EnergyWindow(reason=tr("No part of this computer reports its power."))
        inside = [p for p in points if start_s < p.at_s < end_s]
        before = next((p for p in reversed(points) if p.at_s <= start_s), None)
        after = next((p for p in points if p.at_s >= end_s), None)
        used = [p for p in (before, *inside, after) if p is not None]
        if before is None or after is None or any(p.power_w is None for p in used):
            return EnergyWindow(reason=tr("The power was not read during the whole run."))
        if any(two.at_s - one.at_s > LONGEST_GAP_S for one, two in pairwise(used)):
            return EnergyWindow(reason=tr("The power was not read during the whole run."))
        if len({p.parts for p in used}) > 1:
            return EnergyWindow(reason=tr("A part of the computer started or stopped reporting its power."))
        joules = sum(_area(one, two, start_s, end_s) for one, two in pairwise(used))
        mean = sum(p.power_w or 0.0 for p in used) / len(used)
        error = sum(p.error_w for p in used) / len(used) / mean if mean else None
        return EnergyWindow(joules, joules / (end_s - start_s), error)


def _disturbed(sample: MachineSample, running: Sequence[RunningModel]) -> str:
    if sample.on_battery:
        return tr("The computer runs on its battery.")
    heavy = set(heavy_parts(sample.devices, running))
    names = [device.device.name for device in sample.devices if device.device.id in heavy]
    return tr("Other programs work on {name}.", name=names[0]) if names else ""


def _area(one: _PowerPoint, two: _PowerPoint, start_s: float, end_s: float) -> float:
    left, right = max(one.at_s, start_s), min(two.at_s, end_s)
    if right <= left:
        return 0.0
    first, last = one.power_w or 0.0, two.power_w or 0.0
    slope = (last - first) / (two.at_s - one.at_s)
    middle = first + slope * ((left + right) / 2 - one.at_s)
    return middle * (right - left)


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
