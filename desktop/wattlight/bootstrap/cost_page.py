"""What the Cost page needs of the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from wattlight.domain.instant import to_us
from wattlight.domain.state import CostToday
from wattlight.domain.tariff import Tariff, local_day
from wattlight.services.desk import days_until
from wattlight.store import LedgerReader
from wattlight.viewmodels import DayCost

from .extras import CostAnswers


@dataclass(frozen=True, slots=True)
class CostPage:
    """Adds up this month, day by day."""

    reader: Callable[[], LedgerReader | None]
    tariff: Callable[[], Tariff | None]
    zone: ZoneInfo
    now: Callable[[], datetime]

    def answers(self) -> CostAnswers:
        """The days of this month."""
        reader = self.reader()
        if reader is None:
            return CostAnswers(days=())
        tariff = self.tariff()
        zone = self.zone if tariff is None else tariff.zone
        now_us = to_us(self.now())
        first = local_day(now_us, zone).replace(day=1)
        with reader:
            days = tuple(days_until(reader, first, now_us, tariff, zone))
        return CostAnswers(days=tuple(_day(day, sums) for day, sums in days))


def _day(day: date, sums: CostToday) -> DayCost:
    priced = None not in (sums.models_micro, sums.machine_micro, sums.parked_micro)
    return DayCost(
        day=day,
        working_mj=sums.models_mj - sums.parked_mj,
        parked_mj=sums.parked_mj,
        computer_mj=sums.machine_mj - sums.models_mj,
        working_micro=(sums.models_micro or 0) - (sums.parked_micro or 0) if priced else None,
        parked_micro=sums.parked_micro if priced else None,
        computer_micro=(sums.machine_micro or 0) - (sums.models_micro or 0) if priced else None,
    )
