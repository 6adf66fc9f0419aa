"""Pure rules of power: what contains what, totals, estimates, the way to the wall plug."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from math import hypot, isfinite
from statistics import fmean, pstdev

from .values import ERROR_FRACTION, DeviceSample, Quality, Scope

REST = "rest of the computer (board, memory, disks, fans, screen)"
SUPPLY = "loss of the power supply"
PROCESSOR = "processor"
_AT_THE_COMPONENT = frozenset({Scope.CHIP, Scope.BOARD, Scope.PACKAGE, Scope.MODULE})


@dataclass(frozen=True, slots=True)
class MachineTotal:
    """Power of the machine as far as it is measured.

    Attributes:
        measured_w: sum of the counted parts, None when no part is measured.
        error_w: expected error of the sum (errors of the parts taken as independent).
        counted: ids of the parts in the sum.
        contained: ids of measured parts left out because a counted part includes them.
        inside: ids of all parts, measured or silent, that a measured part includes.
        unknown: names of parts that are there but not measured now.
        uncovered: what no sensor sees, by name.
        whole: True when the sum is the draw of the complete computer.
        errors: relative error of each measured part by id.
    """

    measured_w: float | None
    error_w: float | None
    counted: tuple[str, ...]
    contained: tuple[str, ...]
    inside: frozenset[str]
    unknown: tuple[str, ...]
    uncovered: tuple[str, ...]
    whole: bool
    errors: Mapping[str, float | None]

    @property
    def error_fraction(self) -> float | None:
        """Relative error of the sum; None without one, and of a sum of nothing."""
        return self.error_w / self.measured_w if self.error_w is not None and self.measured_w else None


def error_fraction(scope: Scope | str | None, quality: Quality | None) -> float | None:
    """Relative error of a part's power or energy; None where nothing is measured.

    The one rule for every face and the ledger. A sensor of the component itself (chip, board, package,
    module) is read where the current flows, so its gauge is taken to be as good as its counter, 10 %: for
    AMD's boards the firmware averages it as it would for a counter. A gauge of the whole computer or of a
    battery (refreshed every 1 to 30 s) keeps the 15 % of :data:`ERROR_FRACTION`.
    """
    if quality is Quality.SAMPLED and scope in _AT_THE_COMPONENT:
        return ERROR_FRACTION[Quality.COUNTER]
    return None if quality is None else ERROR_FRACTION[quality]


def combined_error(parts: Iterable[tuple[float, float | None]]) -> float | None:
    """Error of a sum in the unit of its values (W, mJ), from (value, relative error) of each part.

    The parts are taken as independent: root of the sum of squares. Time adds nothing: a part's error is its
    sensor's, the same all day, so give each part once, with all of its energy. None without parts, or when
    a part that is not zero has no known error.
    """
    known = list(parts)
    if not known or any(error is None for value, error in known if value):
        return None
    return hypot(*(value * (error or 0.0) for value, error in known))


def holders(parts: Iterable[DeviceSample]) -> dict[str, tuple[str, ...]]:
    """The ids of what contains each part, the nearest first. Cycles end a chain."""
    outer = {part.device_id: part.contained_in for part in parts}
    found = {}
    for key in outer:
        chain = [key]
        while (holder := outer[chain[-1]]) is not None and holder in outer and holder not in chain:
            chain.append(holder)
        found[key] = tuple(chain[1:])
    return found


def compose(parts: Iterable[DeviceSample]) -> MachineTotal:
    """Add what is measured: the one rule for tray, windows, chart, ledger and command line.

    A part inside another measured part is not added again, at any depth and through silent parts: a GPU
    inside a silent package inside a discharging battery is in what the battery gives, which alone counts.
    A part measured by a counter alone holds what is inside it before its first watts are known. Estimated
    parts are never added; a sleeping part is neither counted nor missing.
    """
    all_parts = {part.device_id: part for part in parts}
    held_by = holders(all_parts.values())
    holding = {key for key, part in all_parts.items() if _is_measured(part)}
    inside = frozenset(key for key, outer in held_by.items() if holding.intersection(outer))
    measured = [key for key in all_parts if key in holding and all_parts[key].power_w is not None]
    counted = [key for key in measured if key not in inside]
    whole = any(all_parts[key].scope is Scope.SYSTEM for key in counted)
    watts = [(key, all_parts[key].power_w or 0.0) for key in counted]
    errors = {key: error_fraction(all_parts[key].scope, all_parts[key].quality) for key in measured}
    silent = [
        part
        for key, part in all_parts.items()
        if key not in measured and key not in inside and not part.asleep and part.kind != "battery"
    ]
    return MachineTotal(
        measured_w=sum(power for _, power in watts) if counted else None,
        error_w=combined_error((power, errors[key]) for key, power in watts),
        counted=tuple(counted),
        contained=tuple(key for key in measured if key in inside),
        inside=inside,
        unknown=tuple(part.name for part in silent),
        uncovered=uncovered(
            ((all_parts[key].kind, all_parts[key].scope) for key in counted),
            any(part.kind == "cpu" for part in silent),
        ),
        whole=whole,
        errors=errors,
    )


def _is_measured(part: DeviceSample) -> bool:
    known = part.power_w is not None or part.counter_mj is not None
    return known and part.quality is not None and part.quality is not Quality.ESTIMATED


def uncovered(
    counted: Iterable[tuple[str, Scope | str | None]], processor_is_silent: bool = False
) -> tuple[str, ...]:
    """What no sensor sees, by name, from (kind, scope) of the counted parts.

    ``processor_is_silent``: it is told among the unknown parts already.
    """
    parts = tuple(counted)
    kinds, scopes = {kind for kind, _ in parts}, {scope for _, scope in parts}
    if "wall" in kinds or "battery" in kinds:
        return ()
    if Scope.SYSTEM in scopes:
        return (SUPPLY,)
    has_processor = bool(scopes & {Scope.PACKAGE, Scope.MODULE}) or processor_is_silent
    return (*(() if has_processor else (PROCESSOR,)), REST, SUPPLY)


SUPPLY_CURVES: dict[str, tuple[float, float, float]] = {
    "white": (0.80, 0.80, 0.80),
    "bronze": (0.82, 0.85, 0.82),
    "silver": (0.85, 0.88, 0.85),
    "gold": (0.87, 0.90, 0.87),
    "platinum": (0.90, 0.92, 0.89),
    "titanium": (0.92, 0.94, 0.90),
}
"""80 PLUS minimum efficiency at 20, 50 and 100 % load (115 V). Below 20 % nothing is promised."""
_LOADS = (0.2, 0.5, 1.0)
_AT_NOTHING = 0.65
"""Efficiency towards no load: large supplies were measured at 0.73-0.81 around 5-10 % load."""
_MIN_SPREAD_W = 15.0
"""Two calibration levels closer than this cannot carry a line."""


@dataclass(frozen=True, slots=True)
class WallFit:
    """``wall = base_w + factor x measured`` as found against a meter; ``error_w`` is the mean miss."""

    base_w: float
    factor: float
    error_w: float

    def wall_w(self, measured_w: float) -> float:
        """Watts at the plug."""
        return self.base_w + self.factor * measured_w


@dataclass(frozen=True, slots=True)
class WallModel:
    """The user's own assumptions: watts of unmeasured parts and the power supply."""

    rest_w: float
    supply: str | None = None
    supply_rated_w: float | None = None

    def wall_w(self, measured_w: float) -> float:
        """Watts at the plug under these assumptions; without a supply its loss is left out."""
        inside = measured_w + self.rest_w
        if self.supply is None or not self.supply_rated_w:
            return inside
        return inside / supply_efficiency(self.supply, inside / self.supply_rated_w)


def supply_efficiency(label: str, load: float) -> float:
    """Efficiency of an 80 PLUS supply at a share of its rated load, linear between the stated points.

    Raises:
        KeyError: the label is not one of :data:`SUPPLY_CURVES`.
    """
    points = [(0.0, _AT_NOTHING), *zip(_LOADS, SUPPLY_CURVES[label], strict=True)]
    load = min(max(load, 0.0), 1.0)
    for (x0, y0), (x1, y1) in pairwise(points):
        if load <= x1:
            return y0 + (y1 - y0) * (load - x0) / (x1 - x0)
    return points[-1][1]


def fit_wall(points: Sequence[tuple[float, float]]) -> WallFit | None:
    """A straight line through (measured watts, wall watts), by least squares.

    None when the points cannot carry one: fewer than two, less than 15 W apart, or a line no computer can
    have (less at the wall than is measured inside, a factor outside 0.9-2).
    """
    if len(points) < 2 or max(x for x, _ in points) - min(x for x, _ in points) < _MIN_SPREAD_W:
        return None
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    factor = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    base = mean_y - factor * mean_x
    if not 0.9 <= factor <= 2.0 or base < 0:
        return None
    miss = sum(abs(base + factor * x - y) for x, y in points) / count
    return WallFit(base, factor, miss)


REST_ERROR = 0.3
"""Relative error taken for a remainder that somebody assumed (our judgement)."""
SUPPLY_ERROR = 0.05
"""Share of the wall power by which a supply may miss its 80 PLUS curve (our judgement)."""


class WallBasis(StrEnum):
    """What the figure rests on."""

    CALIBRATED = "calibrated"
    """The person's own two readings of a wall meter, for just the parts measured now."""
    ASSUMED = "assumed"
    """What the person assumed for the remainder and the power supply."""


@dataclass(frozen=True, slots=True)
class WallFigure:
    """An estimate of the draw at the plug and its expected error."""

    power_w: float
    error_w: float
    basis: WallBasis


@dataclass(frozen=True, slots=True)
class Wall:
    """What is known of the way to the plug: a calibration of ``parts``, and assumptions."""

    fit: WallFit | None = None
    parts: frozenset[str] = frozenset()
    calibrated_on: date | None = None
    assumed: WallModel | None = None

    def figure(self, total: MachineTotal) -> WallFigure | None:
        """The estimate for ``total``; None where nothing carries one.

        A calibration says nothing of other parts than its own; then the assumptions, if any, are taken. On
        battery nothing comes from the wall.
        """
        if total.measured_w is None or (total.whole and not total.uncovered):
            return None
        if self.fit is not None and self.parts == frozenset(total.counted):
            return WallFigure(self.fit.wall_w(total.measured_w), self.fit.error_w, WallBasis.CALIBRATED)
        if self.assumed is None:
            return None
        rest_w = 0.0 if total.whole else self.assumed.rest_w
        model = WallModel(rest_w, self.assumed.supply, self.assumed.supply_rated_w)
        power_w = model.wall_w(total.measured_w)
        supply_w = SUPPLY_ERROR * power_w if model.supply else 0.0
        error_w = hypot(total.error_w or 0.0, REST_ERROR * rest_w, supply_w)
        return WallFigure(power_w, error_w, WallBasis.ASSUMED)


METER_ERROR = 0.02
"""Relative error taken for a plug-in wall meter."""
LEAST_WALL_W, MOST_WALL_W = 1.0, 5000.0
"""A reading outside is a slip of the finger: no household socket gives more."""
_STEADY = 3.0
"""The levels must be this many times further apart than either of them swings."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A minute as measured inside: mean watts, their standard deviation, and the parts that were added."""

    mean_w: float
    wobble_w: float
    parts: frozenset[str]


def inside(readings_w: Sequence[float], parts: Collection[str]) -> Inside | None:
    """A level from its readings; None without any."""
    if not readings_w:
        return None
    return Inside(fmean(readings_w), pstdev(readings_w), frozenset(parts))


def plausible_wall_w(value: float) -> bool:
    """Whether a meter at the socket of one computer can show this."""
    return isfinite(value) and LEAST_WALL_W <= value <= MOST_WALL_W


def calibrated(quiet: Inside, quiet_wall_w: float, busy: Inside, busy_wall_w: float) -> WallFit | None:
    """The line through both levels; ``error_w`` from their swing and the meter's own error.

    None where they carry none: other parts were measured, the levels swing as much as they differ, or no
    computer can have such a line (see :func:`fit_wall`).
    """
    if quiet.parts != busy.parts or not all(map(plausible_wall_w, (quiet_wall_w, busy_wall_w))):
        return None
    if busy.mean_w - quiet.mean_w < _STEADY * max(quiet.wobble_w, busy.wobble_w):
        return None
    fit = fit_wall([(quiet.mean_w, quiet_wall_w), (busy.mean_w, busy_wall_w)])
    if fit is None:
        return None
    misses = (
        hypot(fit.factor * level.wobble_w, METER_ERROR * wall_w)
        for level, wall_w in ((quiet, quiet_wall_w), (busy, busy_wall_w))
    )
    return replace(fit, error_w=max(misses))


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
