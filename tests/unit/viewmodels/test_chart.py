"""The power chart: stacked, gaps named, nothing joined over them."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import made_up_day
from wattlight.domain.state import HistoryPoint, HostState
from wattlight.i18n import activate
from wattlight.viewmodels.chart import PowerChartView, power_chart


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def chart(*points: tuple[int, float | None, float | None, str | None]) -> PowerChartView:
    """Points of (seconds ago, CPU watts, GPU watts, reason of a gap)."""
    history = tuple(
        HistoryPoint(
            made_up_day.NOW - timedelta(seconds=ago),
            ((made_up_day.CPU, cpu), (made_up_day.GPU, gpu)),
            reason,
        )
        for ago, cpu, gpu, reason in points
    )
    host: HostState = replace(made_up_day.evening().host, history=history)
    return power_chart(host, made_up_day.NOW)


def test_layers_are_stacked_processor_first() -> None:
    view = chart((3, 10.0, 90.0, None), (0, 20.0, 80.0, None))
    assert [s.role for s in view.series] == ["cpu", "gpu"]
    (run,) = view.runs
    assert run.xs == (1 - 3 / 600, 1.0)
    cpu, gpu = run.layers
    assert cpu.bottoms == (0.0, 0.0)
    assert gpu.bottoms == cpu.tops
    assert gpu.tops[0] == pytest.approx(gpu.tops[1])


def test_a_gap_is_named_and_not_joined() -> None:
    view = chart((60, 10, 90, None), (57, 10, 90, None), (54, None, None, "asleep"), (20, 10, 90, None))
    assert len(view.runs) == 2
    (gap,) = view.gaps
    assert gap.label == "asleep"
    assert gap.start == pytest.approx(1 - 57 / 600)
    assert gap.end == pytest.approx(1 - 20 / 600)


def test_missing_points_are_a_gap_too() -> None:
    view = chart((100, 10, 90, None), (10, 10, 90, None))
    assert [gap.label for gap in view.gaps] == ["no reading"]


def test_one_silent_device_is_named_and_not_drawn_as_zero() -> None:
    view = chart((30, 10, 90, None), (27, 10, None, None), (9, 10, None, None), (6, 10, 90, None))
    assert [gap.label for gap in view.gaps if "4090" in gap.label] == ["RTX 4090: no reading"]
    assert [len(run.layers) for run in view.runs] == [2, 1, 1, 2]


def test_no_sensor_says_so() -> None:
    host = replace(made_up_day.evening().host, history=(), sample=None)
    assert power_chart(host, made_up_day.NOW).empty_text.startswith("The chart begins")


def test_ticks_reach_over_the_highest_value() -> None:
    view = chart((3, 15.0, 350.0, None), (0, 15.0, 350.0, None))
    assert [text for _, text in view.y_ticks] == ["0 W", "100 W", "200 W", "300 W", "400 W"]
    assert view.x_ticks[0] == (0.0, "10 min ago")


def test_spoken_description_has_lowest_and_highest() -> None:
    view = chart((3, 15.0, 350.0, None), (0, 15.0, 37.0, None))
    assert "lowest 52 W, highest 365 W" in view.description


@given(
    st.lists(
        st.tuples(
            st.integers(0, 700),
            st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
            st.one_of(st.none(), st.floats(0, 1e5)),
        ),
        max_size=40,
    )
)
def test_whatever_was_read_everything_stays_on_the_chart(
    points: list[tuple[int, float | None, float | None]],
) -> None:
    usable = [
        (ago, cpu if cpu is None or cpu >= 0 or math.isnan(cpu) else -cpu, gpu, None)
        for ago, cpu, gpu in points
    ]
    view = chart(*usable)
    for run in view.runs:
        assert all(0.0 <= x <= 1.0 for x in run.xs)
        for layer in run.layers:
            assert all(math.isfinite(top) for top in layer.tops)
            assert all(-1e-9 <= low <= top <= 1.0 for low, top in zip(layer.bottoms, layer.tops, strict=True))
    for gap in view.gaps:
        assert 0.0 <= gap.start < gap.end <= 1.0
