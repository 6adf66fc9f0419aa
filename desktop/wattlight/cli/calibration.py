"""``power --calibrate`` and its relatives: what the person says of the way to the wall plug."""

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path

from wattlight.domain.values import UNREADABLE, Problem, clean_text
from wattlight.domain.wall import SUPPLY_CURVES, plausible_wall_w
from wattlight.i18n import number, tr, watts
from wattlight.paths import read_text
from wattlight.probes import Prober
from wattlight.services.calibration import (
    MEASURE_S,
    SETTLE_S,
    NoCalibration,
    WallCalibration,
    assumed_in,
    calibration_in,
    forgotten_in,
    implausible,
)
from wattlight.settings import MeterSettings, save_settings

from .output import Call

MAX_FILE_BYTES = 100_000
TRIES = 3


class BadReadings(Problem):
    """The file of ``--calibrate-json`` cannot be used."""

    code = "bad_readings"


def add_wall_options(parser: ArgumentParser) -> None:
    """The options that change what is known of the wall plug; at most one of them at a time."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--calibrate", action="store_true", help="three minutes with a wall meter: find what no sensor sees"
    )
    group.add_argument(
        "--calibrate-json",
        metavar="FILE",
        help='the same, the meter\'s figures from {"wall_w": [quiet, load]}',
    )
    group.add_argument(
        "--assume", metavar="W", type=_rest, help="assume this many watts for all that is not measured"
    )
    group.add_argument("--forget-wall", action="store_true", help="forget calibration and assumption")
    parser.add_argument(
        "--supply",
        metavar="LABEL:WATTS",
        type=_supply,
        help=f"with --assume: the power supply, one of {', '.join(SUPPLY_CURVES)}, and its rated watts",
    )


def change_wall(args: Namespace, call: Call, prober: Prober) -> bool:
    """Do what one of the options asks for; False without any.

    Raises:
        Problem: it cannot be done; nothing was changed.
    """
    if args.supply and args.assume is None:
        raise Problem(
            tr("--supply works only together with --assume."),
            tr("Give both: --assume 35 --supply gold:650."),
            "wrong_use",
        )
    if args.forget_wall:
        _save(call, forgotten_in)
    elif args.assume is not None:
        label, rated_w = args.supply or (None, None)
        _save(call, lambda meter: assumed_in(meter, args.assume, label, rated_w))
    elif args.calibrate_json:
        given = iter(_file_readings(Path(args.calibrate_json)))
        _calibrate(call, prober, lambda: next(given))
    elif args.calibrate:
        if call.as_json or not sys.stdin.isatty():
            raise NoCalibration(
                tr("A calibration needs the readings of a wall meter."),
                tr("Run it in a terminal, without --json."),
            )
        _calibrate(call, prober, lambda: _typed(call))
    else:
        return False
    return True


def _calibrate(call: Call, prober: Prober, reading: Callable[[], float]) -> None:
    guide = WallCalibration(prober.sample, time.sleep)
    guide.prepare()
    _tell(call, tr("Plug the computer (without the screen, if it has its own plug) into a wall meter."))
    whole = SETTLE_S + MEASURE_S
    _tell(call, tr("First idle: close running programs, then leave the computer alone for {s} s.", s=whole))
    quiet = guide.level()
    _tell(call, tr("Measured inside: {power}.", power=watts(quiet.mean_w)))
    quiet_wall_w = reading()
    _tell(call, tr("Now under load: let a model write a long answer for {s} s.", s=whole))
    busy = guide.level()
    _tell(call, tr("Measured inside: {power}.", power=watts(busy.mean_w)))
    fit = guide.finish(quiet, quiet_wall_w, busy, reading())
    day = call.workshop.now().date()
    _save(call, lambda meter: calibration_in(meter, fit, quiet.parts, day))
    _tell(
        call,
        tr(
            "At the wall: {base} and {factor} times what is measured, ±{error}. Saved.",
            base=watts(fit.base_w),
            factor=number(fit.factor, 2),
            error=watts(fit.error_w),
        ),
    )


def _tell(call: Call, text: str) -> None:
    """With ``--json`` only the document is printed."""
    if not call.as_json:
        call.out.line(text)


def _save(call: Call, change: Callable[[MeterSettings], MeterSettings]) -> None:
    settings = call.workshop.settings()
    save_settings(call.workshop.places.settings_file, replace(settings, meter=change(settings.meter)))


def _typed(call: Call) -> float:
    for _ in range(TRIES):
        call.out.line(tr("What does the wall meter show, in watts?"))
        text = sys.stdin.readline().strip().upper().removesuffix("W").strip().replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            continue
        if plausible_wall_w(value):
            return value
    raise implausible()


def _file_readings(file: Path) -> tuple[float, float]:
    name = clean_text(file.name, 80)
    text = read_text(file, MAX_FILE_BYTES, BadReadings)
    try:
        quiet, busy = json.loads(text)["wall_w"]
        values = (quiet, busy)
    except UNREADABLE as error:
        raise _bad(name) from error
    if not all(type(value) in {int, float} and plausible_wall_w(value) for value in values):
        raise _bad(name)
    return float(quiet), float(busy)


def _bad(name: str) -> BadReadings:
    return BadReadings(
        tr("The file {name} does not hold two readings of a wall meter.", name=name),
        tr("Write {example} into it: quiet, then under load.", example='{"wall_w": [84.5, 310]}'),
    )


def _rest(text: str) -> float:
    value = _watts(text)
    if not 0 <= value <= 2000:
        raise ArgumentTypeError(tr("'{typed}' is not a number of watts from 0 to 2000", typed=text))
    return value


def _supply(text: str) -> tuple[str, float]:
    label, _, rated = text.lower().partition(":")
    if label not in SUPPLY_CURVES or not 50 <= _watts(rated) <= 5000:
        raise ArgumentTypeError(
            tr(
                "'{typed}' is not one of {labels} and watts: gold:650",
                typed=text,
                labels=", ".join(SUPPLY_CURVES),
            )
        )
    return label, _watts(rated)


def _watts(text: str) -> float:
    try:
        value = float(text.strip().lower().removesuffix("w").replace(",", "."))
    except ValueError:
        return -1.0
    return value if isfinite(value) else -1.0
