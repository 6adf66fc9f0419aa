"""``power`` for a person: one table a tick."""

from wattlight.domain.power import MachineTotal, Wall, compose
from wattlight.domain.values import DeviceSample, MachineSample, Quality, Scope
from wattlight.i18n import clock_time, percent, tr, watts
from wattlight.probes import HardwareReport
from wattlight.services.calibration import wall_line

from .output import aligned


def power_lines(sample: MachineSample, report: HardwareReport, wall: Wall | None = None) -> list[str]:
    """The table: part, watts, what they cover, how sure, why not; then the sum and what it leaves out."""
    total = compose(sample.devices)
    ranges = {row.id: row.estimate_w for row in report.accelerators}
    ranges["cpu"] = report.cpu_power.estimate_w
    rows = [_row(device, total, ranges.get(device.device_id)) for device in sample.devices]
    if not rows:
        rows = [(tr("nothing"), "", tr("no power sensor was found"))]
    lines = aligned(rows, frozenset({1}))
    lines += ["", *_sum(total)]
    plug = wall_line(total, wall) if wall else ""
    return [*lines, plug] if plug else lines


def watch_line(sample: MachineSample) -> str:
    """One line a tick for ``--watch``: the time, the sum, the parts."""
    total = compose(sample.devices)
    names = {device.device_id: device for device in sample.devices}
    parts = [f"{names[key].name} {watts(names[key].power_w)}" for key in total.counted]
    parts += [tr("{name} asleep", name=d.name) for d in sample.devices if d.asleep]
    if total.measured_w is None:
        parts.insert(0, tr("nothing measured"))
    return f"{clock_time(sample.at)}  {watts(total.measured_w):>8}  {', '.join(parts)}".rstrip()


def _row(
    device: DeviceSample, total: MachineTotal, estimate: tuple[float, float] | None
) -> tuple[str, str, str]:
    if device.power_w is None:
        reason = tr("asleep") if device.asleep else device.reason or tr("not measured")
        if estimate:
            low, high = (watts(edge) for edge in estimate)
            reason = tr("{reason}; estimated {low} to {high}", reason=reason, low=low, high=high)
        return (device.name, watts(None), reason)
    said = [_scope(device.scope), _quality(device.quality, total.errors.get(device.device_id))]
    if device.device_id in total.contained:
        said.append(tr("already in another part"))
    return (device.name, watts(device.power_w), ", ".join(word for word in said if word))


def _sum(total: MachineTotal) -> list[str]:
    if total.measured_w is None:
        lines = [tr("No part of this computer's power is measured.")]
    else:
        spread = tr(" ± {error}", error=watts(total.error_w)) if total.error_w else ""
        power = watts(total.measured_w) + spread
        whole = tr("Whole computer: {power}", power=power) if total.whole else ""
        lines = [whole or tr("Measured parts: {power}", power=power)]
    missing = [*total.unknown, *(_uncovered(name) for name in total.uncovered)]
    if missing:
        lines.append(tr("Not in it: {parts}", parts="; ".join(dict.fromkeys(missing))))
    return lines


def _scope(scope: Scope | None) -> str:
    return (
        {
            Scope.CHIP: tr("chip alone"),
            Scope.BOARD: tr("whole card"),
            Scope.PACKAGE: tr("processor package"),
            Scope.MODULE: tr("processor and GPU module"),
            Scope.SYSTEM: tr("whole computer"),
            Scope.BATTERY: tr("battery"),
        }.get(scope, "")
        if scope
        else ""
    )


def _quality(quality: Quality | None, error: float | None) -> str:
    word = (
        {
            Quality.METERED: tr("metered"),
            Quality.COUNTER: tr("energy counter"),
            Quality.SAMPLED: tr("sampled"),
            Quality.ESTIMATED: tr("estimated"),
        }.get(quality, "")
        if quality
        else ""
    )
    return f"{word} ±{percent(error)}" if word and error else word


def _uncovered(name: str) -> str:
    return tr(name)
