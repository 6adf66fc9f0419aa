"""Calibration and assumptions as the settings keep them."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import date
from math import isfinite

from wattlight.domain.power import SUPPLY_CURVES, Wall, WallFit, WallModel
from wattlight.settings import Meter

_SEPARATOR = ","


def wall_of(meter: Meter) -> Wall:
    """What the settings say; whatever makes no sense counts as not set."""
    fit, parts, day = None, frozenset[str](), None
    if meter.wall_parts and _good(meter.wall_base_w, 0.0) and _good(meter.wall_factor, 0.5):
        error_w = meter.wall_error_w if _good(meter.wall_error_w, 0.0) else 0.0
        fit = WallFit(meter.wall_base_w or 0.0, meter.wall_factor or 1.0, error_w or 0.0)
        parts = frozenset(meter.wall_parts.split(_SEPARATOR))
        with suppress(ValueError):
            day = date.fromisoformat(meter.wall_date or "")
    return Wall(fit, parts, day, _assumed(meter))


def calibration_in(meter: Meter, fit: WallFit, parts: Collection[str], day: date) -> Meter:
    """The settings with a new calibration."""
    return replace(
        meter,
        wall_base_w=round(fit.base_w, 1),
        wall_factor=round(fit.factor, 3),
        wall_error_w=round(fit.error_w, 1),
        wall_parts=_SEPARATOR.join(sorted(parts)),
        wall_date=day.isoformat(),
    )


def forgotten_in(meter: Meter) -> Meter:
    """The settings without calibration and assumptions."""
    bare = Meter()
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


def assumed_in(meter: Meter, rest_w: float, supply: str | None, supply_rated_w: float | None) -> Meter:
    """The settings with what the person assumes of the remainder and the supply."""
    return replace(meter, assumed_rest_w=rest_w, supply=supply, supply_rated_w=supply_rated_w)


def _assumed(meter: Meter) -> WallModel | None:
    known = meter.supply in SUPPLY_CURVES and _good(meter.supply_rated_w, 1.0)
    if not _good(meter.assumed_rest_w, 0.0):
        return None
    return WallModel(
        meter.assumed_rest_w or 0.0, meter.supply if known else None, meter.supply_rated_w if known else None
    )


def _good(value: float | None, least: float) -> bool:
    return value is not None and isfinite(value) and least <= value <= 100_000
