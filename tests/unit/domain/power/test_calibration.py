"""Two levels against a wall meter, and the estimate at the plug beside the measured sum."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.metering import part
from wattlight.domain.power import MachineTotal, compose
from wattlight.domain.values import Scope
from wattlight.domain.wall import (
    Inside,
    Wall,
    WallBasis,
    WallFit,
    WallModel,
    calibrated,
    inside,
    plausible_wall_w,
)

GPU = frozenset({"gpu"})


def level(mean_w: float, wobble_w: float = 0.0, parts: frozenset[str] = GPU) -> Inside:
    return Inside(mean_w, wobble_w, parts)


def measured(power_w: float | None, scope: Scope = Scope.BOARD, kind: str = "gpu") -> MachineTotal:
    return compose([part("gpu", power_w, kind, scope)])


def test_two_steady_levels_carry_a_line_as_sure_as_the_meter() -> None:
    fit = calibrated(level(40), 40 * 1.1 + 50, level(240), 240 * 1.1 + 50)
    assert fit is not None
    assert (fit.base_w, fit.factor) == (pytest.approx(50), pytest.approx(1.1))
    assert fit.error_w == pytest.approx(0.02 * (240 * 1.1 + 50))


def test_a_swinging_load_is_less_sure() -> None:
    fit = calibrated(level(40, 1), 94, level(240, 30), 314)
    assert fit is not None and fit.error_w == pytest.approx(((1.1 * 30) ** 2 + 6.28**2) ** 0.5)


@pytest.mark.parametrize(
    ("quiet", "quiet_w", "busy", "busy_w"),
    [
        (level(40), 94, level(240, parts=frozenset({"gpu", "cpu"})), 314),
        (level(40, 70), 94, level(240), 314),
        (level(40), 94, level(50), 105),
        (level(240), 314, level(40), 94),
        (level(40), 30, level(240), 314),
        (level(40), 314, level(240), 94),
        (level(40), float("nan"), level(240), 314),
        (level(40), 94, level(240), float("inf")),
        (level(40), 94, level(240), 31_400),
        (level(40), -94, level(240), 314),
        (level(40), 0, level(240), 314),
    ],
)
def test_nonsense_carries_none(quiet: Inside, quiet_w: float, busy: Inside, busy_w: float) -> None:
    assert calibrated(quiet, quiet_w, busy, busy_w) is None


@given(
    *[st.floats(allow_nan=True, allow_infinity=True)] * 2,
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.floats(0, 500),
)
def test_whatever_is_read_a_line_is_one_a_computer_can_have(
    quiet_w: float, busy_w: float, low: float, high: float, wobble: float
) -> None:
    fit = calibrated(level(low, wobble), quiet_w, level(high, wobble), busy_w)
    if fit is not None:
        assert 0.9 <= fit.factor <= 2 and fit.base_w >= 0 and fit.error_w > 0
        assert plausible_wall_w(quiet_w) and plausible_wall_w(busy_w)


def test_a_level_of_no_readings_is_none() -> None:
    assert inside([], GPU) is None
    assert inside([40.0, 44.0], ["gpu"]) == Inside(42.0, 2.0, GPU)


def test_the_estimate_stands_beside_the_sum_with_its_basis() -> None:
    wall = Wall(WallFit(50.0, 1.1, 6.0), GPU, date(2026, 11, 24), WallModel(35.0, "gold", 270.0))
    total = measured(100.0)
    found = wall.figure(total)
    assert found is not None
    assert (found.power_w, found.error_w, found.basis) == (pytest.approx(160), 6.0, WallBasis.CALIBRATED)
    assert total.measured_w == 100.0


def test_other_parts_fall_back_to_what_is_assumed_and_say_so() -> None:
    fit = WallFit(50.0, 1.1, 6.0)
    assert Wall(fit, frozenset({"gpu", "cpu"})).figure(measured(100.0)) is None
    found = Wall(fit, frozenset({"cpu"}), None, WallModel(35.0, "gold", 270.0)).figure(measured(100.0))
    assert found is not None and found.basis is WallBasis.ASSUMED
    assert found.power_w == pytest.approx(135 / 0.90)
    assert found.error_w == pytest.approx((10**2 + (0.3 * 35) ** 2 + (0.05 * 150) ** 2) ** 0.5)


def test_nothing_measured_or_nothing_known_says_nothing() -> None:
    assert Wall(assumed=WallModel(35.0)).figure(measured(None)) is None
    assert Wall().figure(measured(100.0)) is None


def test_a_whole_computer_needs_only_its_supply_and_a_battery_no_wall() -> None:
    wall = Wall(assumed=WallModel(35.0, "gold", 200.0))
    whole = wall.figure(measured(100.0, Scope.SYSTEM, "system"))
    assert whole is not None and whole.power_w == pytest.approx(100 / 0.90)
    assert wall.figure(measured(20.0, Scope.SYSTEM, "battery")) is None
