"""Sums of days: from the cache and from the rows they are the same, whatever the tariff."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wattlight.domain.cost import By, Sums
from wattlight.domain.energy import Batch, EnergyRow, State
from wattlight.domain.tariff import Tariff, parse_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import close_days, sums_of_days
from wattlight.store import LedgerReader, LedgerWriter, Pending, open_ledger

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2026, 10, 20, tzinfo=UTC)
NOW = START + timedelta(days=10)
SPAN = (date(2026, 10, 19), date(2026, 10, 31))


def tariff(zone: str, price: str = "0.39") -> Tariff:
    band: dict[str, Any] = {"start": "22:00", "end": "06:00", "price_per_kwh": "0.283"}
    return parse_tariff(
        {"currency": "EUR", "timezone": zone, "periods": [{"price_per_kwh": price, "bands": [band]}]}
    )


@pytest.fixture
def writer(tmp_path: Path) -> LedgerWriter:
    writer = open_ledger(tmp_path / "ledger.sqlite3", NOW).writer
    pending = Pending()
    minute = to_us(START) // 60_000_000
    states = (State.BASE, State.PARKED, State.ACTIVE, State.MIXED, State.UNATTRIBUTED)
    for i in range(0, 9 * 1440, 7):
        state = states[i % 5]
        model = f"sha256:{i % 3}" if state in {State.PARKED, State.ACTIVE} else None
        device = "GPU-1" if i % 2 else "CPU"
        row = EnergyRow(
            LOCAL_HOST, minute + i, device, model, state, 10_000 + i, 30_000, Quality.COUNTER, 1, 2
        )
        pending.add(Batch(rows=(row,), presence=((LOCAL_HOST, minute + i, 30_000),)))
    pending.add(Batch(models=tuple((f"sha256:{i}", f"model:{i}") for i in range(3))))
    writer.write(pending)
    yield writer  # type: ignore[misc]
    writer.close()


def everything(writer: LedgerWriter, some: Tariff | None) -> tuple[Any, ...]:
    reader = LedgerReader(writer.connection, owns=False)
    days = sums_of_days(reader, some, UTC_ZONE, *SPAN)
    by_model = sums_of_days(reader, some, UTC_ZONE, *SPAN, by_model=True).sums.report(By.MODEL).by_model
    return (
        days.each(),
        tuple((line.key, line.energy_mj, line.cost_micro) for line in by_model),
        days.sums.amount(),
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
def test_the_cache_changes_nothing_but_the_speed(writer: LedgerWriter, zone: str) -> None:
    before = everything(writer, tariff(zone))
    assert close_days(writer, tariff(zone), to_us(NOW), UTC_ZONE) >= 9
    assert close_days(writer, tariff(zone), to_us(NOW), UTC_ZONE) == 0
    assert everything(writer, tariff(zone)) == before
    reader = LedgerReader(writer.connection, owns=False)
    sums = Sums(tariff(zone), to_us(START), to_us(NOW), time=By.DAY)
    report = sums.add_all(reader.buckets(0, 2**60)).report(By.DAY)
    assert before[2].energy_mj == report.energy_mj
    days = {s.day.isoformat(): s for s in before[0]}
    assert set(days) == {line.key for line in report.breakdown}
    for line in report.breakdown:
        day = days[line.key]
        assert day.working.energy_mj + day.parked.energy_mj + day.computer.energy_mj == line.energy_mj
    rows = Sums(tariff(zone), to_us(START), to_us(NOW)).add_all(reader.buckets(0, 2**60))
    by_model = rows.report(By.MODEL).by_model
    assert tuple((line.key, line.energy_mj, line.cost_micro) for line in by_model) == before[1]


def test_another_price_never_answers_from_the_old_cache(writer: LedgerWriter) -> None:
    close_days(writer, tariff("Europe/Berlin"), to_us(NOW), UTC_ZONE)
    cheap = everything(writer, tariff("Europe/Berlin", "0.10"))
    assert cheap[2].cost_micro < everything(writer, tariff("Europe/Berlin"))[2].cost_micro
    assert close_days(writer, tariff("Europe/Berlin", "0.10"), to_us(NOW), UTC_ZONE) >= 9
    assert everything(writer, tariff("Europe/Berlin", "0.10")) == cheap


def test_a_late_row_opens_its_day_again(writer: LedgerWriter) -> None:
    close_days(writer, tariff("Europe/Berlin"), to_us(NOW), UTC_ZONE)
    before = everything(writer, tariff("Europe/Berlin"))[2].energy_mj
    late = Pending()
    minute = to_us(START + timedelta(days=3)) // 60_000_000
    late.add(Batch(rows=(EnergyRow(LOCAL_HOST, minute, "CPU", None, State.BASE, 7, 0, Quality.COUNTER),)))
    writer.write(late)
    assert everything(writer, tariff("Europe/Berlin"))[2].energy_mj == before + 7
    assert close_days(writer, tariff("Europe/Berlin"), to_us(NOW), UTC_ZONE) >= 1
    assert everything(writer, tariff("Europe/Berlin"))[2].energy_mj == before + 7


def test_without_a_price_days_are_there_without_money(writer: LedgerWriter) -> None:
    sums = everything(writer, None)
    assert sums[2].cost_micro is None
    close_days(writer, None, to_us(NOW), UTC_ZONE)
    assert everything(writer, None) == sums


def test_an_empty_ledger_has_no_days_to_close(tmp_path: Path) -> None:
    empty = open_ledger(tmp_path / "x.sqlite3", NOW).writer
    assert close_days(empty, None, to_us(NOW), UTC_ZONE) == 0
    empty.close()
