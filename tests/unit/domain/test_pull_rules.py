"""Hours, speeds and states of downloads, as a person writes and reads them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.pulls import Hours, PullState, Waiting, next_span, opens_at, read_hours, read_rate

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("22:30-05:15", Hours(1350, 315)),
        ("1-6", Hours(60, 360)),
        (" 20 – 24:00 ", Hours(1200, 0)),
        ("9:05 to 17:00", Hours(545, 1020)),
        ("0-24", None),
        ("25-6", None),
        ("12:60-13", None),
        ("24:01-3", None),
        ("8:00-8:00", None),
        ("night", None),
        ("", None),
        ("٢-٣", None),
    ],
)
def test_hours_as_they_are_written(text: str, hours: Hours | None) -> None:
    assert read_hours(text) == hours
    if hours is not None:
        assert read_hours(hours.text()) == hours


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_hours_and_the_rest_of_the_day_are_the_whole_day(start: int, end: int, minute: int) -> None:
    if start != end:
        assert Hours(start, end).covers(minute) != Hours(end, start).covers(minute)


def test_when_they_begin_next() -> None:
    night = Hours(22 * 60, 5 * 60)
    evening = datetime(2026, 11, 24, 18, 30, tzinfo=VIENNA)
    assert opens_at(night, evening.astimezone(UTC), VIENNA) == datetime(2026, 11, 24, 22, tzinfo=VIENNA)
    for inside in (evening.replace(hour=22, minute=0), evening.replace(hour=4, minute=59)):
        assert opens_at(night, inside, VIENNA) is None
    noon = Hours(12 * 60, 13 * 60)
    assert opens_at(noon, evening, VIENNA) == datetime(2026, 11, 25, 12, tzinfo=VIENNA), "tomorrow"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_they_begin_within_a_day_and_cover_their_beginning(now: datetime) -> None:
    hours = Hours(2 * 60 + 30, 3 * 60)  # an hour that does not exist once a year
    begin = opens_at(hours, now, VIENNA)
    if begin is not None:
        assert timedelta(0) < begin - now <= timedelta(hours=25)
        assert opens_at(hours, begin, VIENNA) is None


def test_the_next_of_several_spans() -> None:
    at = [datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in range(10)]
    spans = [(at[1], at[3]), (at[6], at[8])]
    assert [next_span(spans, at[hour]) for hour in (0, 1, 2, 3, 7)] == [at[1], None, None, at[6], None]
    with pytest.raises(ValueError, match="no span"):
        next_span(spans, at[8])


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("3MB/s", 3_000_000),
        ("1,5 MB/s", 1_500_000),
        ("900k", 900_000),
        ("40 Mbit/s", 5_000_000),
        ("80Mb/s", 10_000_000),
        ("2MiB/s", 2_097_152),
        ("1G", 1_000_000_000),
        ("250000", 250_000),
        ("20 Mbps", 2_500_000),
        ("9kB/s", None),
        ("0", None),
        ("-3MB", None),
        ("fast", None),
        ("1e9", None),
        ("5TB/s", None),
        ("", None),
    ],
)
def test_speeds_as_they_are_written(text: str, rate: int | None) -> None:
    assert read_rate(text) == rate


def test_what_waits_is_under_way_but_does_not_move() -> None:
    assert PullState("a").moving
    for why in Waiting:
        if why:
            assert PullState("a", waiting=why).under_way
            assert not PullState("a", waiting=why).moving
    assert not PullState("a", error="Full.").under_way
