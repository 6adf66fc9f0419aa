"""What the tray and Settings say of the relay that counts tokens; budgets and the dollar's rate."""

from dataclasses import replace
from datetime import date

import pytest

from fakes import made_up_day
from wattlight.domain.state import CountingState
from wattlight.i18n import activate
from wattlight.settings import Settings
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import (
    counting_view,
    settings_view,
    understood_budget,
    understood_port,
    understood_rate,
)
from wattlight.viewmodels.tray import tray_view

ON = CountingState(True, "http://127.0.0.1:11435", 11435, 12, 2, 3400)
LINE = "Counting tokens at 127.0.0.1:11435"


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def counting(state: CountingState = ON, on: bool = True) -> Scene:
    scene = made_up_day.evening()
    return replace(
        scene,
        state=replace(scene.state, counting=state),
        settings=replace(scene.settings, passthrough_on=on),
    )


def test_the_tray_says_when_something_listens() -> None:
    view = tray_view(counting())
    assert LINE in view.tooltip
    assert LINE in [entry.text for entry in view.menu]
    quiet = tray_view(made_up_day.evening())
    assert "Counting" not in quiet.tooltip
    assert not any("Counting" in entry.text for entry in quiet.menu)


def test_settings_say_how_to_point_clients_at_it() -> None:
    view = counting_view(counting())
    assert view.on
    assert [where for _, where in view.ways] == [
        "OLLAMA_HOST=127.0.0.1:11435",
        "http://127.0.0.1:11435/v1",
        "http://127.0.0.1:11435",
    ]
    assert view.stand.startswith("12 requests, 3,400 output tokens")
    assert "2 requests reported no token counts" in view.stand


def test_off_shows_no_addresses_and_a_relay_that_does_not_listen_says_so() -> None:
    off = counting_view(counting(CountingState(), on=False))
    assert (off.on, off.ways, off.stand) == (False, (), "")
    assert counting_view(counting(CountingState())).stand == "It is not listening yet."


@pytest.mark.parametrize("text", ["", "80", "70000", "11435x", "-1", "１２３４５"])
def test_what_is_no_port_is_refused_with_a_sentence(text: str) -> None:
    port, error = understood_port(text)
    assert port is None
    assert "port" in error


def test_budgets_by_day_and_by_month() -> None:
    settings, error = understood_budget("12,5", Settings(), monthly=True)
    assert error == ""
    assert settings.meter.monthly_budget_micro == 12_500_000
    assert settings.meter.daily_budget_micro is None
    view = settings_view(replace(made_up_day.evening(), settings=settings))
    assert (view.monthly_budget, view.daily_budget) == ("12.5", "")
    assert understood_budget("", settings, monthly=True)[0].meter.monthly_budget_micro is None
    assert understood_budget("x", settings)[1] != ""


def test_the_rate_of_the_dollar_has_a_day() -> None:
    today = date(2026, 11, 24)
    settings, error = understood_rate("0,92", "", Settings(), today)
    assert (settings.price.dollar_rate, settings.price.dollar_rate_date, error) == ("0.92", "2026-11-24", "")
    settings, _ = understood_rate("0.9", "2026-10-01", settings, today)
    assert settings.price.dollar_rate_date == "2026-10-01"
    assert understood_rate("", "", settings, today)[0].price.dollar_rate is None
    for rate, day in (("x", ""), ("0", ""), ("-1", ""), ("nan", ""), ("0.9", "1.10.2026")):
        assert understood_rate(rate, day, settings, today)[1] != ""
