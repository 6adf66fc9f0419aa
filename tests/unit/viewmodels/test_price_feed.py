"""The card Dynamic prices and the line of the cheapest hours."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fakes import made_up_day
from wattlight.domain.state import Trial
from wattlight.domain.tariff import CheapHours
from wattlight.domain.values import to_us
from wattlight.i18n import activate
from wattlight.services.costs import MonthCosts
from wattlight.settings import PriceFeed
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.price_feed import cheapest_line, feed_view, understood_feed
from wattlight.viewmodels.privacy_page import reason_text
from wattlight.viewmodels.scene import Scene


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(feed: PriceFeed | None = None, trial: Trial | None = None) -> Scene:
    day = made_up_day.evening()
    state = replace(day.state, prices=trial or Trial())
    return replace(day, state=state, settings=replace(day.settings, feed=feed or PriceFeed()))


def test_nothing_is_asked_until_a_feed_is_chosen() -> None:
    view = feed_view(scene())
    assert (view.feed, view.fetch, view.daily, view.needs_area) == ("", (), False, False)
    assert "unless you ask" in view.about
    assert feed_view(scene(PriceFeed("gone"))).feed == ""


@pytest.mark.parametrize(
    ("key", "area", "market"),
    [("awattar-at", False, True), ("energy-charts", True, True), ("octopus-agile", True, False)],
)
def test_the_host_is_named_and_what_is_missing(key: str, area: bool, market: bool) -> None:
    view = feed_view(scene(PriceFeed(key, "X", "1.2", "0.1", True), Trial("Fetched.")))
    assert (view.needs_area, view.daily, view.factor, view.said) == (area, True, "1.2", "Fetched.")
    assert "Fetched from api." in view.about
    assert ("VAT" in view.about) is market
    assert len(view.fetch) == 1


def test_what_was_typed_is_understood_or_refused() -> None:
    feed = PriceFeed("energy-charts")
    assert understood_feed(" AT ", "1,2", "0,15", feed) == (
        PriceFeed("energy-charts", "AT", "1.2", "0.15"),
        "",
    )
    assert understood_feed("AT", "", "", feed)[0] == PriceFeed("energy-charts", "AT")
    assert understood_feed("AT", "1", "-0.02", feed)[0].add == "-0.02"
    for factor, add, words in (("x", "0", "factor"), ("-1", "0", "factor"), ("1", "a lot", "each kWh")):
        assert words in understood_feed("AT", factor, add, feed)[1]
        assert understood_feed("AT", factor, add, feed)[0] == feed


def test_the_page_of_costs_tells_the_cheapest_hours() -> None:
    day = scene()
    at = to_us(day.now.replace(hour=1, minute=0, second=0, microsecond=0))
    hours = (CheapHours(at, at + 7_200_000_000, Decimal("0.21"), Decimal("0.2349")),)
    costs = replace(day.extras.costs or MonthCosts(), cheapest=hours)
    with_hours = replace(day, extras=replace(day.extras, costs=costs))
    line = cheapest_line(with_hours)
    assert line.startswith("Cheapest hours today: ")
    assert "0.21" in line
    assert "0.23" in line
    assert "per kWh" in line
    assert cost_view(with_hours).cheapest == line
    assert cost_view(day).cheapest == ""


def test_the_host_has_its_reason() -> None:
    assert "feed that you chose" in reason_text("prices")
