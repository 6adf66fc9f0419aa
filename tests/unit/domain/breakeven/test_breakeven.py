"""The seed cases with fixed inputs, and the arithmetic checked by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.breakeven import (
    ApiPrice,
    BreakEvenProblem,
    LocalSide,
    MonthlyUse,
    Terms,
    compare,
    parse_api_prices,
    prices_on,
)
from wattlight.paths import asset_text

MINI = ApiPrice(
    "gpt-4o-mini", "OpenAI", "GPT-4o mini", "", "USD",
    Decimal("0.15"), Decimal("0.60"), Decimal("0.075"), date(2026, 11, 24), "test",
)  # fmt: skip
CARD = LocalSide(
    output_tokens_per_s=130,
    input_tokens_per_s=3000,
    active_w=300,
    parked_w=20,
    parked_hours_per_month=100,
    price_per_kwh=Decimal("0.17"),
    currency="USD",
    hardware_price=Decimal(2000),
    life_months=36,
)


def test_ten_thousand_calls_a_month_stay_on_the_api() -> None:
    answer = compare(MonthlyUse(10_000, 500, 250), MINI, CARD)
    # one call: 500 x 0.15 / 1e6 + 250 x 0.60 / 1e6 = 0.000225 USD
    assert answer.api_micro == 2_250_000
    # (250/130 + 500/3000) s x 10,000 = 5.8048 h at 300 W, and 100 h at 20 W: 3.7415 kWh x 0.17
    assert answer.busy_hours == pytest.approx(5.8048, abs=1e-4)
    assert answer.energy_micro == pytest.approx(636_046, abs=1)
    assert answer.hardware_micro == 55_555_556
    assert answer.choice == "api"
    assert answer.local_share == 0
    assert answer.hybrid_micro == answer.api_micro
    # 2000 / (2.25 - 0.636046) are 1239 months, and it lasts 36
    assert answer.payback_months is None
    assert answer.hardware_worth_micro == pytest.approx(36 * (2.25 - 0.636046) * 1e6, rel=1e-4)


def test_a_million_calls_against_a_2000_dollar_card() -> None:
    answer = compare(MonthlyUse(1_000_000, 500, 250), MINI, CARD)
    assert answer.api_micro == 225_000_000
    # 580.48 h busy of 730.5, 174.145 kWh, plus 2 kWh parked, x 0.17
    assert answer.load == pytest.approx(580.4843 / 730.5, rel=1e-6)
    assert answer.energy_micro == pytest.approx(29_944_701, abs=2)
    assert answer.choice == "local"
    assert answer.local_share == 1
    assert answer.payback_months == pytest.approx(2000 / (225 - 29.9447), rel=1e-4)
    assert answer.local_micro == answer.energy_micro + answer.hardware_micro
    assert answer.hybrid_micro == pytest.approx(answer.local_micro, abs=1)


def test_the_same_weights_hosted_can_be_cheaper_than_electricity_alone() -> None:
    hosted = replace(MINI, input_per_mtok=Decimal("0.03"), output_per_mtok=Decimal("0.05"))
    dear = replace(CARD, price_per_kwh=Decimal("0.39"), hardware_price=Decimal(0), input_tokens_per_s=None)
    answer = compare(MonthlyUse(1_000_000, 0, 250), hosted, dear)
    assert answer.payback_months is None
    assert answer.break_even_calls is None
    assert answer.choice == "api"
    # 300 W / 130 tokens/s x 0.39 per kWh = 0.25 per million output tokens
    assert answer.local_per_call_micro * 4000 == pytest.approx(250_000, rel=0.01)


def test_more_work_than_hours_is_shared() -> None:
    answer = compare(MonthlyUse(10_000_000, 500, 250), MINI, CARD)
    assert answer.choice == "hybrid"
    assert answer.local_share == pytest.approx(1 / answer.load)
    assert answer.hybrid_micro < answer.api_micro


def test_the_break_even_is_where_both_sides_cost_the_same() -> None:
    calls = compare(MonthlyUse(1, 500, 250), MINI, CARD).break_even_calls
    assert calls is not None
    at = compare(MonthlyUse(calls, 500, 250), MINI, CARD)
    before = compare(MonthlyUse(calls - 1, 500, 250), MINI, CARD)
    assert at.local_micro <= at.api_micro
    assert before.local_micro >= before.api_micro


def test_the_rate_and_the_cached_share_count() -> None:
    euro = replace(CARD, currency="EUR")
    answer = compare(MonthlyUse(1000, 1000, 0, cached_input_share=0.5), MINI, euro, Decimal("0.9"))
    # 500 x 0.15 + 500 x 0.075 per million, x 1000 calls, x 0.9
    assert answer.api_micro == 101_250
    assert answer.currency == "EUR"


@pytest.mark.parametrize("rate", ["0", "-1", "NaN"])
def test_a_rate_of_nothing_is_refused(rate: str) -> None:
    with pytest.raises(BreakEvenProblem):
        compare(MonthlyUse(1, 1, 1), MINI, CARD, Decimal(rate))


@pytest.mark.parametrize(
    "change", [{"output_tokens_per_s": 0}, {"life_months": 0}, {"active_w": -1}, {"active_w": float("nan")}]
)
def test_impossible_hardware_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(BreakEvenProblem):
        replace(CARD, **change)


@given(
    calls=st.integers(0, 10**8),
    tokens_in=st.floats(0, 1e5),
    tokens_out=st.floats(0, 1e5),
    watts=st.floats(0, 2000),
    price=st.decimals("-0.5", 2, places=4),
)
def test_the_choice_is_never_the_dearer_one(
    calls: int, tokens_in: float, tokens_out: float, watts: float, price: Decimal
) -> None:
    answer = compare(
        MonthlyUse(calls, tokens_in, tokens_out), MINI, replace(CARD, active_w=watts, price_per_kwh=price)
    )
    assert answer.hybrid_micro <= answer.api_micro + 1
    assert 0 <= answer.local_share <= 1


def test_the_shipped_prices_are_dated_and_open_weights_come_first() -> None:
    prices = parse_api_prices(asset_text("prices/api_prices.csv"))
    assert len(prices) == 86
    assert all(
        price.source and price.seen_on in {date(2026, 11, 24), date(2026, 11, 30)} and price.how_sure
        for price in prices
    )
    closed = [index for index, price in enumerate(prices) if not price.weights]
    assert closed == list(range(closed[0], len(prices)))
    assert len({(price.id, price.valid_from) for price in prices}) == len(prices)
    assert not any("index id" in price.source + price.note for price in prices)


def test_the_newest_price_valid_on_a_day_counts_and_the_ended_are_said() -> None:
    prices = parse_api_prices(asset_text("prices/api_prices.csv"))

    def row(name: str, day: date) -> ApiPrice:
        return next(price for price in prices_on(prices, day) if price.id == name)

    flash, year_end = "gemini/gemini-3.8-flash", date(2026, 12, 31)
    assert row(flash, year_end).input_per_mtok == Decimal("0.75")
    assert row(flash, date(2027, 1, 1)).input_per_mtok == Decimal("1.5")
    assert [p.id for p in prices_on(prices, year_end)].count(flash) == 1
    medium = row("mistral/mistral-medium-3-5", date(2027, 4, 30))
    assert not medium.ended(date(2027, 4, 30))
    assert medium.ended(date(2027, 5, 1))
    assert row("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", year_end).ended(year_end)


def test_what_is_not_known_is_never_nothing() -> None:
    free = replace(CARD, hardware_price=None, parked_w=None, parked_hours_per_month=None)
    answer = compare(MonthlyUse(300_000, 800, 300), MINI, free)
    assert (answer.choice, answer.local_share, answer.hybrid_micro) == ("unknown", None, None)
    assert (answer.hardware_micro, answer.local_micro, answer.break_even_calls) == (None, None, None)
    worth = answer.hardware_worth_micro
    assert worth == pytest.approx(36 * (answer.api_micro - answer.energy_micro), rel=1e-6)
    just = replace(free, hardware_price=Decimal(worth - 1_000_000) / 1_000_000)
    assert compare(MonthlyUse(300_000, 800, 300), MINI, just).choice == "local"
    dear = replace(free, hardware_price=Decimal(worth + 1_000_000) / 1_000_000)
    assert compare(MonthlyUse(300_000, 800, 300), MINI, dear).choice == "api"
    assert compare(MonthlyUse(300_000, 800, 300), MINI, dear).payback_months is None
    # electricity alone dearer than the API: no price of hardware is needed to say so
    hot = replace(free, active_w=4000, price_per_kwh=Decimal("0.9"))
    assert compare(MonthlyUse(300_000, 800, 300), MINI, hot).choice == "api"


def test_vat_batch_and_the_rest_of_the_computer_count_when_given() -> None:
    use = MonthlyUse(1000, 1000, 1000)
    row = replace(MINI, batch_discount=Decimal("0.5"))
    plain = compare(use, row, CARD)
    assert compare(use, row, CARD, Terms(vat=Decimal("0.2"))).api_micro == plain.api_micro * 12 // 10
    assert compare(use, row, CARD, Terms(batch=True)).api_micro == plain.api_micro // 2
    assert compare(use, MINI, CARD, Terms(batch=True)).api_micro == plain.api_micro
    on = compare(use, row, replace(CARD, idle_w=60, idle_hours_per_month=500))
    assert on.energy_micro - plain.energy_micro == pytest.approx(30 * 170_000, abs=1)


def test_a_bad_row_is_named_by_its_line() -> None:
    text = asset_text("prices/api_prices.csv").splitlines()
    with pytest.raises(BreakEvenProblem, match="Line 3"):
        parse_api_prices("\n".join([*text[:2], text[2].replace("0.06", "0,06x")]))


def test_a_lone_carriage_return_in_a_price_list_is_told_with_its_line() -> None:
    with pytest.raises(BreakEvenProblem, match="Line "):
        parse_api_prices("id,provider\nx,\ry\n")
