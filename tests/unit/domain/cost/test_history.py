"""Slots of a chart and the hours of a week: days of 23, 24.5 and 25 hours, gaps, counters that bridge."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from wattlight.domain.cost import (
    HOUR_US,
    Drawn,
    History,
    HistorySlot,
    HistorySpan,
    history_slots,
    slot_edges,
    week_hours,
)
from wattlight.domain.energy import MINUTE_US, GapRow, State
from wattlight.domain.tariff import day_start_us
from wattlight.domain.values import LOCAL_HOST, Quality, to_us

QUARTER = 15 * MINUTE_US


def at(text: str, zone: str = "UTC") -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T23:30", 23),
        ("Europe/Berlin", "2026-10-25T23:30", 25),
        ("America/New_York", "2026-11-01T23:30", 25),
        ("Australia/Lord_Howe", "2026-04-05T23:50", 24.5),
        ("Asia/Kolkata", "2026-06-01T23:30", 24),
    ],
)
def test_a_day_of_the_year_is_as_long_as_its_clocks_say(zone: str, now: str, hours: float) -> None:
    edges = slot_edges(HistorySpan.YEAR, at(now, zone), ZoneInfo(zone))
    assert len(edges) == 366
    assert edges[-1] - edges[-2] == hours * HOUR_US
    month = slot_edges(HistorySpan.MONTH, at(now, zone), ZoneInfo(zone))
    today = [edge for edge in month if edge >= edges[-2]]
    assert len(today) - 1 == -(-hours // 1)  # the last hour of Lord Howe's day is half an hour
    assert month[-1] == edges[-1]
    for day, after in pairwise(edges[-30:]):
        assert day in month
        assert after in month


def test_the_last_24_hours_end_with_the_slot_that_is_begun() -> None:
    edges = slot_edges(HistorySpan.DAY, at("2026-03-29T12:02"), ZoneInfo("Europe/Berlin"))
    assert edges[-1] == at("2026-03-29T12:05")
    assert edges[-1] - edges[0] == 24 * HOUR_US
    assert len(edges) == 289


def test_a_week_begins_at_midnight_and_ends_now() -> None:
    zone = ZoneInfo("Asia/Kathmandu")  # 45 minutes beside the hour
    now = at("2026-06-10T10:20", "Asia/Kathmandu")
    edges = slot_edges(HistorySpan.WEEK, now, zone)
    assert edges[0] == day_start_us(datetime(2026, 6, 4, tzinfo=UTC).date(), zone)
    assert edges[-1] - now == 10 * MINUTE_US
    assert {right - left for left, right in pairwise(edges)} == {QUARTER}


def piece(start: int, mj: int, state: State = State.BASE, quality: Quality = Quality.SAMPLED) -> Drawn:
    return Drawn(start * QUARTER, state, quality, mj)


def gap(start_us: int, end_us: int, reason: str, device: str = "gpu") -> GapRow:
    return GapRow(LOCAL_HOST, device, start_us, end_us, reason)


EDGES = tuple(i * QUARTER for i in range(5))


def test_the_mean_is_over_what_was_observed_and_never_over_a_gap() -> None:
    drawn = [piece(0, 90_000), piece(1, 30_000), piece(1, 15_000, State.ACTIVE)]
    gaps = [gap(QUARTER + 5 * MINUTE_US, 2 * QUARTER, "asleep"), gap(2 * QUARTER, 3 * QUARTER, "paused")]
    slots = history_slots(EDGES, drawn, {0: 900_000, QUARTER: 300_000}, gaps)
    assert [slot.covered_us for slot in slots] == [QUARTER, 5 * MINUTE_US, 0, 0]
    assert [slot.watts(slot.energy_mj) for slot in slots] == [0.1, 0.15, 0.0, 0.0]
    assert [slot.reason for slot in slots] == ["", "", "paused", ""]


def test_a_counter_bridges_what_nobody_looked_at_but_not_sleep() -> None:
    """The tray was not running for most of the slot; the counter told its energy all the same."""
    drawn = [piece(0, 90_000, quality=Quality.COUNTER), piece(1, 30_000, quality=Quality.COUNTER)]
    asleep = gap(QUARTER + 5 * MINUTE_US, 2 * QUARTER, "asleep")
    slots = history_slots(EDGES, drawn, {0: 60_000, QUARTER: 60_000}, [asleep])
    assert [slot.covered_us for slot in slots[:2]] == [QUARTER, 5 * MINUTE_US]


def test_before_the_first_record_and_after_now_nothing_is_bridged() -> None:
    drawn = [piece(0, 5_000, quality=Quality.COUNTER), piece(1, 5_000, quality=Quality.COUNTER)]
    known = 10 * MINUTE_US, QUARTER + 5 * MINUTE_US
    slots = history_slots(EDGES[:3], drawn, {0: 290_000, QUARTER: 290_000}, (), known)
    assert [slot.covered_us for slot in slots] == [5 * MINUTE_US, 5 * MINUTE_US]


def test_gaps_of_two_parts_count_once() -> None:
    drawn = [piece(0, 90_000, quality=Quality.COUNTER)]
    gaps = [gap(0, 6 * MINUTE_US, "asleep"), gap(0, 6 * MINUTE_US, "asleep", "cpu")]
    (slot, *_) = history_slots(EDGES, drawn, {0: 9 * 60_000}, gaps)
    assert slot.covered_us == 9 * MINUTE_US


def test_an_estimate_stays_apart_from_what_was_measured() -> None:
    drawn = [piece(0, 90), piece(0, 40, quality=Quality.ESTIMATED), piece(0, 2)]
    (slot, *_) = history_slots(EDGES, drawn, {0: 900_000})
    assert slot.energy == {
        (State.BASE, Quality.SAMPLED): 92,
        (State.BASE, Quality.ESTIMATED): 40,
    }


def hours_of(zone: str, *starts: str) -> dict[tuple[int, int], int]:
    made = [
        HistorySlot(us, us + HOUR_US, {(State.ACTIVE, Quality.SAMPLED): 360_000}, HOUR_US)
        for us in (at(text) for text in starts)
    ]
    hours = week_hours(made, ZoneInfo(zone))
    assert len(hours) == 168
    return {(h.day, h.hour): h.covered_us for h in hours if h.watts is not None}


def test_the_hour_that_comes_twice_counts_with_both() -> None:
    twice = hours_of("Europe/Berlin", "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00")
    assert twice == {(6, 2): 2 * HOUR_US, (6, 3): HOUR_US}


def test_the_hour_that_is_skipped_stays_empty() -> None:
    skipped = hours_of("Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00")
    assert skipped == {(6, 1): HOUR_US, (6, 3): HOUR_US}


def test_an_hour_seen_for_some_minutes_is_left_empty() -> None:
    short = HistorySlot(0, QUARTER, {(State.BASE, Quality.COUNTER): 9}, 20 * MINUTE_US)
    assert all(hour.watts is None for hour in week_hours([short], ZoneInfo("UTC")))


def test_models_are_told_apart_from_the_whole() -> None:
    energy = {(State.BASE, Quality.COUNTER): 3_600_000, (State.PARKED, Quality.COUNTER): 1_800_000}
    hours = week_hours([HistorySlot(0, HOUR_US, energy, HOUR_US)], ZoneInfo("UTC"))
    thursday = hours[3 * 24]
    assert (thursday.watts, thursday.models_watts) == (1.5, 0.5)
    assert History(HistorySpan.DAY, UTC).slots == ()
