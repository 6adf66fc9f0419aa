"""Longer spans out of a ledger: nothing is lost between rows and slots, whatever the table they lie in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from wattlight.domain.cost import HistorySlot, HistorySpan
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, GapRow, State
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import close_days, hours_of_the_week, power_history
from wattlight.store import LedgerReader, LedgerWriter, Pending, open_memory_ledger

NOW = datetime(2026, 10, 26, 12, 3, tzinfo=UTC)
MINUTE_NOW = to_us(NOW) // 60_000_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def writer() -> Iterator[LedgerWriter]:
    made = open_memory_ledger().writer
    yield made
    made.connection.close()


def record(writer: LedgerWriter, *minutes_ago: int, gaps: tuple[GapRow, ...] = ()) -> None:
    pending = Pending()
    pending.add(Batch(devices=(DeviceInfo(LOCAL_HOST, "gpu", "Card", "gpu", "v"),), gaps=gaps))
    for ago in minutes_ago:
        minute = MINUTE_NOW - ago
        rows = tuple(
            EnergyRow(LOCAL_HOST, minute, "gpu", model, state, mj, 60_000, Quality.SAMPLED)
            for model, state, mj in ((None, State.BASE, 600_000), ("m", State.ACTIVE, 3_000_000))
        )
        pending.add(Batch(rows=rows, presence=((LOCAL_HOST, minute, 60_000),), models=(("m", "m:1b"),)))
    writer.write(pending)


def history(writer: LedgerWriter, span: HistorySpan) -> tuple[HistorySlot, ...]:
    with LedgerReader(writer.connection, owns=False) as reader:
        return power_history(reader, span, None, BERLIN, NOW).slots


@pytest.mark.parametrize("span", list(HistorySpan))
def test_every_span_has_the_energy_of_its_rows(writer: LedgerWriter, span: HistorySpan) -> None:
    """Some of it in minutes, some in quarter hours, and yesterday with 25 hours."""
    record(writer, *range(1, 60), *range(1440 * 2, 1440 * 2 + 30), *range(1440 * 20, 1440 * 20 + 30))
    writer.roll_up(to_us(NOW))
    close_days(writer, None, to_us(NOW), BERLIN)
    slots = history(writer, span)
    minutes = {"day": 59, "week": 89, "month": 119, "year": 119}[span.value]
    assert sum(slot.energy_mj for slot in slots) == minutes * 3_600_000
    assert {round(slot.watts(slot.energy_mj)) for slot in slots if slot.covered_us} == {60}
    assert sum(slot.covered_us for slot in slots) == minutes * 60_000_000


def test_a_gap_is_named_by_the_ledger(writer: LedgerWriter) -> None:
    asleep = GapRow(LOCAL_HOST, "gpu", to_us(NOW) - 40 * 60_000_000, to_us(NOW) - 10 * 60_000_000, "asleep")
    record(writer, *range(1, 10), *range(41, 60), gaps=(asleep,))
    reasons = [slot.reason for slot in history(writer, HistorySpan.DAY)[-12:]]
    assert reasons == ["", "", "", "", *["asleep"] * 5, "", "", ""]


def test_an_empty_ledger_has_no_slots(writer: LedgerWriter) -> None:
    assert history(writer, HistorySpan.WEEK) == ()
    with LedgerReader(writer.connection, owns=False) as reader:
        assert hours_of_the_week(reader, None, BERLIN, NOW) == ()


def test_the_hours_of_the_week_are_local(writer: LedgerWriter) -> None:
    record(writer, *range(4, 64))  # 11:00 to 12:00 UTC, which is 12:00 to 13:00 in Berlin's winter
    record(writer, *range(1440 * 7 + 64, 1440 * 7 + 124))  # the Monday before, an hour earlier by UTC
    with LedgerReader(writer.connection, owns=False) as reader:
        hours = hours_of_the_week(reader, None, BERLIN, NOW)
    seen = [(h.day, h.hour, h.watts, h.models_watts) for h in hours if h.watts is not None]
    assert seen == [(0, 12, 60.0, 50.0)]
    assert next(h.covered_us for h in hours if h.watts) == 2 * 3_600_000_000
