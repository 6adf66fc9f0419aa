"""The guided calibration, step by step, without a screen or a clock of its own."""

from collections.abc import Callable

from wattlight.domain.power import Inside, WallFit, calibrated, compose, inside, plausible_wall_w
from wattlight.domain.values import MachineSample, Problem
from wattlight.i18n import tr, watts

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
            if compose(self._sample().devices).measured_w is not None:
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
            total = compose(self._sample().devices)
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
                    "The two levels carry no line: they are too close or too unsteady, or the meter shows"
                    " less than is measured inside ({quiet} and {busy}).",
                    quiet=watts(quiet.mean_w),
                    busy=watts(busy.mean_w),
                ),
                tr("Use a heavier load, read the meter at the end of each minute, and repeat."),
            )
        return fit


def implausible() -> NoCalibration:
    """The refusal of a reading that no wall meter shows."""
    return NoCalibration(
        tr("That is no number of watts a wall meter shows."),
        tr("Run it again and type a figure like 84.5."),
    )


def _other_parts() -> NoCalibration:
    return NoCalibration(
        tr("Not the same parts were measured all the time."),
        tr("Wake the graphics card first and repeat."),
    )
