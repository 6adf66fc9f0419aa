"""The machine's total from its parts: nothing twice, and what is missing by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import hypot

from wattlight.domain.values import ERROR_FRACTION, DeviceSample, Quality, Scope

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


def compose(parts: Iterable[DeviceSample]) -> MachineTotal:
    """Add what is measured: the one rule for tray, windows, chart, ledger and command line.

    A part inside another measured part is not added again, at any depth and through silent parts: a GPU
    inside a silent package inside a discharging battery is in what the battery gives, which alone counts.
    A part measured by a counter alone holds what is inside it before its first watts are known. Estimated
    parts are never added; a sleeping part is neither counted nor missing.
    """
    all_parts = {part.device_id: part for part in parts}
    holding = {key for key, part in all_parts.items() if _is_measured(part)}
    inside = frozenset(key for key in all_parts if _inside(all_parts, key, holding))
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
        uncovered=_uncovered(all_parts, counted, whole, silent),
        whole=whole,
        errors=errors,
    )


def _is_measured(part: DeviceSample) -> bool:
    known = part.power_w is not None or part.counter_mj is not None
    return known and part.quality is not None and part.quality is not Quality.ESTIMATED


def _inside(parts: dict[str, DeviceSample], key: str, measured: set[str]) -> bool:
    """Whether a measured part contains this one, directly or through others. Cycles end the search."""
    seen = {key}
    holder = parts[key].contained_in
    while holder is not None and holder not in seen and holder in parts:
        if holder in measured:
            return True
        seen.add(holder)
        holder = parts[holder].contained_in
    return False


def _uncovered(
    parts: dict[str, DeviceSample], counted: list[str], whole: bool, silent: list[DeviceSample]
) -> tuple[str, ...]:
    if whole:
        on_battery = any(parts[key].kind == "battery" for key in counted)
        return () if on_battery else (SUPPLY,)
    named = []
    has_cpu = any(parts[key].scope in {Scope.PACKAGE, Scope.MODULE} for key in counted)
    if not has_cpu and not any(part.kind == "cpu" for part in silent):
        named.append(PROCESSOR)
    return (*named, REST, SUPPLY)
