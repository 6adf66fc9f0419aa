"""From measured parts to the wall plug: the guided calibration, and what the settings say of it."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import date
from math import isfinite

from wattlight.domain.learned import adapter_loss
from wattlight.domain.power import LearnedFigure, MachineSample, MachineTotal
from wattlight.domain.values import Problem, from_us
from wattlight.domain.wall import (
    SUPPLY_CURVES,
    Inside,
    Wall,
    WallBasis,
    WallFit,
    WallModel,
    calibrated,
    inside,
    plausible_wall_w,
)
from wattlight.i18n import day_and_month, duration, percent, short_date, tr, watts
from wattlight.settings import MeterSettings

SETTLE_S, MEASURE_S, BEAT_S = 20, 60, 2
"""Twice: settle, then measure; with the typing three minutes."""


class NoCalibration(Problem):
    """The calibration cannot be made; nothing was saved."""

    code = "no_calibration"


class WallCalibration:
    """Measures a quiet and a busy minute and sets them against what the wall meter showed at their ends.

    ``pause(seconds)`` waits; it may raise to end the guide early. Use from one worker thread.
    """

    def __init__(self, sample: Callable[[], MachineSample], pause: Callable[[float], None]) -> None:
        self._sample = sample
        self._pause = pause

    def prepare(self) -> None:
        """Make sure that something is measured at all.

        Raises:
            NoCalibration: no part of this computer's power is measured.
        """
        for _ in range(2):
            if self._sample().total.measured_w is not None:
                return
            self._pause(BEAT_S)
        raise NoCalibration(
            tr("No part of this computer's power is measured, so there is nothing to calibrate."),
            tr("See 'wattlight doctor'."),
        )

    def level(self, left: Callable[[int], None] = lambda seconds: None) -> Inside:
        """Let the computer settle, then measure a minute; ``left`` hears the seconds that remain.

        Raises:
            NoCalibration: nothing could be measured, or other parts came or went meanwhile.
        """
        remaining = SETTLE_S + MEASURE_S
        values: list[float] = []
        seen: set[frozenset[str]] = set()
        while remaining > 0:
            left(remaining)
            self._pause(BEAT_S)
            remaining -= BEAT_S
            total = self._sample().total
            if remaining < MEASURE_S and total.measured_w is not None:
                values.append(total.measured_w)
                seen.add(frozenset(total.counted))
        if len(seen) > 1:
            raise _other_parts()
        found = inside(values, seen.pop() if seen else ())
        if found is None:
            raise NoCalibration(tr("Nothing could be measured meanwhile."), tr("See 'wattlight doctor'."))
        return found

    def finish(self, quiet: Inside, quiet_wall_w: float, busy: Inside, busy_wall_w: float) -> WallFit:
        """The line through both levels.

        Raises:
            NoCalibration: they carry none.
        """
        if quiet.parts != busy.parts:
            raise _other_parts()
        for value in (quiet_wall_w, busy_wall_w):
            if not plausible_wall_w(value):
                raise implausible()
        fit = calibrated(quiet, quiet_wall_w, busy, busy_wall_w)
        if fit is None:
            raise NoCalibration(
                tr(
                    "No calibration follows from the two levels: they are too close or too unsteady, or the "
                    "meter shows less than is measured inside ({quiet} and {busy}).",
                    quiet=watts(quiet.mean_w),
                    busy=watts(busy.mean_w),
                ),
                tr("Use a heavier load, read the meter at the end of each minute, and repeat."),
            )
        return fit


def implausible() -> NoCalibration:
    """The refusal of a reading that no wall meter shows."""
    return NoCalibration(
        tr("That is not a plausible reading of a wall meter."),
        tr("Run it again and type a figure like 84.5."),
    )


def _other_parts() -> NoCalibration:
    return NoCalibration(
        tr("The measured parts changed meanwhile."),
        tr("Wake the graphics card first and repeat."),
    )


_SEPARATOR = ","


def wall_of(meter: MeterSettings) -> Wall:
    """What the settings say; whatever makes no sense counts as not set."""
    fit, parts, day = None, frozenset[str](), None
    if meter.wall_parts and _good(meter.wall_base_w, 0.0) and _good(meter.wall_factor, 0.5):
        error_w = meter.wall_error_w if _good(meter.wall_error_w, 0.0) else 0.0
        fit = WallFit(meter.wall_base_w or 0.0, meter.wall_factor or 1.0, error_w or 0.0)
        parts = frozenset(meter.wall_parts.split(_SEPARATOR))
        with suppress(ValueError):
            day = date.fromisoformat(meter.wall_date or "")
    return Wall(fit, parts, day, _assumed(meter))


def calibration_in(meter: MeterSettings, fit: WallFit, parts: Collection[str], day: date) -> MeterSettings:
    return replace(
        meter,
        wall_base_w=round(fit.base_w, 1),
        wall_factor=round(fit.factor, 3),
        wall_error_w=round(fit.error_w, 1),
        wall_parts=_SEPARATOR.join(sorted(parts)),
        wall_date=day.isoformat(),
    )


def forgotten_in(meter: MeterSettings) -> MeterSettings:
    bare = MeterSettings()
    return replace(
        meter,
        assumed_rest_w=bare.assumed_rest_w,
        wall_base_w=bare.wall_base_w,
        wall_factor=bare.wall_factor,
        wall_error_w=bare.wall_error_w,
        wall_parts=bare.wall_parts,
        wall_date=bare.wall_date,
        supply=bare.supply,
        supply_rated_w=bare.supply_rated_w,
    )


def assumed_in(
    meter: MeterSettings, rest_w: float, supply: str | None, supply_rated_w: float | None
) -> MeterSettings:
    """The settings with what the person assumes of the remainder and the supply."""
    return replace(meter, assumed_rest_w=rest_w, supply=supply, supply_rated_w=supply_rated_w)


def _assumed(meter: MeterSettings) -> WallModel | None:
    known = meter.supply in SUPPLY_CURVES and _good(meter.supply_rated_w, 1.0)
    if not _good(meter.assumed_rest_w, 0.0):
        return None
    return WallModel(
        meter.assumed_rest_w or 0.0, meter.supply if known else None, meter.supply_rated_w if known else None
    )


def _good(value: float | None, least: float) -> bool:
    return value is not None and isfinite(value) and least <= value <= 100_000


def wall_line(sample: MachineSample, wall: Wall) -> str:
    """The line below the measured sum; "" where nothing carries a figure of the whole."""
    total, learned = sample.total, sample.learned
    found = wall.figure(total, learned)
    if found is None:
        return ""
    if learned is not None and found.basis is WallBasis.LEARNED:
        power, error = watts(found.power_w), watts(found.error_w)
        how = learned_how(learned)
        line = tr("Whole computer: about {power} ± {error}, {how}.", power=power, error=error, how=how)
        return f"{line} {learned_limits(learned)}".strip()
    return tr(
        "Whole computer at the wall, estimated: {power} ± {error} ({basis})",
        power=watts(found.power_w),
        error=watts(found.error_w),
        basis=_calibration(wall) if found.basis is WallBasis.CALIBRATED else _assumption(wall, total),
    )


def learned_how(learned: LearnedFigure) -> str:
    """ "learned from 3 h 10 on battery, Nov 12"."""
    latest = from_us(learned.last_us).astimezone().date()
    return tr(
        "learned from {time} on battery, {date}",
        time=duration(60 * learned.minutes),
        date=day_and_month(latest),
    )


def learned_limits(learned: LearnedFigure) -> str:
    """What is in a learned figure, and what it cannot see."""
    texts = []
    if learned.at_mains:
        loss = percent(adapter_loss(learned.power_w))
        texts.append(tr("{share} of it is taken for the loss of the adapter.", share=loss))
    if learned.screens:
        texts.append(tr("A second screen or a dock is connected; what they draw themselves is not in it."))
    elif learned.at_mains:
        texts.append(tr("A dock or a screen with its own plug would not be in it."))
    return " ".join(texts)


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
