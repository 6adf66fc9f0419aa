"""The whole computer at the wall plug, in one line that says it is an estimate and of what kind."""

from wattlight.domain.power import MachineTotal, Wall, WallBasis
from wattlight.i18n import short_date, tr, watts


def wall_line(total: MachineTotal, wall: Wall) -> str:
    """The line below the measured sum; "" where nothing carries an estimate."""
    found = wall.figure(total)
    if found is None:
        return ""
    return tr(
        "Whole computer at the wall, estimated: {power} ± {error} ({basis})",
        power=watts(found.power_w),
        error=watts(found.error_w),
        basis=_calibration(wall) if found.basis is WallBasis.CALIBRATED else _assumption(wall, total),
    )


def _calibration(wall: Wall) -> str:
    if wall.calibrated_on is None:
        return tr("your calibration")
    return tr("your calibration of {date}", date=short_date(wall.calibrated_on))


def _assumption(wall: Wall, total: MachineTotal) -> str:
    model = wall.assumed
    if model is None:
        return ""
    if model.supply is None or model.supply_rated_w is None:
        return tr(
            "you assume {rest} for what is not measured; loss of the power supply left out",
            rest=watts(model.rest_w),
        )
    supply = {"label": model.supply, "rated": watts(model.supply_rated_w)}
    if total.whole:
        return tr("you assume a power supply {label} of {rated}", **supply)
    return tr(
        "you assume {rest} for what is not measured and a power supply {label} of {rated}",
        rest=watts(model.rest_w),
        **supply,
    )
