"""What the Cost page needs of the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from wattlight.domain.answers import TokenCost, monthly_saving
from wattlight.domain.breakeven import ApiPrice
from wattlight.domain.cost import DayAmount, keep_alive_saving, project_month
from wattlight.domain.state import HostState
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import ERROR_FRACTION, from_us, to_us
from wattlight.services.metering import DayBook, DaySum, ModelSum
from wattlight.services.pricing import mean_price
from wattlight.store import LedgerReader
from wattlight.store.jobs import TokenHour
from wattlight.viewmodels.scene import DayCost, ModelMonth, same_model

from .cost_answers import CostAnswers
from .cost_questions import BusyMinutes, caps, last_week, token_costs

DAYS_FOR_PROJECTION = 14
SHORTER_KEEP_ALIVE_S = 300
MTOK = 1_000_000


@dataclass(frozen=True, slots=True)
class CostPage:
    """Adds up this month, day by day, and looks ahead."""

    reader: Callable[[], LedgerReader | None]
    tariff: Callable[[], Tariff | None]
    zone: ZoneInfo
    now: Callable[[], datetime]
    hosted: Callable[[], tuple[ApiPrice, ...]]
    rate: Callable[[], tuple[Decimal | None, str]]
    """Units of the tariff's currency for one US dollar, and the date of that rate; the person's own."""
    host: Callable[[], HostState | None] = lambda: None
    hours: Callable[[datetime, datetime], tuple[TokenHour, ...]] = lambda _start, _end: ()
    """Counted tokens by the hour; empty while they cannot be read."""

    def answers(self) -> CostAnswers:
        """Everything the page shows beyond the running sums."""
        reader = self.reader()
        if reader is None:
            return CostAnswers(days=())
        tariff = self.tariff()
        zone = self.zone if tariff is None else tariff.zone
        now_us = to_us(self.now())
        today = local_day(now_us, zone)
        with reader:
            book = DayBook(reader, tariff, zone)
            first = today.replace(day=1)
            earlier = book.day_sums(min(first, today - timedelta(days=DAYS_FOR_PROJECTION + 7)), today)
            models = book.model_sums(first, today)
            busy = BusyMinutes()
            saved = self._saving(reader, tariff, (day_start_us(first, zone), now_us), busy)
            hours = self.hours(from_us(day_start_us(first, zone)), self.now())
            tokens = token_costs(reader, tariff, zone, hours)
            week = last_week(reader, tariff, zone, self.now())
        price = None if tariff is None else mean_price(tariff, self.now())
        host = self.host()
        projection = (
            project_month([DayAmount(d.day, _models_micro(d)) for d in earlier], today) if tariff else None
        )
        return CostAnswers(
            days=tuple(_day(day) for day in earlier if day.day >= first),
            months=tuple(self._month(model, tokens) for model in models),
            month_low_micro=projection.low if projection else None,
            month_high_micro=projection.high if projection else None,
            parked_saving_micro=saved,
            same_time_last_week_micro=week.cost_micro,
            last_week_reason=week.reason,
            caps=() if host is None else caps(host, busy, price),
        )

    def _saving(
        self, reader: LedgerReader, tariff: Tariff | None, span_us: tuple[int, int], busy: BusyMinutes
    ) -> int | None:
        """Money a month that a keep-alive of five minutes would save; ``busy`` looks at the same rows."""
        price = None if tariff is None else mean_price(tariff, self.now())
        seen = keep_alive_saving(busy.watching(reader.buckets(*span_us)), SHORTER_KEEP_ALIVE_S)
        saving = monthly_saving(seen, SHORTER_KEEP_ALIVE_S, price)
        return None if saving is None else saving.saved_micro

    def _month(self, model: ModelSum, tokens: dict[str, TokenCost]) -> ModelMonth:
        per_million = next((t for name, t in tokens.items() if same_model(name, model.model)), None)
        micro = None if per_million is None else per_million.cost_micro
        error = None
        if micro is not None and model.quality is not None:
            error = round(micro * ERROR_FRACTION[model.quality])
        hosted = self._hosted_price(model.model)
        return ModelMonth(
            model=model.model,
            tokens_out=model.tokens_out or None,
            per_million_micro=micro,
            per_million_error_micro=error,
            hosted_per_million_micro=hosted[0] if hosted else None,
            hosted_date=hosted[1] if hosted else "",
        )

    def _hosted_price(self, model: str) -> tuple[int, str] | None:
        """Output price of the same weights in the tariff's currency, and the day it was listed.

        A price in another currency is shown only with the person's own dated rate, never converted by guess.
        """
        tariff, (rate, _) = self.tariff(), self.rate()
        for row in self.hosted():
            if row.weights != model or tariff is None:
                continue
            if row.currency == tariff.currency:
                return round(row.output_per_mtok * MTOK), row.listed_on.isoformat()
            if rate is not None:
                return round(row.output_per_mtok * rate * MTOK), row.listed_on.isoformat()
        return None


def _models_micro(day: DaySum) -> int:
    return (day.working.cost_micro or 0) + (day.parked.cost_micro or 0)


def _day(day: DaySum) -> DayCost:
    return DayCost(
        day=day.day,
        working_mj=day.working.energy_mj,
        parked_mj=day.parked.energy_mj,
        computer_mj=day.computer.energy_mj,
        working_micro=day.working.cost_micro,
        parked_micro=day.parked.cost_micro,
        computer_micro=day.computer.cost_micro,
    )
