"""What the comparison with an API starts from: prices, measured speeds and draws, counted use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from wattlight.domain.breakeven import ApiPrice
from wattlight.domain.tariff import Tariff
from wattlight.domain.tokens import MeasuredSpeed, TokenSource
from wattlight.services.pricing import mean_price
from wattlight.store.jobs import TokenHour
from wattlight.viewmodels.scene import BreakEvenBasis, FitNote, OwnSide, same_model

LOOKED_BACK = timedelta(days=30)
LEAST_SPAN = timedelta(days=1)
LEAST_CALLS = 20
"""Typical tokens of a call are not told from fewer."""
DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class BasisMaker:
    """Gathers the basis; each source answers with nothing where it cannot be read."""

    prices: Callable[[], tuple[ApiPrice, ...]]
    tariff: Callable[[], Tariff | None]
    runs: Callable[[], tuple[MeasuredSpeed, ...]]
    fits: Callable[[], tuple[FitNote, ...]]
    hours: Callable[[datetime, datetime], tuple[TokenHour, ...]]
    now: Callable[[], datetime]

    def basis(self) -> BreakEvenBasis:
        """Everything that is known now."""
        tariff = self.tariff()
        calls, tokens_in, tokens_out = self._use()
        return BreakEvenBasis(
            prices=self.prices(),
            own=self._own(),
            price_per_kwh=None if tariff is None else mean_price(tariff, self.now()),
            currency=None if tariff is None else tariff.currency,
            calls=calls,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )

    def _own(self) -> tuple[OwnSide, ...]:
        runs, sides = self.runs(), []
        for fit in self.fits():
            run = next((r for r in runs if same_model(r.model, fit.model)), None)
            if run is not None:
                prompt = run.prompt_tokens_per_s
                sides.append(OwnSide(fit.model, run.output_tokens_per_s, prompt, fit.active_w, True))
            elif fit.tokens_low is not None and fit.tokens_high is not None:
                sides.append(OwnSide(fit.model, (fit.tokens_low + fit.tokens_high) / 2))
        return tuple(sides)

    def _use(self) -> tuple[int | None, int | None, int | None]:
        """(calls a month, tokens in, tokens out of a call) as the relay counted them."""
        now = self.now()
        hours = [h for h in self.hours(now - LOOKED_BACK, now) if h.source == TokenSource.PASS_THROUGH]
        counted = sum(h.counted for h in hours)
        if not hours or counted < LEAST_CALLS:
            return None, None, None
        span = now - hours[0].start
        calls = None
        if span >= LEAST_SPAN:
            calls = round(sum(h.requests for h in hours) * DAYS_PER_MONTH / (span / timedelta(days=1)))
        return (
            calls,
            round(sum(h.prompt_tokens for h in hours) / counted),
            round(sum(h.output_tokens for h in hours) / counted),
        )
