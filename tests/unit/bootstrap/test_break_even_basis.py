"""What the comparison with an API starts from: measured before estimated, counted use scaled to a month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from wattlight.bootstrap.break_even_basis import BasisMaker
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.store.jobs import TokenHour
from wattlight.viewmodels.scene import FitNote

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RUN = MeasuredSpeed("m:8b", "d1", "RTX", 8192, NOW, 1000, 100.0, 2000.0, None, power_w=210.0)
FITS = (FitNote("m:8b", active_w=210.0), FitNote("n:3b", tokens_low=20.0, tokens_high=40.0), FitNote("o:1b"))


def maker(hours: tuple[TokenHour, ...] = ()) -> BasisMaker:
    return BasisMaker(
        lambda: (),
        lambda: flat_tariff("0.36", "EUR", "UTC"),
        lambda: (RUN,),
        lambda: FITS,
        lambda _start, _end: hours,
        lambda: NOW,
    )


def hour(ago: timedelta, requests: int, source: str = "pass_through") -> TokenHour:
    return TokenHour(
        NOW - ago, "m:8b", "curl", source, requests, requests, requests * 300, 0, requests * 200, None, 0
    )


def test_measured_models_and_estimates_and_nothing_for_the_rest() -> None:
    basis = maker().basis()
    assert [(o.model, o.tokens_per_s, o.measured) for o in basis.own] == [
        ("m:8b", 100.0, True),
        ("n:3b", 30.0, False),
    ]
    assert basis.own[0].active_w == 210.0
    assert (basis.price_per_kwh, basis.currency) == (Decimal("0.36"), "EUR")
    assert basis.calls is None


def test_counted_use_is_scaled_to_a_month() -> None:
    basis = maker((hour(timedelta(days=10), 600), hour(timedelta(days=1), 400))).basis()
    assert basis.calls == round(1000 * 30.4375 / 10)
    assert (basis.tokens_in, basis.tokens_out) == (300, 200)


def test_a_few_calls_or_the_benchmarks_own_are_not_a_habit() -> None:
    assert maker((hour(timedelta(days=10), 19),)).basis().tokens_in is None
    assert maker((hour(timedelta(days=10), 500, "benchmark"),)).basis().tokens_in is None
    young = maker((hour(timedelta(hours=3), 500),)).basis()
    assert (young.calls, young.tokens_in) == (None, 300)
