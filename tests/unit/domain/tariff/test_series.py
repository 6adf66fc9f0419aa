"""Price series: how long a slot lasts, machine-written numbers, and the exports of sellers and markets."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wattlight.domain.tariff import (
    PriceSeries,
    Tariff,
    TariffProblem,
    parse_price,
    parse_series,
    parse_tariff,
)
from wattlight.domain.values import iso_utc

FILES = Path(__file__).parents[3] / "data" / "tariffs"
DAY = "2026-06-01T"


def slots(series: PriceSeries) -> list[tuple[str, str, str]]:
    spans = zip(series.starts_us, series.ends_us, series.prices, strict=True)
    return [(iso_utc(a)[5:-1], iso_utc(b)[5:-1], format(p.normalize(), "f")) for a, b, p in spans]


def own(*lines: str, ends: bool = False) -> PriceSeries:
    header = "start_utc,end_utc,price_per_kwh" if ends else "start_utc,price_per_kwh"
    return parse_series("\n".join([header, *(DAY + line for line in lines)]))


def test_a_slot_lasts_until_the_next_begins_however_long_they_are() -> None:
    economy = own("00:30Z,0.12", "07:30Z,0.31", "13:00Z,0.12", "16:00Z,0.31")
    assert [(b - a) / 3.6e9 for a, b in zip(economy.starts_us, economy.ends_us, strict=True)] == [
        7, 5.5, 3, 3,
    ]  # fmt: skip
    assert not list(economy.holes())


def test_half_hours_that_become_whole_days_have_no_holes() -> None:
    halves = [f"{DAY}{m // 60:02d}:{m % 60:02d}Z,0.2" for m in range(0, 1440, 30)]
    days = [f"2026-06-{day:02d}T00:00Z,0.25" for day in (2, 3, 4)]
    series = parse_series("\n".join(["start_utc,price_per_kwh", *halves, *days]))
    assert not list(series.holes())
    assert slots(series)[-2][:2] == ("06-03T00:00:00", "06-04T00:00:00")


def test_an_end_column_leaves_a_hole_and_an_open_end_lasts() -> None:
    series = own(f"00:00Z,{DAY}01:00Z,0.1", f"03:00Z,{DAY}04:00Z,0.2", "05:00Z,,0.3", ends=True)
    assert [tuple(map(iso_utc, hole)) for hole in series.holes()] == [
        (DAY + "01:00:00Z", DAY + "03:00:00Z"),
        (DAY + "04:00:00Z", DAY + "05:00:00Z"),
    ]
    assert series.at(series.starts_us[-1] + 10**15) == Decimal("0.3")


def test_a_missing_day_among_quarter_hours_is_a_hole_and_not_one_long_slot() -> None:
    rows = [
        f"2026-06-{day:02d}T{m // 60:02d}:{m % 60:02d}Z,0.2" for day in (1, 3) for m in range(0, 1440, 15)
    ]
    series = parse_series("\n".join(["start_utc,price_per_kwh", *rows]))
    assert [tuple(map(iso_utc, hole)) for hole in series.holes()] == [
        ("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z")
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [("0.30000000000000004", "0.30000000000000004"), ("2.5E-3", "0.0025"), ("-4e-07", "-0.0000004"),
     ("1e+02", "100"), ("0.1000000000000000055511151231257827", "0.100000000000000006")],
)  # fmt: skip
def test_numbers_as_programs_write_them(written: str, read: str) -> None:
    assert parse_price(written, allow_negative=True) == Decimal(read)
    assert parse_price(Decimal(written), allow_negative=True) == Decimal(read)
    assert own(f"00:00Z,{written}", "01:00Z,0.1").prices[0] == Decimal(read)


@pytest.mark.parametrize("written", ["0x1", "1e5000", "--1", "1e", "inf", "1_000", "5."])
def test_what_is_no_number_stays_none(written: str) -> None:
    with pytest.raises(TariffProblem):
        parse_price(written)


@pytest.mark.parametrize("written", ["9e999999", "-9e254740993", "1e400"])
def test_a_price_of_any_exponent_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(TariffProblem, match="far too high"):
        parse_price(Decimal(written), allow_negative=True)


@pytest.mark.parametrize("text", ["start_utc,\rprice\n1,2\n", "start_utc,price_per_kwh\n1,\r2\n"])
def test_a_lone_carriage_return_is_no_csv(text: str) -> None:
    with pytest.raises(TariffProblem):
        parse_series(text)


def tariff(currency: str, zone: str, file: str, **series: Any) -> Tariff:
    document = {
        "currency": currency,
        "timezone": zone,
        "periods": [{"series": {"file": file, **series}}],
    }
    return parse_tariff(document, lambda name: (FILES / name).read_text(encoding="utf-8-sig"))


def series_of(currency: str, zone: str, file: str, **series: Any) -> PriceSeries:
    found = tariff(currency, zone, file, **series).periods[0].series
    assert found is not None
    return found


def test_octopus() -> None:
    agile = slots(series_of("GBP", "Europe/London", "octopus_agile.json"))
    assert agile[:3] == [
        ("11-02T00:00:00", "11-02T00:30:00", "0.105"),
        ("11-02T00:30:00", "11-02T01:00:00", "0.11235"),
        ("11-02T01:00:00", "11-02T01:30:00", "-0.0105"),
    ]
    with pytest.raises(TariffProblem, match="given twice") as caught:
        series_of("GBP", "Europe/London", "octopus_go.csv")
    assert '"rows": {"payment_method": "DIRECT_DEBIT"}' in caught.value.next_step
    go = series_of("GBP", "Europe/London", "octopus_go.csv", rows={"payment_method": "DIRECT_DEBIT"})
    assert slots(go)[:2] == [
        ("06-01T04:30:00", "06-01T23:30:00", "0.2896"),
        ("06-01T23:30:00", "06-02T04:30:00", "0.085"),
    ]
    local = slots(series_of("GBP", "Europe/London", "octopus_rates.csv"))
    assert [s[0][6:11] for s in local] == [
        "23:00",
        "23:30",
        "00:00",
        "00:30",
        "01:00",
        "01:30",
        "02:00",
        "02:30",
    ]
    assert local[4] == ("10-25T01:00:00", "10-25T01:30:00", "0.245")  # the second 01:00 of that night


@pytest.mark.parametrize("file", ["awattar.json", "awattar.csv"])
def test_awattar(file: str) -> None:
    made = tariff("EUR", "Europe/Vienna", file, factor="1.2", add="0.1")
    series = made.periods[0].series
    assert series is not None
    assert slots(series)[:2] == [
        ("03-29T00:00:00", "03-29T01:00:00", "0.08315"),
        ("03-29T01:00:00", "03-29T02:00:00", "-0.00502"),
    ]
    assert not made.notes
    assert "market prices, without VAT" in tariff("EUR", "Europe/Vienna", file).notes[0]


def test_nord_pool_with_semicolons_commas_and_the_hour_that_spring_leaves_out() -> None:
    with pytest.raises(TariffProblem, match="several price columns") as caught:
        series_of("SEK", "Europe/Stockholm", "nordpool.csv")
    assert '"column": "SE3 Price (SEK)"' in caught.value.next_step
    found = slots(series_of("SEK", "Europe/Stockholm", "nordpool.csv", column="SE3 Price (SEK)"))
    assert found == [
        ("03-29T00:30:00", "03-29T00:45:00", "0.31245"),
        ("03-29T00:45:00", "03-29T01:00:00", "-0.0201"),
        ("03-29T01:00:00", "03-29T01:15:00", "1.204"),
        ("03-29T01:15:00", "03-29T01:30:00", "0.0005"),
    ]
    assert slots(series_of("EUR", "Europe/Helsinki", "nordpool.json", column="FI"))[1][2] == "0.0125"


def test_entso_e_new_and_old_with_the_autumn_hour_twice() -> None:
    with pytest.raises(TariffProblem, match="given twice") as caught:
        series_of("EUR", "Europe/Paris", "entsoe.csv")
    assert '"rows": {"Area": "BZN|DE-LU"}' in caught.value.next_step
    new = slots(series_of("EUR", "Europe/Paris", "entsoe.csv", rows={"Area": "BZN|FR"}))
    assert [s[0][6:11] for s in new] == [
        "23:30", "23:45", "00:00", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45",
    ]  # fmt: skip
    assert new[-1] == ("10-25T01:45:00", "10-25T02:00:00", "0.1595")
    old = tariff("EUR", "Europe/Brussels", "entsoe_old.csv", factor="1.06", add="0.02")
    assert old.periods[0].series is not None
    assert [s[2] for s in slots(old.periods[0].series)] == ["0.0701", "0.06", "0.05", "0.04", "0.09025"]
    assert [(iso_utc(a), iso_utc(b), f) for a, b, f in old.holes()] == [
        ("2025-10-26T02:00:00Z", "2025-10-26T03:00:00Z", False)
    ]


def test_energinet_in_both_of_its_forms() -> None:
    text = (
        "TimeUTC;TimeDK;PriceArea;DayAheadPriceEUR;DayAheadPriceDKK\n"
        "2026-01-01T23:45:00;2026-01-02T00:45:00;DK2;-1,5;-11,205\n"
        "2026-01-02T00:00:00;2026-01-02T01:00:00;DK2;50;373,5\n"
    )
    series = parse_series(text, currency="DKK", zone=ZoneInfo("Europe/Copenhagen"))
    assert slots(series)[0] == ("01-01T23:45:00", "01-02T00:00:00", "-0.011205")
    assert (series.column, series.unit, series.wholesale) == ("DayAheadPriceDKK", "DKK/MWh", True)
    rows = ",".join(
        f'{{"HourUTC":"2026-01-01T2{hour}:00:00","PriceArea":"DK2","SpotPriceEUR":50.25}}' for hour in (2, 3)
    )
    told = f'{{"dataset":"Elspotprices","records":[{rows}]}}'
    assert slots(parse_series(told, currency="EUR"))[0][2] == "0.05025"


def test_a_market_that_names_the_area_alone() -> None:
    text = "Delivery Start (CET);Delivery End (CET);NO2 (EUR)\n01.02.2026 00:00:00;01.02.2026 00:15:00;40,5\n"
    series = parse_series(text, currency="EUR")
    assert slots(series) == [("01-31T23:00:00", "01-31T23:15:00", "0.0405")]
    assert series.wholesale


@pytest.mark.parametrize("file", ["tibber.json", "tibber.csv"])
def test_tibber(file: str) -> None:
    series = series_of("NOK", "Europe/Oslo", file)
    assert slots(series)[0] == ("05-31T22:00:00", "05-31T22:15:00", "3.1234")
    assert not series.wholesale
    with pytest.raises(TariffProblem, match="is in NOK, the tariff in EUR"):
        series_of("EUR", "Europe/Oslo", file)


@pytest.mark.parametrize(
    ("text", "choice", "sentence"),
    [
        ("MTU (UTC),Price\n01.01.2026 00:00 - 01.01.2026 01:00,5\n", {"column": "Price"}, "unit of 'Price'"),
        ("startsAt,energy\n2026-01-01T00:00Z,5\n", {}, "no column 'price_per_kwh'"),
        ("start_utc,price_per_kwh\n2026-01-01T00:00Z,5\n", {"rows": {"Area": "X"}}, "no row with Area X"),
        ("start_utc,end_utc,price_per_kwh\n2026-01-01T01:00Z,2026-01-01T00:00Z,5\n", {}, "ends before"),
        ("[1, 2", {}, "no column 'start_utc'"),
        ("", {}, "no column 'start_utc'"),
        ("start_utc,price_per_kwh\n2026-01-01T00:00Z,5\n", {"unit": "EUR/MWh"}, "fewer than two"),
        ("start_utc,price_per_kwh\n2026-01-01T00:00Z,5\n", {"rows": {"a": 5}}, "by something else than text"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text: str, choice: dict[str, Any], sentence: str) -> None:
    periods = [{"series": {"file": "x", **choice}}]
    with pytest.raises(TariffProblem, match=sentence) as caught:
        parse_tariff({"currency": "EUR", "timezone": "UTC", "periods": periods}, lambda _: text)
    assert caught.value.next_step


def test_of_two_currencies_the_tariffs_is_taken_and_a_bulk_file_of_entso_e_is_read() -> None:
    text = (
        "SEK_per_kWh,EUR_per_kWh,EXR,time_start,time_end\n"
        "0.51,0.045,11.3,2026-02-01T00:00:00+01:00,2026-02-01T00:15:00+01:00\n"
    )
    for currency, price in (("SEK", "0.51"), ("EUR", "0.045")):
        assert parse_series(text, currency=currency).prices == (Decimal(price),)
    bulk = (
        "DateTime(UTC)\tResolutionCode\tMapCode\tSequence\tPrice[Currency/MWh]\tCurrency\tUpdateTime(UTC)\n"
        "2026-02-01 00:00:00.000\tPT15M\tPL\t\t412.10\tPLN\t2026-01-31 12:00:00\n"
        "2026-02-01 00:15:00.000\tPT15M\tPL\t\t-7.5\tPLN\t2026-01-31 12:00:00\n"
    )
    assert slots(parse_series(bulk, currency="PLN"))[1] == ("02-01T00:15:00", "02-01T00:30:00", "-0.0075")
    with pytest.raises(TariffProblem, match="is in PLN, the tariff in EUR"):
        parse_series(bulk, currency="EUR")


def test_an_hour_that_clocks_leave_out_is_left_out_with_its_price() -> None:
    hours = ["01:00", "02:00", "03:00", "04:00"]
    rows = [f"29/03/2026 {a} - 29/03/2026 {b},{i}" for i, (a, b) in enumerate(pairwise(hours))]
    series = parse_series("\n".join(["MTU (CET/CEST),Day-ahead Price [EUR/MWh]", *rows]), currency="EUR")
    assert slots(series) == [
        ("03-29T00:00:00", "03-29T01:00:00", "0"),
        ("03-29T01:00:00", "03-29T02:00:00", "0.002"),
    ]


def test_a_hole_that_bands_cover_in_part_is_no_fallback() -> None:
    text = (
        "start_utc,end_utc,price_per_kwh\n2026-06-01T00:00Z,2026-06-01T06:00Z,0.2\n2026-06-01T09:00Z,,0.2\n"
    )
    for end, whole in (("09:00", True), ("08:00", False)):
        band = {"start": "06:00", "end": end, "price_per_kwh": "0.4"}
        periods = [{"series": {"file": "x"}, "bands": [band]}]
        made = parse_tariff({"currency": "EUR", "timezone": "UTC", "periods": periods}, lambda _: text)
        assert [hole[2] for hole in made.holes()] == [whole]


def test_a_column_without_unit_is_told_it() -> None:
    text = "Delivery Start (CET)\tSpot\n01.02.2026 00:00:00\t1.250,5\n01.02.2026 01:00:00\t-3\n"
    periods = [{"series": {"file": "x", "column": "spot", "unit": "ct/kWh"}}]
    made = parse_tariff({"currency": "EUR", "timezone": "UTC", "periods": periods}, lambda _: text)
    series = made.periods[0].series
    assert series is not None
    assert slots(series) == [
        ("01-31T23:00:00", "02-01T00:00:00", "12.505"),
        ("02-01T00:00:00", "02-01T01:00:00", "-0.03"),
    ]
