"""An API against one's own hardware: measured figures stand in, what is missing is said, the sum is right."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from fakes import made_up_day
from wattlight.domain.breakeven import ApiPrice
from wattlight.i18n import activate
from wattlight.services.costs import BreakEvenBasis, OwnSide
from wattlight.settings import BreakEvenEntry, Price
from wattlight.viewmodels.break_even import break_even_view, price_dates, read_figure
from wattlight.viewmodels.scene import Scene


def price(name: str, weights: str = "", currency: str = "USD", output: str = "10") -> ApiPrice:
    return ApiPrice(
        name, "Host", name.title(), weights, currency, Decimal(2), Decimal(output), None,
        date(2026, 11, 1), "price list",
    )  # fmt: skip


BASIS = BreakEvenBasis(
    prices=(price("frontier"), price("hosted", "qwen3:8b", output="1")),
    own=(OwnSide("qwen3.5:9b", 40.0), OwnSide("qwen3:8b", 100.0, 2000.0, 200.0, True)),
    price_per_kwh=Decimal("0.40"),
    currency="EUR",
)
TYPED = BreakEvenEntry(
    calls="1000000", tokens_in="1000", tokens_out="500", api="frontier", hardware_price="0"
)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(
    entry: BreakEvenEntry = TYPED, basis: BreakEvenBasis | None = BASIS, rate: str | None = "1"
) -> Scene:
    made = made_up_day.evening()
    money = Price("0.40", "EUR", dollar_rate=rate, dollar_rate_date="2026-11-20")
    return replace(
        made,
        settings=replace(made.settings, break_even=entry, price=money),
        extras=replace(made.extras, break_even=basis),
    )


def test_nothing_is_shown_before_there_is_a_basis() -> None:
    assert break_even_view(scene(basis=None)) is None
    assert break_even_view(scene(basis=BreakEvenBasis())) is None


def test_measured_figures_stand_in_for_what_was_not_typed() -> None:
    view = break_even_view(scene())
    assert view is not None
    assert view.model == "qwen3:8b"
    assert (view.examples["speed"], view.examples["watts"]) == ("100", "200")
    assert view.missing == ""
    # 1,000,000 calls of 1000 in and 500 out: 2000 + 5000 dollars
    together = {row[0]: row[1:] for row in view.table.rows}["Together"]
    assert together[0] == "€7,000.00"
    # 5.5 s a call at 200 W: 0.3056 Wh, 0.40 a kWh
    assert together[1] == "€122.22"
    assert "measured here" in view.notes
    assert "API price since Nov 1, 2026" in view.notes
    assert "Not in it: what a loaded model draws without work" in view.notes
    assert "Rate 1 EUR for one USD, of Nov 20, 2026." in view.notes
    assert "Privacy and offline use are not in the sum." in view.notes


def test_more_work_than_a_month_has_hours_is_a_mix() -> None:
    view = break_even_view(scene())
    assert view is not None
    # 5.5 million seconds against 2,629,800 in a month
    assert "answer 48% here" in view.answer
    assert "209% of a month" in view.answer


def test_few_calls_stay_on_the_api_and_hardware_is_never_paid_back() -> None:
    entry = replace(TYPED, calls="100", api="hosted", hardware_price="2000")
    view = break_even_view(scene(entry))
    assert view is not None
    assert view.answer.startswith("At this use the API is cheaper.")
    assert "paid back in" in view.answer or "never paid back" in view.answer


def test_an_unknown_price_of_hardware_is_no_zero() -> None:
    view = break_even_view(scene(replace(TYPED, hardware_price="")))
    assert view is not None
    assert view.answer.startswith("Which is cheaper hangs on the price of the hardware")
    rows = {row[0]: row[2] for row in view.table.rows}
    assert (rows["Hardware, written off"], rows["Together"]) == ("–", "–")


def test_a_price_that_ended_is_said_and_not_taken_unasked() -> None:
    old = replace(price("frontier"), valid_to=date(2020, 1, 1))
    view = break_even_view(
        scene(replace(TYPED, api="x"), replace(BASIS, prices=(old, price("other")), own=()))
    )
    assert view is not None
    assert view.api == "other"
    assert view.apis[0].text.endswith(", ended")
    asked = break_even_view(scene(TYPED, replace(BASIS, prices=(old, price("other")))))
    assert asked is not None
    assert "It ended on Jan 1, 2020" in asked.notes


def test_what_is_missing_or_no_number_is_named() -> None:
    view = break_even_view(scene(replace(TYPED, calls="")))
    assert view is not None
    assert view.missing == "Still needed: calls a month."
    assert view.table.rows == ()
    view = break_even_view(scene(replace(TYPED, watts="many")))
    assert view is not None
    assert view.missing == "Type as numbers: watts while answering."


def test_no_rate_is_guessed() -> None:
    view = break_even_view(scene(rate=None))
    assert view is not None
    assert "give the rate of USD in EUR in Settings" in view.missing
    own = replace(BASIS, prices=(price("frontier", currency="EUR"),))
    view = break_even_view(scene(basis=own, rate=None))
    assert view is not None
    assert view.missing == ""


def test_the_same_weights_hosted_come_first_where_nothing_was_chosen() -> None:
    view = break_even_view(scene(replace(TYPED, api="")))
    assert view is not None
    assert view.api == "hosted"


def test_no_price_of_electricity_is_said() -> None:
    view = break_even_view(scene(basis=replace(BASIS, price_per_kwh=None)))
    assert view is not None
    assert view.missing == "Set the price of electricity first."


@pytest.mark.parametrize(
    ("text", "value"),
    [("0,5", "0.5"), ("1,000", "1000"), ("1 000", "1000"), ("36", "36"), ("", None), ("-1", None),
     ("1e99", None), ("nan", None), ("x", None)],
)  # fmt: skip
def test_numbers_as_people_type_them(text: str, value: str | None) -> None:
    assert read_figure(text) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 11, 23), "API price seen on Nov 30, 2026 (a list); since"),
        (date(2026, 11, 30), "API price seen on Nov 30, 2026 (a list); since"),
        (date(2026, 12, 1), "API price seen on Nov 30, 2026, 1 day ago (a list); since"),
        (date(2026, 12, 4), "API price seen on Nov 30, 2026, 4 days ago (a list); since"),
    ],
)
def test_a_price_that_is_younger_than_the_trace_is_told_without_a_span(today: date, said: str) -> None:
    activate("en")
    seen = SimpleNamespace(
        source="a list", valid_from=None, seen_on=date(2026, 11, 30), valid_to=None, how_sure="", note=""
    )
    assert price_dates(seen, today).startswith(said)  # type: ignore[arg-type]


def test_prices_and_speeds_are_written_as_the_language_writes_them() -> None:
    activate("de")
    cheap = replace(price("cheap"), input_per_mtok=Decimal("0.020"), output_per_mtok=Decimal("0.04"))
    side = replace(BASIS.own[1], tokens_per_s=100.26)
    view = break_even_view(scene(basis=replace(BASIS, prices=(cheap,), own=(side,))))
    assert view is not None
    said = repr(view)
    assert "(0,02 / 0,04 USD)" in said and "100,3" in said and "0.02" not in said
