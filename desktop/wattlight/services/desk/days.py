"""The days of a month as the ledger has them, one sum each."""

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.state import CostToday
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.services.metering import SpanSums
from wattlight.store import LedgerReader


def days_until(
    reader: LedgerReader,
    first: date,
    now_us: int,
    tariff: Tariff | None,
    zone: ZoneInfo,
    host: HostId = LOCAL_HOST,
) -> Iterator[tuple[date, CostToday]]:
    """Each local day from ``first`` to today with its sums; a day on which nothing was observed has zeros."""
    today = local_day(now_us, zone)
    day = first
    while day <= today:
        start_us, end_us = day_start_us(day, zone), day_start_us(day + timedelta(days=1), zone)
        sums = SpanSums(start_us, end_us, tariff)
        sums.load(reader.buckets(start_us, end_us, host), reader.observed_ms(start_us, end_us, host))
        yield day, sums.cost(now_us)
        day += timedelta(days=1)
