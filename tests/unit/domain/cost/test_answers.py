"""Projection of the month and what a shorter keep-alive would save."""

from datetime import date, timedelta

import pytest

from wattlight.domain.answers import keep_alive_saving
from wattlight.domain.cost import Bucket, DayAmount, project_month
from wattlight.domain.energy import MINUTE_US, QUARTER_US, State
from wattlight.domain.values import Quality

TODAY = date(2026, 3, 18)  # a Wednesday; 13 days follow, 4 of them on weekends


def days(*amounts: int, until: date = TODAY) -> list[DayAmount]:
    return [DayAmount(until - timedelta(days=i), amount) for i, amount in enumerate(reversed(amounts))]


def test_before_three_whole_days_there_is_no_answer() -> None:
    assert project_month([], TODAY) is None
    assert project_month(days(5, 5, 5), TODAY) is None  # today is not a whole day
    assert project_month(days(5, 5, 5, 1), TODAY) is not None


def test_equal_days_make_an_equal_month() -> None:
    found = project_month(days(*[100] * 17, 40), TODAY)
    assert found is not None
    assert (found.low, found.mid, found.high) == (3100, 3100, 3100)


def test_one_wild_day_does_not_move_the_middle_and_today_counts_if_it_is_more() -> None:
    calm = project_month(days(*[100] * 17, 40), TODAY)
    wild = project_month(days(*[100] * 12, 9000, *[100] * 4, 150), TODAY)
    assert calm is not None
    assert wild is not None
    assert wild.mid == calm.mid + (9000 - 100) + 50


def test_weekends_have_their_own_kind_of_day() -> None:
    amounts = [DayAmount(TODAY - timedelta(days=i), 0) for i in range(1, 18)]
    amounts = [DayAmount(d.day, 1000 if d.day.weekday() >= 5 else 10) for d in amounts]
    found = project_month(amounts, TODAY)
    assert found is not None
    booked = sum(d.amount for d in amounts)
    assert found.mid == booked + 10 * 10 + 4 * 1000  # ten weekdays with today, two weekends


def test_the_range_follows_the_spread_of_the_days() -> None:
    found = project_month(days(0, 100, 200, 300, 400, 500, 0), TODAY)
    assert found is not None
    assert found.low < found.mid < found.high


def test_earlier_months_teach_but_are_not_booked() -> None:
    found = project_month(days(*[100] * 10, 0, until=date(2026, 3, 1)), date(2026, 3, 1))
    assert found is not None
    assert found.mid == 31 * 100


def bucket(
    minute: int, state: State, mj: int = 1000, model: str | None = "m", length: int = MINUTE_US
) -> Bucket:
    return Bucket(minute * MINUTE_US, length, "gpu", model, state, mj, 60_000, Quality.COUNTER)


def test_only_what_lies_beyond_the_keep_alive_is_saved() -> None:
    rows = [bucket(m, State.PARKED) for m in range(60)]
    saved = keep_alive_saving(rows, 300)
    assert (saved.parked_mj, saved.saved_mj, saved.longest_idle_s) == (60_000, 55_000, 3600)


def test_work_in_between_starts_the_time_anew() -> None:
    rows = [bucket(m, State.PARKED) for m in range(20)]
    rows.insert(11, bucket(10, State.ACTIVE))
    assert keep_alive_saving(rows, 300).saved_mj == (10 - 5) * 1000 + (9 - 5) * 1000


def test_a_pause_starts_the_time_anew_and_models_are_apart() -> None:
    rows = [bucket(m, State.PARKED) for m in (*range(6), *range(100, 106))]
    rows += [bucket(m, State.PARKED, model="other") for m in range(6, 10)]
    assert keep_alive_saving(rows, 300).saved_mj == 2000


@pytest.mark.parametrize(
    "rows", [[], [bucket(0, State.BASE, model=None)], [bucket(0, State.PARKED, length=QUARTER_US)]]
)
def test_nothing_idle_saves_nothing(rows: list[Bucket]) -> None:
    assert keep_alive_saving(rows, 300).saved_mj == 0
