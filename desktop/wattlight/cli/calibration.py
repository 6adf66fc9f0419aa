"""``power --calibrate``: three minutes with a wall meter, to know what no sensor sees."""

import sys
import time
from dataclasses import dataclass, replace

from wattlight.domain.power import MachineTotal, WallFit, compose, fit_wall
from wattlight.domain.values import Problem
from wattlight.i18n import number, tr, watts
from wattlight.probes import Prober
from wattlight.settings import Settings, save_settings

from .call import Call

SETTLE_S, MEASURE_S, BEAT_S = 20, 60, 2
"""Twice: settle, then measure; with the typing three minutes."""


class NoCalibration(Problem):
    """The calibration cannot be made."""

    code = "no_calibration"


@dataclass(frozen=True, slots=True)
class WallOf:
    """A calibration and the parts it was made with; for other parts it says nothing."""

    fit: WallFit
    parts: tuple[str, ...]

    def watts(self, total: MachineTotal) -> float | None:
        """Watts at the plug, None when other parts are measured now."""
        if total.measured_w is None or set(total.counted) != set(self.parts):
            return None
        return self.fit.wall_w(total.measured_w)


def wall_fit(settings: Settings) -> WallOf | None:
    """The saved calibration, None without one."""
    meter = settings.meter
    if meter.wall_base_w is None or meter.wall_factor is None or not meter.wall_parts:
        return None
    return WallOf(WallFit(meter.wall_base_w, meter.wall_factor, 0.0), tuple(meter.wall_parts.split(",")))


def calibrate(call: Call, prober: Prober) -> int:
    """Guide the person, fit the line, save it.

    Raises:
        NoCalibration: nothing is measured, nobody can be asked, or the two levels carry no line.
    """
    if call.as_json or not sys.stdin.isatty():
        raise NoCalibration(
            tr("A calibration asks for the figures of a wall meter."),
            tr("Run it in a terminal, without --json."),
        )
    if compose(prober.sample().devices).measured_w is None:
        time.sleep(BEAT_S)
        if compose(prober.sample().devices).measured_w is None:
            raise NoCalibration(
                tr("No part of this computer's power is measured, so there is nothing to calibrate."),
                tr("See 'wattlight doctor'."),
            )
    call.out.line(tr("Plug the computer (without the screen, if it has its own plug) into a wall meter."))
    call.out.line(
        tr("First quiet: close what works, then leave the computer alone for {s} s.", s=SETTLE_S + MEASURE_S)
    )
    quiet, parts = _level(call, prober)
    call.out.line(tr("Now load: let a model write a long answer for {s} s.", s=SETTLE_S + MEASURE_S))
    busy, again = _level(call, prober)
    if parts != again:
        raise NoCalibration(
            tr("Other parts were measured under load than in quiet."),
            tr("Wake the graphics card first and repeat."),
        )
    fit = fit_wall([quiet, busy])
    if fit is None:
        raise NoCalibration(
            tr("The two levels carry no line: too close, or the meter shows less than is measured inside."),
            tr("Use a heavier load, read the meter at the end of each minute, and repeat."),
        )
    settings = call.workshop.settings()
    meter = replace(
        settings.meter,
        wall_base_w=round(fit.base_w, 1),
        wall_factor=round(fit.factor, 3),
        wall_parts=",".join(sorted(parts)),
    )
    save_settings(call.workshop.places.settings_file, replace(settings, meter=meter))
    call.out.line(
        tr(
            "At the wall: {base} and {factor} times what is measured. Saved; 'wattlight power' shows it now.",
            base=watts(fit.base_w),
            factor=number(fit.factor, 2),
        )
    )
    return 0


def _level(call: Call, prober: Prober) -> tuple[tuple[float, float], frozenset[str]]:
    """Mean measured watts of a minute and the meter's figure at its end."""
    _wait(prober, SETTLE_S)
    values: list[float] = []
    parts: frozenset[str] = frozenset()
    for _ in range(MEASURE_S // BEAT_S):
        time.sleep(BEAT_S)
        total = compose(prober.sample().devices)
        if total.measured_w is not None:
            values.append(total.measured_w)
            parts = frozenset(total.counted)
    if not values:
        raise NoCalibration(tr("Nothing could be measured meanwhile."), tr("See 'wattlight doctor'."))
    mean = sum(values) / len(values)
    call.out.line(tr("Measured inside: {power}.", power=watts(mean)))
    return (mean, _ask(call)), parts


def _wait(prober: Prober, seconds: int) -> None:
    for _ in range(seconds // BEAT_S):
        time.sleep(BEAT_S)
        prober.sample()


def _ask(call: Call) -> float:
    for _ in range(3):
        call.out.line(tr("What does the wall meter show, in watts?"))
        text = sys.stdin.readline().strip().upper().removesuffix("W").strip().replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            continue
        if 1 <= value <= 5000:
            return value
    raise NoCalibration(tr("That was no number of watts."), tr("Run it again and type a figure like 84.5."))
