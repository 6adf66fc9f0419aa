"""Dynamic prices of public feeds: asked for at loopback stand-ins, kept, merged, used from today on."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from tests.fakes.plug_devices import FakePlug, serving

from wattlight.cli import run
from wattlight.domain.tariff import cheapest_hours, parse_series, parse_tariff
from wattlight.domain.values import iso_utc, to_us
from wattlight.i18n import activate
from wattlight.services import price_feeds
from wattlight.services.factory import ServiceFactory
from wattlight.services.price_feeds import FEEDS, FeedProblem, PriceFetcher, due, kept_series, series_file
from wattlight.settings import Price, PriceFeed, Settings, load_settings, save_settings
from wattlight.web import Web

DATA = Path(__file__).resolve().parents[3] / "data" / "tariffs"
SCHEMAS = Path(__file__).resolve().parents[4] / "desktop" / "schemas"
NOW = datetime(2026, 3, 29, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def awattar(start: datetime, prices: list[float]) -> bytes:
    slots = [
        {
            "start_timestamp": to_us(start + i * HOUR) // 1000,
            "end_timestamp": to_us(start + (i + 1) * HOUR) // 1000,
            "marketprice": price,
            "unit": "Eur/MWh",
        }
        for i, price in enumerate(prices)
    ]
    return json.dumps({"object": "list", "data": slots, "url": "/at/v1/marketdata"}).encode()


def agile(start: datetime, pence: list[float]) -> bytes:
    half = timedelta(minutes=30)
    rows = [
        {
            "value_exc_vat": round(p / 1.05, 4),
            "value_inc_vat": p,
            "valid_from": iso_utc(to_us(start + i * half)),
            "valid_to": iso_utc(to_us(start + (i + 1) * half)),
            "payment_method": None,
        }
        for i, p in enumerate(pence)
    ]
    return json.dumps({"count": len(rows), "next": None, "previous": None, "results": rows[::-1]}).encode()


CHARTS = (DATA / "energy_charts.json").read_bytes()


@contextmanager
def feed_at(monkeypatch: pytest.MonkeyPatch, key: str, body: bytes, status: int = 200) -> Iterator[FakePlug]:
    fake = FakePlug({"/": (status, body)})
    with serving(fake) as host:
        feeds = tuple(replace(f, host=f"http://{host}") if f.key == key else f for f in FEEDS)
        monkeypatch.setattr(price_feeds, "FEEDS", feeds)
        yield fake


def fetcher(folder: Path, hosts: list[str] | None = None, now: datetime = NOW) -> PriceFetcher:
    return PriceFetcher(Web({}, on_host=(hosts if hosts is not None else []).append), folder, lambda: now)


def test_every_feed_is_public_and_encrypted() -> None:
    assert all(feed.host.startswith("https://") for feed in FEEDS)
    assert len({feed.host for feed in FEEDS}) == 4


def test_quarter_hours_of_the_spring_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []
    wanted = PriceFeed("energy-charts", "DE-LU")
    with feed_at(monkeypatch, "energy-charts", CHARTS) as fake:
        found = fetcher(tmp_path, hosts).fetch(wanted)
    assert hosts == ["127.0.0.1"]
    assert "GET /price?bzn=DE-LU&start=2026-03-28&end=2026-03-31" in fake.heads[0]
    assert found.slots == 47 * 4 - 1
    (hole,) = found.holes
    assert hole[1] - hole[0] == 900_000_000
    assert [s for s in found.sentences(ZoneInfo("Europe/Berlin")) if s.startswith("No price: ")]
    kept = kept_series(series_file(tmp_path, wanted))
    assert kept is not None
    day = to_us(datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert sum(day <= at < day + 23 * 3_600_000_000 for at in kept.starts_us) == 92, "a day of 23 hours"
    assert kept.at(day) == Decimal("0.06")


def test_agile_is_asked_for_its_region_in_pence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = agile(NOW - 20 * HOUR, [20.0 + i for i in range(60)])
    with feed_at(monkeypatch, "octopus-agile", body) as fake:
        fetcher(tmp_path).fetch(PriceFeed("octopus-agile", "C"))
        fetcher(tmp_path).fetch(PriceFeed("octopus-agile", "AGILE-23-12-06-H"))
    assert (
        "/products/AGILE-24-10-01/electricity-tariffs/E-1R-AGILE-24-10-01-C/standard-unit-rates/"
        in fake.heads[0]
    )
    assert "E-1R-AGILE-23-12-06-H" in fake.heads[1]
    kept = kept_series(series_file(tmp_path, PriceFeed("octopus-agile", "C")))
    assert kept is not None
    assert kept.prices[0] == Decimal("0.2")


def test_what_was_kept_stays_and_the_fresh_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, first = PriceFeed("awattar-at"), NOW.replace(minute=0) - 24 * HOUR
    with feed_at(monkeypatch, "awattar-at", awattar(first, [100.0] * 40)):
        fetcher(tmp_path).fetch(wanted)
    later = NOW + timedelta(days=1)
    with feed_at(monkeypatch, "awattar-at", awattar(first + 24 * HOUR, [-30.0] * 40)) as fake:
        fetcher(tmp_path, now=later).fetch(wanted)
    start = int(fake.heads[0].split("start=")[1].split("&")[0])
    assert start * 1000 <= to_us(later - timedelta(days=1))
    kept = kept_series(series_file(tmp_path, wanted))
    assert kept is not None
    assert len(kept.starts_us) == 64
    assert (kept.prices[23], kept.prices[24]) == (Decimal("0.1"), Decimal("-0.03"))
    assert list(kept.holes()) == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 503, "answers with status 503"),
        (b"<html>", 200, "are no prices"),
        (b"{}", 200, "are no prices"),
        (b'{"object": "list", "data": []}', 200, "are no prices"),
        (awattar(NOW - 90 * HOUR, [80.0] * 20), 200, "no price for now"),
        (awattar(NOW - 2 * HOUR, [80.0, 81.0, 900_000.0, 80.0]), 200, "no market has"),
        (awattar(NOW, [80.0] * 9)[:-9], 200, "are no prices"),
        (b"x" * (5 << 20), 200, "could not be reached"),
    ],
)
def test_a_bad_answer_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, status: int, words: str
) -> None:
    wanted = PriceFeed("awattar-de")
    with feed_at(monkeypatch, "awattar-de", awattar(NOW - 24 * HOUR, [70.0 + i for i in range(48)])):
        fetcher(tmp_path).fetch(wanted)
    before = series_file(tmp_path, wanted).read_bytes()
    with feed_at(monkeypatch, "awattar-de", body, status), pytest.raises(FeedProblem, match=words) as told:
        fetcher(tmp_path).fetch(wanted)
    assert told.value.next_step
    assert series_file(tmp_path, wanted).read_bytes() == before


def test_an_area_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with feed_at(monkeypatch, "energy-charts", b"", 404), pytest.raises(FeedProblem, match="area 'XX'"):
        fetcher(tmp_path).fetch(PriceFeed("energy-charts", "XX"))
    for wanted in (PriceFeed("energy-charts"), PriceFeed("energy-charts", "../x"), PriceFeed("tibber", "x")):
        with pytest.raises(FeedProblem, match=r"needs an area|not known"):
            fetcher(tmp_path).fetch(wanted)


def test_when_the_daily_fetch_is_due() -> None:
    text = "start_utc,price_per_kwh\n" + "".join(
        f"{iso_utc(to_us(NOW.replace(minute=0) + i * HOUR))},0.1\n" for i in range(30)
    )
    kept = parse_series(text)
    assert due(None, None, NOW)
    assert not due(None, NOW - timedelta(minutes=20), NOW)
    assert not due(kept, NOW - 5 * HOUR, NOW)
    assert due(kept, NOW - 25 * HOUR, NOW)
    assert due(kept, NOW - 2 * HOUR, NOW + 20 * HOUR), "the next twelve hours lack a price"


def said(shop: ServiceFactory, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    return run(list(words), shop, out), out.getvalue()


def document(shop: ServiceFactory, *words: str) -> dict[str, Any]:
    code, text = said(shop, *words, "--json")
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    Draft202012Validator(json.loads((SCHEMAS / "tariff.json").read_text(encoding="utf-8"))).validate(found)
    return found


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceFactory:
    made = ServiceFactory({"WATTLIGHT_HOME": str(tmp_path), "TZ": "Europe/Berlin"})
    monkeypatch.setattr(made, "now", lambda: NOW)
    price = Price("0.36", "EUR", "Europe/Berlin", "DE")
    save_settings(made.places.settings_file, replace(Settings(), price=price))
    return made


def test_the_verb_fetches_uses_and_shows_the_cheapest_hours(
    shop: ServiceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--area", "DE-LU", "--factor", "1.19", "--add", "0.2", "--fallback", "0.36", "--daily")
    with feed_at(monkeypatch, "energy-charts", CHARTS):
        found = document(shop, "tariff", "fetch", "energy-charts", *words)
        assert (found["fetched"]["slots"], found["fetched"]["daily"]) == (187, True)
        assert found["cheapest_today"]
        tariff = shop.tariff()
        assert tariff is not None
        yesterday = datetime(2026, 3, 28, 12, tzinfo=UTC)
        assert tariff.price_at(yesterday) == Decimal("0.36"), "earlier days keep the price they had"
        noon = datetime(2026, 3, 29, 10, 7, tzinfo=UTC)
        slot = next(p for t, p in _charts() if t <= noon < t + timedelta(minutes=15))
        assert tariff.price_at(noon) == Decimal(str(slot)) / 1000 * Decimal("1.19") + Decimal("0.2")
        assert next(stand_in for _, _, stand_in in tariff.holes()) is True
        assert "cheapest hours today: " in said(shop, "tariff", "show")[1]
        assert document(shop, "tariff", "fetch")["fetched"]["feed"] == "energy-charts"
    assert shop.jobs().contacts()[0].reason == "prices"
    settings = load_settings(shop.places.settings_file).settings
    assert settings.feed == PriceFeed("energy-charts", "DE-LU", "1.19", "0.2", True)
    document(shop, "tariff", "set", "--price", "0.30", "--currency", "EUR")
    assert load_settings(shop.places.settings_file).settings.feed == PriceFeed()


def _charts() -> list[tuple[datetime, float]]:
    found = json.loads(CHARTS)
    times = (datetime.fromtimestamp(at, UTC) for at in found["unix_seconds"])
    return [(at, price) for at, price in zip(times, found["price"], strict=True) if price is not None]


def test_factor_and_add_change_in_place(shop: ServiceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with feed_at(monkeypatch, "awattar-de", awattar(NOW - 20 * HOUR, [100.0 + i for i in range(50)])):
        for add in ("0.1", "0.15"):
            document(shop, "tariff", "fetch", "awattar-de", "--add", add)
    tariff = shop.tariff()
    assert tariff is not None
    assert [p.series is not None for p in tariff.periods] == [False, True]
    assert tariff.periods[1].series_add == Decimal("0.15")


def test_the_flat_price_stands_in_and_stays(shop: ServiceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with feed_at(monkeypatch, "awattar-at", awattar(NOW - 20 * HOUR, [100.0 + i for i in range(30)])):
        for add in ("0.1", "0.2"):
            document(shop, "tariff", "fetch", "awattar-at", "--add", add)
    tariff = shop.tariff()
    assert tariff is not None
    assert tariff.price_at(NOW + 40 * HOUR) == Decimal("0.36")
    assert tariff.price_at(NOW) != Decimal("0.36")


def test_a_feed_in_another_currency_is_refused(shop: ServiceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with feed_at(monkeypatch, "octopus-agile", agile(NOW - 2 * HOUR, [20.0] * 60)):
        code, text = said(shop, "tariff", "fetch", "octopus-agile", "--area", "A", "--json")
    assert code == 1
    assert "cannot follow" in json.loads(text)["error"]["message"]
    assert load_settings(shop.places.settings_file).settings.price.per_kwh == "0.36"


def test_what_is_wrong_to_ask(shop: ServiceFactory) -> None:
    assert said(shop, "tariff", "fetch")[0] == 2
    assert said(shop, "tariff", "fetch", "nordpool")[0] == 2
    assert said(shop, "tariff", "fetch", "awattar-de", "--factor", "1,19")[0] == 2


def dynamic(day: date, prices: list[str | None], zone: str = "Europe/Berlin") -> Any:
    start = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    rows = "".join(f"{iso_utc(to_us(start + i * HOUR))},{p or ''}\n" for i, p in enumerate(prices))
    period = {"series": {"file": "x"}, "price_per_kwh": "0.5"}
    whole = {"currency": "EUR", "timezone": zone, "periods": [period]}
    return parse_tariff(whole, lambda _: "start_utc,price_per_kwh\n" + rows)


def test_cheapest_hours_of_a_day_of_25() -> None:
    day = date(2026, 10, 25)
    prices = [f"0.{30 + i}" for i in range(25)]
    prices[2], prices[3], prices[20] = "0.05", "-0.01", "0.11"
    tariff = dynamic(day, list(prices))
    found = cheapest_hours(tariff, day)
    hours = [(h.end_us - h.start_us) // 3_600_000_000 for h in found]
    assert hours == [2, 1]
    assert (found[0].low, found[0].high, found[1].low) == (Decimal("-0.01"), Decimal("0.05"), Decimal("0.11"))
    assert iso_utc(found[0].start_us) == "2026-10-25T00:00:00Z", "both hours of two o'clock"


def test_nothing_is_called_cheapest_that_may_not_be() -> None:
    day = date(2026, 3, 10)
    assert cheapest_hours(dynamic(day, ["0.3"] * 24), day) == ()
    few: list[str | None] = [f"0.{30 + i}" for i in range(8)]
    assert cheapest_hours(dynamic(day, few), day) == ()
    holes: list[str | None] = [f"0.{30 + i}" for i in range(24)]
    holes[0] = None
    found = cheapest_hours(dynamic(day, holes), day)
    assert iso_utc(found[0].start_us) == "2026-03-10T00:00:00Z", "a stand-in is no price of the market"
