"""Prices of moments and spans, on ordinary days and on those when clocks change."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattlight.domain.tariff import (
    PriceLookup,
    Tariff,
    cost_micro,
    day_key,
    hour_key,
    parse_series,
    parse_tariff,
    standing_micro,
)
from wattlight.domain.values import from_us, to_us

NIGHT = {"days": ["sat", "sun"], "start": "22:00", "end": "06:00", "price_per_kwh": "0.28"}


def tariff(zone: str = "Europe/Berlin", *bands: dict[str, Any], **period: Any) -> Tariff:
    return parse_tariff(
        {
            "schema": 1,
            "currency": "EUR",
            "timezone": zone,
            "periods": [{"from": "2026-01-01", "price_per_kwh": "0.39", "bands": list(bands), **period}],
        }
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "price"),
    [
        ("2026-01-10T21:59:59+01:00", "0.39"),  # Saturday
        ("2026-01-10T22:00:00+01:00", "0.28"),
        ("2026-01-11T05:59:59+01:00", "0.28"),  # belongs to Saturday
        ("2026-01-11T06:00:00+01:00", "0.39"),
        ("2026-01-12T05:59:00+01:00", "0.28"),  # Monday morning belongs to Sunday
        ("2026-01-12T22:30:00+01:00", "0.39"),  # Monday
        ("2026-01-10T03:00:00+01:00", "0.39"),  # Saturday morning would belong to Friday
    ],
)
def test_a_band_across_midnight_belongs_to_the_day_it_starts(local: str, price: str) -> None:
    assert tariff("Europe/Berlin", NIGHT).price_at(at(local)) == Decimal(price)


def test_pieces_cut_at_every_change_and_cover_the_span() -> None:
    pieces = tariff("Europe/Berlin", NIGHT).pieces(at("2026-01-10T20:00+01:00"), at("2026-01-12T12:00+01:00"))
    assert [(p.start.isoformat(), p.end.isoformat(), str(p.price_per_kwh)) for p in pieces] == [
        ("2026-01-10T19:00:00+00:00", "2026-01-10T21:00:00+00:00", "0.39"),
        ("2026-01-10T21:00:00+00:00", "2026-01-11T05:00:00+00:00", "0.28"),
        ("2026-01-11T05:00:00+00:00", "2026-01-11T21:00:00+00:00", "0.39"),
        ("2026-01-11T21:00:00+00:00", "2026-01-12T05:00:00+00:00", "0.28"),
        ("2026-01-12T05:00:00+00:00", "2026-01-12T11:00:00+00:00", "0.39"),
    ]


def test_no_span_has_no_pieces() -> None:
    moment = at("2026-01-10T20:00+01:00")
    assert tariff().pieces(moment, moment) == ()


SPRING_BAND = {"start": "02:00", "end": "03:00", "price_per_kwh": "0.10"}


def hours(pieces: tuple[Any, ...], price: str) -> float:
    return sum((p.end_us - p.start_us) / 3.6e9 for p in pieces if p.price_per_kwh == Decimal(price))


@pytest.mark.parametrize(
    ("zone", "day", "length_h", "band_h"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23, 0),
        ("Europe/Berlin", date(2026, 10, 25), 25, 2),
        ("Europe/Berlin", date(2026, 6, 1), 24, 1),
        ("America/New_York", date(2026, 3, 8), 23, 0),
        ("America/New_York", date(2026, 11, 1), 25, 1),  # 01:00 is the hour that comes twice
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5, 0.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5, 1),
        ("Asia/Kolkata", date(2026, 3, 29), 24, 1),
        ("America/Santiago", date(2026, 9, 6), 23, 1),  # midnight itself is skipped
        ("Africa/Cairo", date(2026, 10, 29), 25, 1),  # the last hour of the day comes twice
    ],
)
def test_days_have_the_hours_their_clocks_show(zone: str, day: date, length_h: float, band_h: float) -> None:
    some = tariff(zone, SPRING_BAND)
    start, end = some.day_bounds_us(day)
    pieces = tuple(some.touching(day, start, end))
    assert (end - start) / 3.6e9 == length_h
    assert pieces[0].start_us == start
    assert pieces[-1].end_us == end
    assert all(a.end_us == b.start_us for a, b in pairwise(pieces))
    assert hours(pieces, "0.10") == band_h


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]
)
def test_pieces_agree_with_the_price_of_every_minute(zone: str) -> None:
    bands = [SPRING_BAND, NIGHT, {"days": ["mon"], "start": "01:30", "end": "23:10", "price_per_kwh": "0.5"}]
    some = tariff(zone, *bands)
    place = ZoneInfo(zone)
    for day in (
        date(2026, 3, 28),
        date(2026, 4, 4),
        date(2026, 10, 3),
        date(2026, 10, 24),
        date(2026, 10, 31),
    ):
        start = datetime.combine(day, datetime.min.time(), UTC)
        pieces = some.pieces(start, start + timedelta(days=3))
        for minute in range(0, 3 * 1440, 5):
            moment = start + timedelta(minutes=minute)
            wall = moment.astimezone(place)
            price = simple_price(wall, bands)
            piece = next(p for p in pieces if p.start <= moment < p.end)
            assert piece.price_per_kwh == Decimal(price), (moment, wall)


def simple_price(wall: datetime, bands: list[dict[str, Any]]) -> str:
    """The rule in its plainest form: look at the wall clock."""
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    clock = f"{wall:%H:%M}"
    today, yesterday = names[wall.weekday()], names[wall.weekday() - 1]
    for band in bands:
        days = band.get("days", names)
        if band["start"] < band["end"]:
            if today in days and band["start"] <= clock < band["end"]:
                return str(band["price_per_kwh"])
        elif (today in days and clock >= band["start"]) or (yesterday in days and clock < band["end"]):
            return str(band["price_per_kwh"])
    return "0.39"


def test_the_work_of_a_long_span_is_that_of_the_days_asked_for() -> None:
    bands = [
        {"start": f"{m // 60:02d}:{m % 60:02d}", "end": "24:00", "price_per_kwh": f"0.{m + 1}"}
        for m in range(0, 1400, 7)
    ]
    periods: list[dict[str, Any]] = [
        {"from": f"{1970 + n // 12}-{1 + n % 12:02d}-01", "price_per_kwh": "0.3", "standing_per_month": 3}
        for n in range(900)
    ]
    periods[-1]["bands"] = bands
    some = parse_tariff({"currency": "EUR", "timezone": "Europe/Berlin", "periods": periods})
    began = time.process_time()
    start_us, end_us = 0, to_us(at("2199-12-31T00:00Z"))
    lookup = PriceLookup(some, start_us, end_us)
    for at_us in range(start_us, end_us, 53 * 3_600_000_000):
        ((piece, energy_mj),) = lookup.split(7, at_us, at_us + 60_000_000)
        assert energy_mj == 7
        if at_us % 97 == 0:
            assert piece.price_per_kwh == some._price(at_us)[0]
    assert standing_micro(some, date(1970, 1, 1), date(2199, 12, 30)) is not None
    assert time.process_time() - began < 8  # a piece for each change of price in those years took minutes
    assert len(some._days) <= 1000 and len(some._shapes) <= 1000


@pytest.mark.parametrize("gap_days", [1, 40_000])
def test_a_hole_of_any_length_is_looked_at_for_a_week(gap_days: int) -> None:
    begin, end = at("1970-01-01T00:00Z"), at("1970-01-01T00:00Z") + timedelta(days=gap_days)
    text = "start_utc,end_utc,price_per_kwh\n" + "".join(
        f"{moment:%Y-%m-%dT%H:%M:%SZ},{moment + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ},0.3\n"
        for moment in (begin, end)
    )
    for bands, covered in (([NIGHT], False), ([{"price_per_kwh": "0.2"}], True), ([], False)):
        document = {"currency": "EUR", "timezone": "Europe/Berlin",
                    "periods": [{"series": {"file": "x"}, "bands": bands}]}  # fmt: skip
        some = parse_tariff(document, lambda _: text)
        assert [(right - left, fine) for left, right, fine in some.holes()] == [
            ((gap_days * 24 - 1) * 3_600_000_000, covered)
        ]
        assert len(some._days) <= 12


@given(
    start=st.integers(to_us(at("2026-01-01T00:00Z")), to_us(at("2027-01-01T00:00Z"))),
    length=st.integers(1, 40 * 86_400_000_000),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
@settings(max_examples=60, deadline=None)
def test_pieces_are_a_partition(start: int, length: int, zone: str) -> None:
    pieces = tariff(zone, NIGHT, SPRING_BAND).pieces(from_us(start), from_us(start + length))
    assert pieces[0].start_us == start
    assert pieces[-1].end_us == start + length
    for a, b in pairwise(pieces):
        assert a.end_us == b.start_us
        assert a.price_per_kwh != b.price_per_kwh


def test_keys_of_hours_keep_the_two_hours_of_autumn_apart() -> None:
    berlin, howe, kolkata = tariff(), tariff("Australia/Lord_Howe"), tariff("Asia/Kolkata")
    assert hour_key(to_us(at("2026-10-25T00:30Z")), berlin.zone) == "2026-10-25T02:00:00+02:00"
    assert hour_key(to_us(at("2026-10-25T01:30Z")), berlin.zone) == "2026-10-25T02:00:00+01:00"
    assert hour_key(to_us(at("2026-04-04T14:45Z")), howe.zone) == "2026-04-05T01:00:00+11:00"
    assert hour_key(to_us(at("2026-04-04T15:15Z")), howe.zone) == "2026-04-05T01:00:00+10:30"
    assert hour_key(to_us(at("2026-01-01T00:15Z")), kolkata.zone) == "2026-01-01T05:00:00+05:30"
    assert day_key(to_us(at("2026-01-01T18:29Z")), kolkata.zone) == "2026-01-01"
    assert day_key(to_us(at("2026-01-01T18:30Z")), kolkata.zone) == "2026-01-02"


def test_outside_all_periods_there_is_no_price() -> None:
    pieces = tariff().pieces(at("2025-12-31T12:00Z"), at("2026-01-01T12:00Z"))
    assert [(p.end_us - p.start_us) // 3_600_000_000 for p in pieces] == [11, 13]
    assert [p.price_per_kwh for p in pieces] == [None, Decimal("0.39")]


SERIES = """start_utc,price_per_kwh
2026-03-01T00:00:00Z,0.10
2026-03-01T00:15:00Z,-0.05
2026-03-01T00:30:00Z,
2026-03-01T01:00:00Z,0.30
"""


def dynamic(**period: Any) -> Tariff:
    return parse_tariff(
        {
            "currency": "GBP",
            "timezone": "Europe/London",
            "periods": [{"series": {"file": "x.csv", "factor": "2", "add": "0.01"}, **period}],
        },
        {"x.csv": SERIES}.__getitem__,
    )


def test_a_price_series_with_negative_and_missing_slots() -> None:
    pieces = dynamic(price_per_kwh="0.25").pieces(at("2026-03-01T00:00Z"), at("2026-03-01T01:30Z"))
    assert [(f"{p.start:%H:%M}", str(p.price_per_kwh), p.fallback) for p in pieces] == [
        ("00:00", "0.21", False),
        ("00:15", "-0.09", False),
        ("00:30", "0.25", True),  # left empty, and not given at all
        ("01:00", "0.61", False),
        ("01:15", "0.25", True),
    ]


def test_without_a_fallback_a_missing_slot_has_no_price() -> None:
    pieces = dynamic().pieces(at("2026-03-01T00:15Z"), at("2026-03-01T01:00Z"))
    assert [p.price_per_kwh for p in pieces] == [Decimal("-0.09"), None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("start,price\n", "no column 'start_utc'"),
        ("start_utc,price_per_kwh\n2026-03-01T00:00Z,0.1\n", "fewer than two"),
        (SERIES + "2026-03-01T01:15:00Z,0,3\n", "line 6"),
        (SERIES + "yesterday,0.3\n", "line 6: 'yesterday' is not a time"),
        (SERIES + "2026-03-01T01:00:00Z,0.3\n", "line 6: this slot is given twice"),
        (SERIES + "2026-03-01T01:15:00Z,cheap\n", "line 6: the price 'cheap' is not a number"),
    ],
)
def test_a_bad_series_names_its_line(text: str, sentence: str) -> None:
    from wattlight.domain.tariff import TariffProblem

    if "0,3" in text:
        text = text.replace("0,3", '"0,3"')
    with pytest.raises(TariffProblem) as caught:
        parse_series(text)
    assert sentence in caught.value.message


def test_money_is_exact_and_rounded_half_to_even_once() -> None:
    assert cost_micro({Decimal("0.39"): 3_600_000_000}) == 390_000
    assert cost_micro({Decimal("0.36"): 5_000}) == 0  # 0.5 micro
    assert cost_micro({Decimal("0.36"): 15_000}) == 2  # 1.5 micro
    assert cost_micro({Decimal("-0.36"): 15_000}) == -2
    assert cost_micro({Decimal("0.36"): 5_000, Decimal("0.72"): 5_000}) == 2  # 0.5 + 1.0, rounded once
