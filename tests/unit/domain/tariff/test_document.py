"""Tariff files: what is refused, and with which sentence."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from wattlight.domain.tariff import TariffProblem, flat_tariff, parse_tariff, tariff_document


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "schema": 1,
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "periods": [{"from": "2026-01-01", "price_per_kwh": "0.39"}],
    }
    return {**base, **changes}


def with_band(**changes: Any) -> dict[str, Any]:
    band = {"days": ["sat"], "start": "22:00", "end": "06:00", "price_per_kwh": "0.28", **changes}
    return document(periods=[{"price_per_kwh": "0.39", "bands": [band]}])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], "not a JSON object"),
        ({}, "no currency"),
        (document(schema=2), "newer form"),
        (document(currency="EURO"), "'EURO' is not known"),
        (document(currency="XXX"), "'XXX' is not known"),
        (document(timezone="Berlin"), "'Berlin' is not known"),
        (document(timezone="../../etc/passwd"), "is not known"),
        (document(timezone=None), "no timezone"),
        (document(periods=[]), "no periods"),
        (document(periods=["0.39"]), "periods[0] is not an object"),
        (document(periods=[{"from": "2026-01-01"}]), "periods[0].price_per_kwh is missing"),
        (document(periods=[{"price_per_kwh": "0,39"}]), "'0,39' is written with a comma"),
        (document(periods=[{"price_per_kwh": ""}]), "is empty"),
        (document(periods=[{"price_per_kwh": "-0.1"}]), "is negative"),
        (document(periods=[{"price_per_kwh": True}]), "is missing"),
        (document(periods=[{"price_per_kwh": "NaN"}]), "is not a number"),
        (document(periods=[{"price_per_kwh": "1e3"}]), "is not a number"),
        (document(periods=[{"price_per_kwh": "39000000"}]), "far too high"),
        (document(periods=[{"from": "01.01.2026", "price_per_kwh": "1"}]), "is not a date"),
        (document(periods=[{"from": "2026-02-30", "price_per_kwh": "1"}]), "is not a date"),
        (document(periods=[{"from": "2026-02-01", "to": "2026-02-01", "price_per_kwh": "1"}]), "ends before"),
        (
            document(
                periods=[
                    {"from": "2026-01-01", "to": "2026-03-01", "price_per_kwh": "1"},
                    {"from": "2026-02-01", "price_per_kwh": "2"},
                ]
            ),
            "two periods overlap",
        ),
        (document(periods=[{"price_per_kwh": "1"}, {"price_per_kwh": "2"}]), "two periods overlap"),
        (with_band(days=["caturday"]), "'caturday'"),
        (with_band(days=[]), "names no day"),
        (with_band(days=[6]), "has 'int'"),
        (with_band(start="25:00"), "'25:00' is not a time"),
        (with_band(start="6:00"), "'6:00' is not a time"),
        (with_band(start="24:00"), "is 24:00"),
        (with_band(start="06:00", end="06:00"), "starts and ends at the same time"),
        (with_band(price_per_kwh="0,28"), "written with a comma"),
        (document(periods=[{"price_per_kwh": "1", "bands": {"days": []}}]), "not a list of bands"),
        (document(periods=[{"series": {"file": 3}}]), "names no file"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(wrong: object, sentence: str) -> None:
    with pytest.raises(TariffProblem) as caught:
        parse_tariff(wrong)
    assert sentence in caught.value.message
    assert caught.value.message.endswith(".")
    assert "\n" not in str(caught.value)


def test_a_comma_price_is_told_how_to_write_it() -> None:
    with pytest.raises(TariffProblem) as caught:
        flat_tariff("0,39", "EUR", "Europe/Berlin")
    assert '"0.39"' in caught.value.next_step


def test_hostile_text_in_a_message_is_cleaned() -> None:
    with pytest.raises(TariffProblem) as caught:
        parse_tariff(document(currency="\x1b[31m" + "E" * 500))
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 100


def test_prices_may_be_json_numbers_and_stay_exact() -> None:
    tariff = parse_tariff(document(periods=[{"price_per_kwh": 0.39}]))
    assert tariff.price_at(datetime(2026, 5, 1, tzinfo=UTC)) == Decimal("0.39")


def test_an_open_period_ends_where_the_next_begins_whatever_their_order() -> None:
    tariff = parse_tariff(
        document(
            periods=[
                {"from": "2026-04-01", "price_per_kwh": "0.50"},
                {"from": "2026-01-01", "price_per_kwh": "0.40"},
            ]
        )
    )
    assert tariff.price_at(datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)) == Decimal("0.40")
    assert tariff.price_at(datetime(2026, 3, 31, 22, tzinfo=UTC)) == Decimal("0.50")
    assert tariff.price_at(datetime(2025, 12, 31, tzinfo=UTC)) is None


def test_overlapping_bands_are_noted_and_the_first_wins() -> None:
    bands = [
        {"days": ["mon"], "start": "10:00", "end": "12:00", "price_per_kwh": "0.1"},
        {"days": ["mon"], "start": "11:00", "end": "13:00", "price_per_kwh": "0.2"},
        {"days": ["mon"], "start": "10:30", "end": "11:30", "price_per_kwh": "0.3"},
    ]
    tariff = parse_tariff(document(periods=[{"price_per_kwh": "0.39", "bands": bands}]))
    assert len(tariff.notes) == 2
    assert "bands[1] overlaps" in tariff.notes[0]
    assert "bands[2] never applies" in tariff.notes[1]
    monday = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)  # 11:30 in Berlin
    assert tariff.price_at(monday) == Decimal("0.1")


def test_a_document_survives_the_way_there_and_back() -> None:
    one = parse_tariff(with_band())
    two = parse_tariff(tariff_document(one))
    assert one.periods == two.periods
    assert (one.currency, one.zone) == (two.currency, two.zone)


def test_the_fingerprint_follows_every_price() -> None:
    prints = {
        parse_tariff(with_band()).fingerprint,
        parse_tariff(with_band(price_per_kwh="0.29")).fingerprint,
        parse_tariff(document()).fingerprint,
        parse_tariff(document(timezone="Europe/Paris")).fingerprint,
    }
    assert len(prints) == 4


def bands_of(*spans: tuple[list[str], str, str]) -> dict[str, Any]:
    bands = [{"days": d, "start": s, "end": e, "price_per_kwh": "0.1"} for d, s, e in spans]
    return document(periods=[{"price_per_kwh": "0.39", "bands": bands}])


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([(["mon"], "00:00", "12:00"), (["mon"], "12:00", "24:00")], []),
        ([(["mon"], "00:00", "12:00"), (["mon"], "11:59", "13:00")], ["overlaps"]),
        ([(["mon", "tue"], "00:00", "24:00"), (["tue"], "05:00", "06:00")], ["never applies"]),
        ([(["sun"], "22:00", "06:00"), (["mon"], "05:00", "07:00")], ["overlaps"]),
        ([(["sun"], "22:00", "06:00"), (["mon"], "00:00", "06:00")], ["never applies"]),
        ([(["sun"], "22:00", "06:00"), (["sun"], "00:00", "22:00")], []),
    ],
)
def test_bands_that_cover_each_other_are_said_across_midnight_and_the_week(
    spans: list[tuple[list[str], str, str]], words: list[str]
) -> None:
    notes = parse_tariff(bands_of(*spans)).notes
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_many_periods_of_many_bands_are_read_in_a_moment() -> None:
    bands = bands_of(*[(["mon", "tue", "wed"], "00:00", "24:00")] * 200)["periods"][0]["bands"]
    periods = [{"from": f"{1900 + i}-01-01", "price_per_kwh": "1", "bands": bands} for i in range(60)]
    began = time.process_time()
    assert len(parse_tariff(document(periods=periods)).notes) == 60 * 199
    assert time.process_time() - began < 3  # 13 s while each minute of a band stood in a set
