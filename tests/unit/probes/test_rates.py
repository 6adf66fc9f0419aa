"""Counters to watts: wraps, resets, stalls, gaps and jumps of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.probes.numbers import CounterRate, Moment, ShareRate


def rate(**options: float) -> CounterRate:
    return CounterRate(1e-6, **options)  # type: ignore[arg-type]


def test_the_first_reading_gives_nothing() -> None:
    counter = rate()
    assert counter.watts(5, Moment(0)) is None and counter.reason == "needs a second reading"
    assert counter.watts(45_000_005, Moment(1)) == 45.0 and counter.reason == ""


def test_a_wrap_within_the_range_is_added() -> None:
    counter = rate(range_counts=262143328850, steady_w=45.0)
    counter.watts(262143000000, Moment(0))
    assert counter.watts(44671150, Moment(1)) == pytest.approx(45.0)


def test_a_reset_without_a_range_starts_again() -> None:
    counter = rate()
    counter.watts(9_000_000, Moment(0))
    assert counter.watts(1, Moment(1)) is None and counter.reason == "the counter was reset"
    assert counter.watts(10_000_001, Moment(2)) == 10.0


def test_a_reset_with_a_range_is_not_taken_for_a_wrap() -> None:
    counter = rate(range_counts=262143328850, steady_w=45.0, ceiling_w=1000.0)
    counter.watts(100_000_000_000, Moment(0))
    assert counter.watts(5_000_000, Moment(1)) is None and counter.reason == "implausible reading"


def test_longer_than_a_wrap_is_dropped() -> None:
    counter = rate(range_counts=65_532_610_987, steady_w=106.0)
    counter.watts(0, Moment(0))
    assert counter.watts(1_000_000_000, Moment(619)) is None
    assert counter.reason == "too long since the last reading"
    assert counter.watts(2_000_000_000, Moment(719)) == 10.0


def test_a_counter_that_stands_still_is_unknown_not_zero() -> None:
    counter = rate()
    counter.watts(7, Moment(0))
    assert counter.watts(7, Moment(1)) is None and counter.reason == "the counter stands still"


def test_a_jump_of_time_starts_again() -> None:
    counter = rate()
    counter.watts(0, Moment(0, 0))
    assert counter.watts(10**9, Moment(1, 1)) is None
    assert counter.watts(10**9 + 10**7, Moment(2, 1)) == 10.0


def test_two_looks_at_once_keep_the_last_answer() -> None:
    counter = rate()
    counter.watts(0, Moment(0))
    assert counter.watts(10_000_000, Moment(1)) == 10.0
    assert counter.watts(10_000_001, Moment(1.01)) == 10.0
    assert counter.watts(30_000_000, Moment(2)) == 20.0
    assert counter.watts(40_000_000, Moment(1.5)) == 20.0, "a clock that goes back changes nothing"


def test_a_missing_reading_is_said_and_the_baseline_kept() -> None:
    counter = rate()
    counter.watts(0, Moment(0))
    assert counter.watts(None, Moment(1)) is None and counter.reason == "no reading"
    assert counter.watts(20_000_000, Moment(2)) == 10.0


def test_idle_time_to_load() -> None:
    share = ShareRate()
    assert share.busy_percent(848095, Moment(0)) is None
    assert share.busy_percent(848195, Moment(1)) == 90.0
    assert share.busy_percent(848195, Moment(2)) == 100.0
    assert share.busy_percent(849196, Moment(3)) == 0.0
    assert share.busy_percent(5, Moment(4)) is None, "the counter was reset"
    assert share.busy_percent(9000, Moment(5)) is None, "more idle time than time"
    assert share.busy_percent(None, Moment(6)) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 1 << 64) | st.none(), st.floats(-10, 1e6), st.integers(0, 1)), max_size=12
    ),
    st.none() | st.integers(1, 1 << 40),
)
def test_never_zero_never_negative_never_absurd(
    steps: list[tuple[int | None, float, int]], span: int | None
) -> None:
    counter = CounterRate(1e-6, span, ceiling_w=1000.0)
    now = 0.0
    for count, gap_s, epoch in steps:
        now += gap_s
        value = counter.watts(count, Moment(now, epoch))
        assert value is None or 0 < value <= 1000
