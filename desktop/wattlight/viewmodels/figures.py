"""Big figures: a number, its unit, and one quiet line that says how sure it is and on what basis."""

import re
from dataclasses import dataclass

from wattlight.domain.power import MachineTotal, compose
from wattlight.domain.state import CostToday, HostState
from wattlight.domain.values import ERROR_FRACTION, DeviceSample, MachineSample
from wattlight.i18n import duration, interval, kwh, money, number, percent, tr, watts

from .words import DASH, everyday_text

_NUMBER = re.compile(r"^(\D*?)([−-]?\d[\d\s.,'’\u00a0\u202f]*)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FigureView:
    """One figure. ``before`` and ``after`` are small (a currency sign stands where its language puts it)."""

    label: str
    value: str
    before: str = ""
    after: str = ""
    note: str = ""
    hint: str = ""

    @property
    def spoken(self) -> str:
        """The figure as a screen reader says it."""
        amount = f"{self.before}{self.value} {self.after}".strip()
        return f"{self.label}: {amount}. {self.note}".strip()


def figure(label: str, text: str, note: str = "", hint: str = "") -> FigureView:
    """Split a formatted amount ("€0.20", "52 W") into its number and its sign or unit."""
    match = _NUMBER.match(text)
    if match is None:
        return FigureView(label, text, note=note, hint=hint)
    before, value, after = (part.strip() for part in match.groups())
    return FigureView(label, value, before, after, note, hint)


def total_now(sample: MachineSample | None) -> MachineTotal:
    """What all measured parts draw together, as :func:`wattlight.domain.power.compose` adds them."""
    return compose(sample.devices if sample else ())


def counted(sample: MachineSample | None) -> tuple[DeviceSample, ...]:
    """The parts in the sum."""
    keys = total_now(sample).counted
    return tuple(d for d in sample.devices if d.device_id in keys) if sample else ()


def basis_now(sample: MachineSample | None) -> str:
    """Which sensors the sum rests on: "GPU + CPU sensors", "whole computer"."""
    kinds = {d.kind for d in counted(sample)}
    if kinds & {"system", "battery"}:
        return tr("whole computer")
    if kinds == {"gpu", "cpu"}:
        return tr("GPU + CPU sensors")
    if kinds == {"gpu"}:
        return tr("GPU sensor only")
    if kinds == {"cpu"}:
        return tr("CPU sensor only")
    return tr("sensors of this computer") if kinds else ""


def sure_now(sample: MachineSample | None) -> str:
    """ "GPU + CPU sensors, about ±10%" for the quiet line."""
    if sample is None:
        return tr("Waiting for the first reading")
    basis, error = basis_now(sample), total_now(sample).error_fraction
    if not basis:
        return " ".join(t for t in (tr("No readable power sensor."), estimate_text(sample)) if t)
    if error is None:
        return basis
    return tr("{basis}, about ±{error}", basis=basis, error=percent(error))


def power_figure(host: HostState, label: str) -> FigureView:
    """Drawing now."""
    reasons = [d.reason for d in host.sample.devices if d.reason] if host.sample else []
    hint = "\n".join(dict.fromkeys(reasons))
    if host.sample is None:
        return FigureView(label, DASH, note=sure_now(None), hint=hint)
    return figure(label, watts(total_now(host.sample).measured_w), sure_now(host.sample), hint)


def cost_error(cost: CostToday) -> float | None:
    """Relative error of a span's energy by its quality."""
    return None if cost.quality is None else ERROR_FRACTION[cost.quality]


def models_amount(cost: CostToday | None) -> str:
    """What the models took: money where there is a price, else energy, else a dash."""
    if cost is None or cost.quality is None:
        return DASH
    if cost.models_micro is not None:
        return money(cost.models_micro, cost.currency, cost_error(cost))
    return kwh(cost.models_mj)


def machine_amount(cost: CostToday | None) -> str:
    """What the measured parts of the computer took without the models (the state counts both together)."""
    if cost is None or cost.quality is None:
        return DASH
    if cost.machine_micro is not None and cost.models_micro is not None:
        return money(max(0, cost.machine_micro - cost.models_micro), cost.currency, cost_error(cost))
    return kwh(max(0, cost.machine_mj - cost.models_mj))


def observed_text(cost: CostToday) -> str:
    """ "measured 21 h 40 of the 22 h 05 so far", or nothing when nearly all was observed."""
    if cost.span_s <= 0 or cost.observed_s >= cost.span_s * 0.98:
        return ""
    return tr(
        "measured {seen} of the {span} so far",
        seen=duration(cost.observed_s),
        span=duration(cost.span_s),
    )


def no_sensor(sample: MachineSample | None) -> bool:
    """Whether the computer was looked at and nothing of it can be measured."""
    return sample is not None and all(d.power_w is None and d.counter_mj is None for d in sample.devices)


def estimate_text(sample: MachineSample | None) -> str:
    """ "Estimated 12–30 W." of the parts that cannot be read; nothing where there is no estimate.

    Never added to what is measured: a range from rated power and load.
    """
    silent = [d for d in sample.devices if d.power_w is None and d.contained_in is None] if sample else []
    ranges = [d.estimate_w for d in silent if d.estimate_w is not None]
    if not ranges:
        return ""
    low, high = sum(r[0] for r in ranges), sum(r[1] for r in ranges)
    return tr("Estimated {range}.", range=interval(number(round(low)), watts(high)))


def no_sensor_text(sample: MachineSample | None) -> str:
    """What it means that nothing can be measured here, where to look, and the estimate if there is one."""
    none = tr("No readable power sensor here, so cost cannot be measured.")
    look = tr("See Machine for ways to add one.")
    return " ".join(text for text in (none, look, estimate_text(sample)) if text)


def models_figure(
    host: HostState, cost: CostToday | None, label: str, with_machine: bool = True
) -> FigureView:
    """Cost (or energy) of the models in a span, with the computer itself in the quiet line."""
    if cost is None or cost.quality is None:
        later = tr("Costs appear after the first hour of use.")
        missing = tr("Needs a power sensor. See Machine for ways to add one.")
        return FigureView(label, DASH, note=missing if no_sensor(host.sample) else later)
    notes = []
    if cost.models_micro is not None:
        notes.append(kwh(cost.models_mj))
    if with_machine:
        notes.append(tr("computer itself {amount}", amount=machine_amount(cost)))
    covers = tr("Measured: {parts}.", parts=", ".join(cost.covers)) if cost.covers else ""
    like = everyday_text(cost.models_mj)
    hint = " ".join(part for part in (like, observed_text(cost), covers) if part)
    return figure(label, models_amount(cost), " · ".join(notes), hint)
