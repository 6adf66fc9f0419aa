"""Pure rules of power: what contains what, how sure it is, totals, estimates; and one look at a machine."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from math import hypot

from .values import ERROR_FRACTION, DeviceSample, Figure, HostId, MemorySample, Quality, Scope, unknown

REST = "rest of the computer (board, memory, disks, fans, screen)"
SUPPLY = "loss of the power supply"
PROCESSOR = "processor"
STEADY_W = 400.0
"""What a processor without a known limit can keep up: with the range of a counter it gives the time in which
that passes its range at most once, for the live figure and for the ledger."""
CEILING_W = 1000.0
"""More than this from such a counter is no reading."""
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
    """

    measured_w: float | None
    error_w: float | None
    counted: tuple[str, ...]
    contained: tuple[str, ...]
    inside: frozenset[str]
    unknown: tuple[str, ...]
    uncovered: tuple[str, ...]
    whole: bool

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


def measured(
    value: float | None,
    source: str,
    scope: Scope | None,
    quality: Quality,
    reason: str | None = None,
    counted: bool = False,
) -> Figure:
    """A part's power in watts with its error, or the reason why it is not known.

    ``counted``: its energy counter was read, so that its energy is known though the watts are not yet.
    """
    if value is None and not counted:
        return unknown(reason)
    known = value is not None
    error = error_fraction(scope, quality)
    return Figure(value, source if known else "", scope, quality, error, None if known else reason)


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
    outer = {part.id: part.contained_in for part in parts}
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
    all_parts = {part.id: part for part in parts}
    held_by = holders(all_parts.values())
    holding = {key for key, part in all_parts.items() if _is_measured(part)}
    inside = frozenset(key for key, outer in held_by.items() if holding.intersection(outer))
    known = [key for key in all_parts if key in holding and all_parts[key].power_w is not None]
    counted = [key for key in known if key not in inside]
    whole = any(all_parts[key].power.scope is Scope.SYSTEM for key in counted)
    figures = [all_parts[key].power for key in counted]
    silent = [
        part
        for key, part in all_parts.items()
        if key not in known and key not in inside and not part.asleep and part.kind not in {"battery", "wall"}
    ]
    return MachineTotal(
        measured_w=sum(figure.value or 0.0 for figure in figures) if counted else None,
        error_w=combined_error((figure.value or 0.0, figure.error_fraction) for figure in figures),
        counted=tuple(counted),
        contained=tuple(key for key in known if key in inside),
        inside=inside,
        unknown=tuple(part.name for part in silent),
        uncovered=uncovered(
            ((all_parts[key].kind, all_parts[key].power.scope) for key in counted),
            any(part.kind == "cpu" for part in silent),
        ),
        whole=whole,
    )


def _is_measured(part: DeviceSample) -> bool:
    known = part.power_w is not None or part.counter_mj is not None
    return known and part.power.quality not in {None, Quality.ESTIMATED}


def uncovered(
    counted: Iterable[tuple[str, Scope | str | None]], processor_is_silent: bool = False
) -> tuple[str, ...]:
    """What no sensor sees, by name, from (kind, scope) of the counted parts.

    ``processor_is_silent``: it is told among the unknown parts already.
    """
    parts = tuple(counted)
    kinds, scopes = {kind for kind, _ in parts}, {scope for _, scope in parts}
    if kinds & {"wall", "battery", "learned"}:
        return ()
    if Scope.SYSTEM in scopes:
        return (SUPPLY,)
    has_processor = bool(scopes & {Scope.PACKAGE, Scope.MODULE, Scope.RAILS}) or processor_is_silent
    return (*(() if has_processor else (PROCESSOR,)), REST, SUPPLY)


@dataclass(frozen=True, slots=True)
class Usage:
    """What else can be seen of a computer with a battery: how busy it is, and the battery's own account.

    Attributes:
        busy: share of the time in which its processors worked, 0..1; None if unknown.
        clock: their frequency as a share of the highest, 0..1; None if unknown.
        brightness: of its own screen, 0 (dark) to 1; None if unknown.
        screens: other screens that are connected and on.
        battery: what tells this battery from another (maker, model, size); "" if unknown.
        battery_wh: energy left in the battery (all of them together); None if unknown.
    """

    busy: float | None = None
    clock: float | None = None
    brightness: float | None = None
    screens: int = 0
    battery: str = ""
    battery_wh: float | None = None


@dataclass(frozen=True, slots=True)
class LearnedFigure:
    """What the whole computer draws as it was learned on battery (:mod:`.learned`).

    Attributes:
        power_w, error_w: watts and how far they may be off; on mains with the loss of the adapter.
        rest_w: what it gives beyond the measured parts, never below 0.
        minutes: time on battery that it rests on; ``last_us`` the latest of it (UTC).
        counter: it rests on the processor's own counter; else on load and frequency.
        at_mains: the adapter's loss is in it.
        screens: other screens that are on, whose supply it cannot see.
    """

    power_w: float
    error_w: float
    rest_w: float
    minutes: float
    last_us: int
    counter: bool
    at_mains: bool
    screens: int = 0


def usual_rating_w(processors: int | None, on_wheels: bool) -> float:
    """Watts that processors of such a computer are rated for, where nobody tells (classes of makers' lists).

    ``processors``: logical ones; ``on_wheels``: it has a battery.
    """
    if on_wheels:
        return 28.0
    return 65.0 if processors is None or processors <= 12 else 105.0 if processors <= 24 else 170.0


LAPTOP_REST_W, DESKTOP_REST_W = (3.0, 9.0), (25.0, 45.0)
"""(low, high) of board, memory, disks, fans and a laptop's own screen, where nothing tells more (our
judgement)."""
_SUPPLY_LOW, _SUPPLY_HIGH = 0.9, 0.8
"""Shares that a good and a poor supply hand on."""


@dataclass(frozen=True)
class MachineSample:
    """All parts of one computer at one moment.

    ``at`` is aware UTC for storage; ``monotonic_s`` is for durations and stops in suspend;
    ``boot_id`` tells restarts of the computer apart. ``learned`` stands beside the measured parts, which are
    inside it, and is in no sum of theirs.
    """

    host: HostId
    at: datetime
    monotonic_s: float
    devices: tuple[DeviceSample, ...]
    memory: MemorySample | None = None
    on_battery: bool | None = None
    boot_id: str = ""
    usage: Usage | None = None
    learned: LearnedFigure | None = None

    @cached_property
    def total(self) -> MachineTotal:
        """What the parts draw together; worked out once."""
        return compose(self.devices)

    @property
    def estimate_w(self) -> tuple[float, float] | None:
        """(low, high) watts of the whole computer from rated power and load, where nothing is measured or
        learned of it; None too where a part has no rated power. Never part of a sum of measured energy."""
        if self.learned is not None or any(
            part.power_w is not None or part.counter_mj is not None for part in self.devices
        ):
            return None
        battery = any(part.kind == "battery" for part in self.devices)
        low, high = LAPTOP_REST_W if battery else DESKTOP_REST_W
        silent = [p for p in self.devices if p.kind != "battery" and p.contained_in is None and not p.asleep]
        if not any(part.kind == "cpu" for part in silent):
            return None
        for part in silent:
            if part.estimate_w is None:
                return None
            low, high = low + part.estimate_w[0], high + part.estimate_w[1]
        return low / _SUPPLY_LOW, high / _SUPPLY_HIGH


def without_estimates(sample: MachineSample) -> MachineSample:
    """The sample for a person who wants no ranges."""
    return replace(sample, devices=tuple(replace(d, estimate_w=None) for d in sample.devices))


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
