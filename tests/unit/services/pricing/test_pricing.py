"""The price from the settings, from a file, and the table of countries."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from wattlight.domain.tariff import TariffProblem
from wattlight.services.pricing import country_prices, read_tariff_file, tariff_of
from wattlight.settings import Price

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = {"TZ": "Europe/Berlin"}


def test_without_a_price_there_is_no_tariff() -> None:
    assert tariff_of(Price(), BERLIN) is None
    assert tariff_of(Price(declined=True), BERLIN) is None
    assert tariff_of(Price(per_kwh="0.3"), BERLIN) is None


def test_a_flat_price_uses_the_computers_zone_unless_it_has_one() -> None:
    flat = tariff_of(Price("0.3869", "EUR"), BERLIN)
    assert flat is not None
    assert (flat.price_at(NOON), flat.zone.key) == (Decimal("0.3869"), "Europe/Berlin")
    other = tariff_of(Price("30", "JPY", "Asia/Tokyo"), BERLIN)
    assert other is not None
    assert other.zone.key == "Asia/Tokyo"


def test_a_tariff_file_wins_and_finds_its_series_beside_it(tmp_path: Path) -> None:
    (tmp_path / "agile.csv").write_text(
        "start_utc,price_per_kwh\n2026-03-01T12:00Z,-0.02\n2026-03-01T12:30Z,0.1\n", encoding="utf-8-sig"
    )
    file = tmp_path / "tariff.json"
    file.write_text(
        json.dumps(
            {"currency": "GBP", "timezone": "Europe/London", "periods": [{"series": {"file": "agile.csv"}}]}
        )
    )
    tariff = tariff_of(Price("0.3", "EUR", tariff_file=str(file)), BERLIN)
    assert tariff is not None
    assert (tariff.currency, tariff.price_at(NOON)) == ("GBP", Decimal("-0.02"))
    before = tariff.fingerprint
    (tmp_path / "agile.csv").write_text(
        "start_utc,price_per_kwh\n2026-03-01T12:00Z,1\n2026-03-01T12:30Z,0.1\n"
    )
    assert read_tariff_file(str(file)).fingerprint != before
    (tmp_path / "agile.csv").unlink()
    with pytest.raises(TariffProblem, match="price series"):
        read_tariff_file(str(file))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"null", b"3"])
def test_a_file_that_is_no_tariff_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "t.json"
    file.write_bytes(content)
    with pytest.raises(TariffProblem):
        read_tariff_file(str(file))


def test_a_missing_or_odd_file_is_one_sentence(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "none"), "a\0b"):
        with pytest.raises(TariffProblem, match="cannot be read"):
            read_tariff_file(name)


def test_countries_have_official_prices_only_and_say_why_one_is_missing() -> None:
    countries = {c.code: c for c in country_prices()}
    assert len(countries) == 79
    assert (countries["FI"].price_per_kwh, countries["FI"].year) == (Decimal("0.2694"), 2026)
    assert (countries["CH"].price_per_kwh, countries["CH"].vat_included) == (Decimal("0.2994"), "yes, 8.1 %")
    priced = [c for c in countries.values() if c.price_per_kwh is not None]
    assert all(c.source and c.period and c.vat_included and c.how_sure for c in priced)
    assert {c.code for c in countries.values() if c.price_per_kwh is None} == {"CN", "BR", "MX"}
    assert all("no price shipped" in countries[code].source for code in ("CN", "BR", "MX"))
    assert {c.code for c in priced if c.stale} == {"KW", "DK", "UA"}
    assert countries["UA"].per_kwh == ""  # it ended in October; nothing is filled in


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999", "1e400", "NaN"])
def test_a_number_that_no_decimal_can_hold_is_one_sentence(tmp_path: Path, number: str) -> None:
    file = tmp_path / "tariff.json"
    file.write_text(
        '{"currency": "EUR", "timezone": "Europe/Berlin", "periods": [{"price_per_kwh": ' + number + "}]}"
    )
    with pytest.raises(TariffProblem) as caught:
        read_tariff_file(str(file))
    assert caught.value.next_step


@pytest.mark.parametrize("name", ["nordpool.csv", "tibber.json", "octopus_go.csv"])
def test_a_sellers_table_given_as_a_tariff_is_told_how_it_is_named_in_one(name: str, tmp_path: Path) -> None:
    sold = Path(__file__).parents[3] / "data" / "tariffs" / name
    file = tmp_path / name
    file.write_bytes(sold.read_bytes())
    with pytest.raises(TariffProblem, match="a table of prices, not a tariff") as caught:
        read_tariff_file(str(file))
    form = caught.value.next_step.partition(": ")[2]
    assert json.loads(form)["periods"][0]["series"] == {"file": name}
    currency, chosen = {
        "nordpool.csv": ("SEK", {"column": "SE3 Price (SEK)"}),
        "tibber.json": ("NOK", {}),
        "octopus_go.csv": ("GBP", {"rows": {"payment_method": "DIRECT_DEBIT"}}),
    }[name]
    filled = json.loads(form) | {"currency": currency}
    filled["periods"][0]["series"] |= chosen
    beside = tmp_path / "tariff.json"
    beside.write_text(json.dumps(filled), encoding="utf-8")
    assert read_tariff_file(str(beside)).zone.key == "Europe/Berlin"  # nothing else was left out


@pytest.mark.parametrize("text", ["[]", '{"from": 1}', "a,b\n1,2\n", ""])
def test_what_is_neither_stays_told_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TariffProblem) as caught:
        read_tariff_file(str(file))
    assert ("table of prices" in str(caught.value)) is ("from" in text)


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("Consumption (kwh), Start, End\n0.1, 2026-11-01T00:00:00Z, 2026-11-01T00:30:00Z\n", "price_per_kwh"),
        ("Horodate;Valeur\n2026-11-01T00:30:00+01:00;420\n", "price_per_kwh"),
        ("startsAt,consumption\n2026-11-01T00:00:00+01:00,0.3\n", "price_per_kwh"),
        ('[{"from": "2026-11-01T00:00:00+01:00", "consumption": 0.3}]', "price_per_kwh"),
        ("zeit;preis ct/kWh\n2026-11-01T00:00:00+01:00;23,1\n", "start_utc"),
    ],
)
def test_a_table_without_prices_or_times_is_told_what_it_lacks(text: str, lacks: str, tmp_path: Path) -> None:
    """What was used was said to be no JSON, or a table of prices."""
    file = tmp_path / "usage.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TariffProblem, match=f"^usage.csv has no column '{lacks}'"):
        read_tariff_file(str(file))
