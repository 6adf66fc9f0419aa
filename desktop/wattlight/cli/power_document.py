"""The ``power`` document: parts with watts and how sure they are, and the total without double counting."""

from typing import Any

from wattlight.domain.power import MachineTotal, Wall, compose
from wattlight.domain.values import DeviceSample, MachineSample
from wattlight.probes import HardwareReport

Document = dict[str, Any]


def power_document(sample: MachineSample, report: HardwareReport, wall: Wall | None = None) -> Document:
    """One tick. ``report`` gives the ranges of what cannot be measured; they are in no sum."""
    total = compose(sample.devices)
    plug = wall.figure(total) if wall else None
    estimates = {row.id: row.estimate_w for row in report.accelerators if row.estimate_w}
    if report.cpu_power.estimate_w:
        estimates["cpu"] = report.cpu_power.estimate_w
    return {
        "at": sample.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "on_battery": sample.on_battery,
        "parts": [_part(device, total, estimates.get(device.device_id)) for device in sample.devices],
        "total": {
            "measured_w": _rounded(total.measured_w),
            "error_w": _rounded(total.error_w),
            "counted": list(total.counted),
            "contained": list(total.contained),
            "not_measured": list(total.unknown),
            "not_covered": list(total.uncovered),
            "whole_computer": total.whole,
            "wall_w": _rounded(plug.power_w if plug else None),
            "wall_error_w": _rounded(plug.error_w if plug else None),
            "wall_basis": plug.basis.value if plug else None,
        },
    }


def _part(device: DeviceSample, total: MachineTotal, estimate: tuple[float, float] | None) -> Document:
    return {
        "id": device.device_id,
        "name": device.name,
        "kind": device.kind,
        "vendor": device.vendor,
        "power_w": _rounded(device.power_w),
        "scope": device.scope.value if device.scope else None,
        "source": device.source or None,
        "quality": device.quality.value if device.quality else None,
        "error": total.errors.get(device.device_id),
        "reason": device.reason,
        "asleep": device.asleep,
        "contained_in": device.contained_in,
        "counted": device.device_id in total.counted,
        "limit_w": _rounded(device.limit_w),
        "estimate_w": [round(edge, 1) for edge in estimate] if estimate else None,
        "utilization_pct": device.utilisation_percent,
        "temperature_c": device.temperature_c,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
