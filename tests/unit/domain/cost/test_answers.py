"""Projection of the month and what a shorter keep-alive would save."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from wattlight.domain.cost import Bucket, DayAmount, project_month
from wattlight.domain.energy import MINUTE_US, QUARTER_US, LevelRow, State
from wattlight.domain.keep_alive import (
    IdleAdvice,
    IdleModel,
    KeepAliveSaving,
    idle_advice,
    idle_draws,
    keep_alive_saving,
)
from wattlight.domain.values import LOCAL_HOST, Quality

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


WH = 3_600_000


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


def test_a_model_that_is_asked_again_would_have_been_loaded_again() -> None:
    """Twice after more than five minutes, once sooner; the last stretch ends with nobody asking."""
    rows = [bucket(m, State.PARKED, model="a") for m in range(60) if m not in {8, 30}]
    rows += [bucket(m, State.ACTIVE, model="a") for m in (8, 30, 33)]
    rows += [bucket(m, State.PARKED, 200, model="b") for m in range(4)]
    first, second = keep_alive_saving(sorted(rows, key=lambda row: row.start_us), 300).models
    assert (first.model, first.loads, first.idle_s) == ("a", 2, 57 * 60)
    assert first.saved_mj == (8 - 5 + 21 - 5 + 26 - 5) * 1000
    assert (second.model, second.parked_mj, second.saved_mj, second.loads) == ("b", 800, 0, 0)


def test_advice_is_of_a_month_and_only_where_something_is_saved() -> None:
    models = (IdleModel("a", 600 * WH, 400 * WH, 36_000, 3), IdleModel("b", 100, 0, 60, 0))
    seen = KeepAliveSaving(600 * WH, 400 * WH, 3600, 6.0875, models)
    (advice,) = idle_advice(seen, Decimal("0.40"))
    assert advice == IdleAdvice("a", 3000 * WH, 1_200_000, 2000 * WH, 800_000, 180_000, 15)
    assert idle_advice(seen, None)[0].saved_micro is None
    assert idle_advice(replace(seen, days=2.9), None) == ()


def test_what_a_loaded_model_lifts_is_told_by_learned_levels() -> None:
    def level(device: str, watts: float, *models: str) -> LevelRow:
        return LevelRow(LOCAL_HOST, device, models, round(watts * 1e6), 0, 300)

    levels = (
        level("gpu", 16), level("gpu", 38, "m"), level("gpu", 45, "m", "n"), level("cpu", 12),
        level("cpu", 13.5, "m"), level("other", 80, "m"),
    )  # fmt: skip
    draws = idle_draws(levels)
    assert [(d.device, d.models, d.more_w, d.whole_w) for d in draws] == [
        ("gpu", ("m", "n"), 29.0, 45.0),
        ("gpu", ("m",), 22.0, 38.0),
    ]


@pytest.mark.parametrize(
    "rows", [[], [bucket(0, State.BASE, model=None)], [bucket(0, State.PARKED, length=QUARTER_US)]]
)
def test_nothing_idle_saves_nothing(rows: list[Bucket]) -> None:
    assert keep_alive_saving(rows, 300).saved_mj == 0
