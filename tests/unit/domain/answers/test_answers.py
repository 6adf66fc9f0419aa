"""The small answers, each against figures worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wattlight.domain.answers import (
    EVERYDAY_WH,
    Budget,
    CapInputs,
    Everyday,
    TokenCost,
    budget_stand,
    everyday,
    not_comparable,
    power_cap_advice,
    same_hours_of_last_week,
    token_costs,
)
from wattlight.domain.cost import Bucket, Sums
from wattlight.domain.energy import MINUTE_US, DeviceInfo, State
from wattlight.domain.keep_alive import KeepAliveSaving, monthly_saving
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, to_us

WH = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def test_a_shorter_keep_alive_over_a_month() -> None:
    # in 6.0875 days (a fifth of a month) 600 Wh parked, 400 of them beyond five minutes
    seen = KeepAliveSaving(600 * WH, 400 * WH, 3600, 6.0875)
    answer = monthly_saving(seen, 300, Decimal("0.40"))
    assert answer is not None
    assert answer.saved_mj == 2000 * WH
    assert answer.parked_mj == 3000 * WH
    assert answer.saved_micro == 800_000
    assert answer.share == pytest.approx(2 / 3)
    assert (answer.idle_s, answer.keep_alive_s) == (3600, 300)
    without = monthly_saving(seen, 300, None)
    assert without is not None and without.saved_micro is None


@pytest.mark.parametrize(
    "seen", [KeepAliveSaving(600, 400, 60, 2.9), KeepAliveSaving(600, 0, 60, 9), KeepAliveSaving(0, 0, 0, 0)]
)
def test_no_saving_is_promised_without_grounds(seen: KeepAliveSaving) -> None:
    assert monthly_saving(seen, 300, Decimal("0.4")) is None


def test_a_cap_for_a_350_watt_card() -> None:
    advice = power_cap_advice(CapInputs(350, 350, 330, 60), Decimal("0.39"))
    assert advice is not None
    assert advice.cap_w == 280
    # 50 W for 60 h are 3 kWh at most
    assert (advice.saves_low_mj, advice.saves_high_mj) == (1500 * WH, 3000 * WH)
    assert (advice.saves_low_micro, advice.saves_high_micro) == (585_000, 1_170_000)
    # published: 1 % at 80 (RTX 3090), 5 % at 85, 7 % at 78; nothing narrower is claimed
    assert advice.slower[0] <= 0.01 and advice.slower[1] >= 0.07
    priceless = power_cap_advice(CapInputs(350, 350, 330, 60))
    assert priceless is not None and priceless.saves_high_micro is None


@pytest.mark.parametrize(
    "card",
    [
        CapInputs(None, 350, 330, 60),
        CapInputs(350, None, 330, 60),
        CapInputs(350, 350, None, 60),
        CapInputs(350, 350, 330, 0.5),
        CapInputs(350, 280, 280, 60),
        CapInputs(350, 350, 285, 60),
        CapInputs(75, 75, 75, 60),
        CapInputs(350, 350, 330, 60, adjustable=False),
    ],
)
def test_no_cap_where_nothing_is_known_or_gained(card: CapInputs) -> None:
    assert power_cap_advice(card, Decimal("0.39")) is None


@pytest.mark.parametrize(
    ("wh", "expected"),
    [
        (1.0, Everyday("lamp_minutes", 8.0)),
        (15.0, Everyday("phone_charges", 1.0)),
        (420.0, Everyday("litres_boiled", 4.0)),
        (105.0, Everyday("litres_boiled", 1.0)),
        (155.0, Everyday("litres_boiled", 1.5)),
        (18000.0, Everyday("car_km", 100.0)),
    ],
)
def test_everyday(wh: float, expected: Everyday) -> None:
    assert everyday(round(wh * WH)) == expected


@given(st.integers(-(10**6), 10**18))
@example(50 * WH)
@example(53 * WH)
def test_everyday_is_near_the_truth_or_silent(energy_mj: int) -> None:
    found = everyday(energy_mj)
    if found is None:
        assert energy_mj < 0.07 * WH
        return
    told = found.amount * EVERYDAY_WH[found.kind] * WH
    assert told == pytest.approx(energy_mj, rel=0.5)
    assert everyday(None) is None


def test_the_same_hours_of_last_week() -> None:
    now = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    spans = same_hours_of_last_week(now, BERLIN)
    assert spans.today_start == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert spans.then_start == datetime(2026, 11, 16, 23, tzinfo=UTC)
    assert spans.then_end == now - timedelta(days=7)
    # after the clocks went back on the Sunday between, the same wall time is an hour earlier in UTC then
    after = same_hours_of_last_week(datetime(2026, 10, 26, 11, tzinfo=UTC), BERLIN)
    assert after.then_end == datetime(2026, 10, 19, 10, tzinfo=UTC)
    assert after.then_start == datetime(2026, 10, 18, 22, tzinfo=UTC)
    # the day itself has 25 hours
    day = same_hours_of_last_week(datetime(2026, 10, 25, 22, 30, tzinfo=UTC), BERLIN)
    assert day.today_end - day.today_start == timedelta(hours=24, minutes=30)
    assert day.then_end - day.then_start == timedelta(hours=23, minutes=30)


def test_against_last_week_only_with_both_seen() -> None:
    assert not_comparable(100, 1.0, 0.9) == ""
    assert not_comparable(100, 0.8, 0.8) == ""
    for then_mj, now_seen, then_seen, said in (
        (0, 1.0, 0.0, "Nothing was recorded"),
        (100, 1.0, 0.7, "only partly recorded"),
        (100, 0.7, 1.0, "Today was only partly"),
        (0, 1.0, 1.0, "Nothing was used"),
    ):
        assert said in not_comparable(then_mj, now_seen, then_seen)


def test_a_budget_alarms_once() -> None:
    day = date(2026, 11, 24)
    both = Budget(1_000_000, 20_000_000)
    low = budget_stand(both, day, 500_000, 3_000_000)
    assert [(s.key, s.share, s.alarm) for s in low] == [("2026-11-24", 0.5, False), ("2026-11", 0.15, False)]
    reached = budget_stand(both, day, 1_000_000, 3_000_000)
    assert [s.alarm for s in reached] == [True, False]
    again = budget_stand(both, day, 1_500_000, 3_000_000, frozenset({"2026-11-24"}))
    assert [s.alarm for s in again] == [False, False]
    assert budget_stand(Budget(), day, 1, 1) == ()
    assert budget_stand(both, day, None, None) == ()
    assert budget_stand(Budget(0, None), day, 5, 5) == ()


START = to_us(datetime(2026, 3, 1, tzinfo=UTC))


def month(*rows: tuple[int, str, State, int, int]) -> dict[str, TokenCost]:
    """Costs of tokens from (minute, model, state, mJ, tokens); half a euro a kWh."""
    sums = Sums(flat_tariff("0.5", "EUR", "UTC"), START, START + 86_400_000_000, time=None)
    sums.know((DeviceInfo(LOCAL_HOST, "gpu", "card", "gpu", "v", "board", "test", 0.04),))
    for minute, model, state, energy_mj, tokens in rows:
        at = START + minute * MINUTE_US
        sums.add(Bucket(at, MINUTE_US, "gpu", model, state, energy_mj, 60_000, Quality.COUNTER, 5, tokens))
    return token_costs(sums)


def test_a_million_tokens_take_all_energy_of_the_time_a_model_was_loaded() -> None:
    found = month(
        (0, "m:8b", State.ACTIVE, 20 * WH, 50_000),
        (1, "m:8b", State.PARKED, 5 * WH, 0),
        (600, "m:8b", State.PARKED, 15 * WH, 0),  # hours without an answer count too
        (1, "n:3b", State.ACTIVE, 7 * WH, 2_000),
        (2, "base", State.BASE, 100 * WH, 0),
    )
    cost = found["m:8b"]
    assert cost.whole is not None and cost.working is not None
    assert (cost.whole.energy_mj, cost.working.energy_mj) == (800 * WH, 400 * WH)
    assert (cost.whole.cost_micro, cost.working.cost_micro) == (400_000, 200_000)
    assert cost.whole.error_fraction == 0.04
    assert (cost.output_tokens, cost.prompt_tokens, cost.upper_bound) == (50_000, 15, False)
    assert set(found) == {"m:8b", "n:3b"}


def test_work_whose_tokens_nobody_counted_makes_it_an_upper_bound() -> None:
    found = month(
        (0, "m:8b", State.ACTIVE, 10 * WH, 10_000),
        (5, "m:8b", State.ACTIVE, 10 * WH, 0),  # the same quarter of an hour: an answer of some minutes
        (40, "m:8b", State.ACTIVE, 20 * WH, 0),
    )["m:8b"]
    assert found.counted_share == 0.5
    assert found.upper_bound
    assert found.whole is not None and found.whole.energy_mj == 4000 * WH


def test_no_tokens_or_too_few_give_a_reason_and_no_price() -> None:
    none = month((0, "m:8b", State.PARKED, WH, 0))["m:8b"]
    few = month((0, "m:8b", State.ACTIVE, WH, 999))["m:8b"]
    assert (none.whole, none.working, few.whole) == (None, None, None)
    assert "pass-through" in none.reason
    assert "Too few" in few.reason
    assert few.output_tokens == 999
