"""From the parts to the plug, and the ranges of what is only estimated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.power import estimated_range
from wattlight.domain.wall import WallModel, fit_wall, supply_efficiency


def test_a_calibration_finds_the_line() -> None:
    fit = fit_wall([(40.0, 40 * 1.12 + 35), (200.0, 200 * 1.12 + 35), (120.0, 120 * 1.12 + 35)])
    assert fit is not None
    assert fit.factor == pytest.approx(1.12) and fit.base_w == pytest.approx(35) and fit.error_w < 1e-9
    assert fit.wall_w(100) == pytest.approx(147)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(40.0, 80.0)],
        [(40.0, 80.0), (45.0, 86.0)],
        [(40.0, 80.0), (200.0, 100.0)],
        [(10.0, 5.0), (100.0, 195.0)],
    ],
)
def test_points_that_carry_no_line(points: list[tuple[float, float]]) -> None:
    assert fit_wall(points) is None


def test_supplies_at_their_stated_points() -> None:
    assert supply_efficiency("gold", 0.2) == 0.87 and supply_efficiency("gold", 0.5) == 0.90
    assert supply_efficiency("gold", 1.0) == supply_efficiency("gold", 3.0) == 0.87
    assert supply_efficiency("gold", 0.05) < 0.75
    with pytest.raises(KeyError):
        supply_efficiency("wood", 0.5)


def test_the_users_own_model() -> None:
    assert WallModel(30.0).wall_w(100.0) == 130.0
    assert WallModel(30.0, "gold", 260.0).wall_w(100.0) == pytest.approx(130 / 0.90)


def test_an_estimate_is_a_range_that_follows_the_load() -> None:
    idle, busy = estimated_range(200.0, 10.0, 0.0), estimated_range(200.0, 10.0, 100.0)
    assert idle == (6.0, 14.0) and busy == (120.0, 200.0)
    assert estimated_range(200.0, None, None) == (200 * 0.08 * 0.6, 200.0)
    assert estimated_range(None) is estimated_range(0.0) is None


@given(st.floats(1, 2000), st.none() | st.floats(0, 3000), st.none() | st.floats(-50, 200))
def test_a_range_is_ordered_positive_and_within_the_rating(
    rated: float, idle: float | None, load: float | None
) -> None:
    low, high = estimated_range(rated, idle, load) or (0.0, 0.0)
    assert 0 < low <= high <= rated
