"""The tray's daily fetch: off until wanted, never in the way, and said when it fails."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.services.prices.test_price_feeds import HOUR, awattar, feed_at

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState, HostState, ServerState, Trial
from wattlight.domain.values import LOCAL_HOST
from wattlight.i18n import activate
from wattlight.services.current import CurrentSettings
from wattlight.services.daily_prices import DailyPrices
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.settings import Price, PriceFeed, Settings

NOW = datetime(2026, 3, 29, 10, 20, tzinfo=UTC)
PRICES = [100.0 + i for i in range(60)]


class Desk:
    """The service with its surroundings; the clock is moved by hand."""

    def __init__(self, folder: Path, feed: PriceFeed, monkeypatch: pytest.MonkeyPatch) -> None:
        activate("en")
        self.now = NOW
        self.factory = ServiceFactory({"WATTLIGHT_HOME": str(folder), "TZ": "Europe/Vienna"})
        monkeypatch.setattr(self.factory, "now", lambda: self.now)
        price = Price("0.36", "EUR", "Europe/Vienna")
        self.settings = CurrentSettings(replace(Settings(), price=price, feed=feed), {})
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", ServerState("x")),)))
        self.renewed = 0
        self.prices = DailyPrices(self.factory, self.settings, self.hub, self.save, self.renew)

    def save(self, before: Settings, after: Settings) -> None:
        assert before == self.settings.value
        self.settings.replace(after)

    def renew(self) -> None:
        self.renewed += 1

    def beat(self, hours: float = 0.0) -> Trial:
        """Time passes, a sample comes, and what it began ends."""
        self.now += timedelta(hours=hours)
        self.prices.beat()
        return self.settled()

    def settled(self) -> Trial:
        end = time.monotonic() + 10
        while self.prices._busy and time.monotonic() < end:
            time.sleep(0.01)
        return self.hub.state.prices


def test_it_is_fetched_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, PriceFeed("awattar-at", "", "1.2", "0.1", True), monkeypatch)
    with feed_at(monkeypatch, "awattar-at", awattar(NOW - 20 * HOUR, PRICES)) as fake:
        assert "60 prices from aWATTar AT" in desk.beat().said
        assert desk.settings.value.price.tariff_file
        for _ in range(20):
            desk.beat(0.1)
        assert (len(fake.heads), desk.renewed) == (1, 0)
        desk.beat(24)
        assert (len(fake.heads), desk.renewed) == (2, 1)
    assert desk.prices.stop()


def test_off_is_off_and_a_click_asks_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, PriceFeed("awattar-at"), monkeypatch)
    with feed_at(monkeypatch, "awattar-at", awattar(NOW - 20 * HOUR, PRICES)) as fake:
        desk.beat(30)
        assert fake.heads == []
        desk.now = NOW
        desk.prices.fetch(Command(Verb.FETCH_PRICES))
        assert not desk.settled().bad
        assert len(fake.heads) == 1


def test_a_failure_is_said_and_tried_again_in_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, PriceFeed("awattar-at", daily=True), monkeypatch)
    with feed_at(monkeypatch, "awattar-at", b"", 500) as fake:
        assert desk.beat().bad
        assert "stay" in desk.hub.state.prices.said
        desk.beat(0.5)
        assert len(fake.heads) == 1
        desk.beat(0.6)
        assert len(fake.heads) == 2
    assert desk.settings.value.price.per_kwh == "0.36"


def test_without_a_feed_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, PriceFeed(), monkeypatch)
    desk.prices.fetch(Command(Verb.FETCH_PRICES))
    assert desk.settled() == Trial()
