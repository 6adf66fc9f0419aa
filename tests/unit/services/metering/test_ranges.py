"""The last resort: a range from rated power and load, kept by quarter hours, in no sum."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.metering import START, part
from wattlight.domain.cost import CostRange, RangeSums
from wattlight.domain.energy import EstimateRow
from wattlight.domain.power import (
    DESKTOP_REST_W,
    LAPTOP_REST_W,
    MachineSample,
    estimated_range,
    usual_rating_w,
    without_estimates,
)
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, DeviceSample, to_us
from wattlight.services.metering import LiveMeter, Meter, MeterView
from wattlight.store import OpenedLedger, Pending, open_memory_ledger

TARIFF = flat_tariff("0.40", "EUR", "UTC")


def cpu(low: float = 8.0, high: float = 20.0) -> DeviceSample:
    return part("cpu", None, "cpu", reason="closed", estimate_w=(low, high))


def look(seconds: float, *parts: DeviceSample, slept: float = 0.0) -> MachineSample:
    at = START + timedelta(seconds=seconds + slept)
    return MachineSample(LOCAL_HOST, at, 100.0 + seconds, parts or (cpu(),))


def rows(*samples: MachineSample) -> list[EstimateRow]:
    meter = Meter(LOCAL_HOST)
    meter.expect(10)
    return [row for sample in samples for row in meter.process(sample, ()).estimates]


def test_the_whole_computer_is_estimated_from_parts_and_rest() -> None:
    low, high = look(0).estimate_w or (0.0, 0.0)
    assert (low, high) == pytest.approx(((8 + DESKTOP_REST_W[0]) / 0.9, (20 + DESKTOP_REST_W[1]) / 0.8))
    battery = part("battery", None, "battery", reason="on mains")
    laptop = look(0, cpu(), battery).estimate_w
    assert laptop is not None and laptop[0] == pytest.approx((8 + LAPTOP_REST_W[0]) / 0.9)
    asleep = replace(part("gpu", None, reason="asleep"), state="asleep")
    assert look(0, cpu(), battery, asleep).estimate_w == laptop


@pytest.mark.parametrize(
    "parts",
    [
        (part("cpu", 9.0, "cpu"),),
        (part("cpu", None, "cpu", counter_mj=5),),
        (cpu(), part("gpu", 30.0)),
        (cpu(), part("gpu", None, reason="no sensor")),  # nobody knows what it may draw
        (part("gpu", None, estimate_w=(5.0, 90.0)),),
        (part("cpu", None, "cpu", reason="virtual machine"),),
    ],
    ids=["measured", "counted", "beside a measured card", "a card of unknown rating", "no processor", "none"],
)
def test_no_range_where_something_is_measured_or_a_part_is_unknown(parts: tuple[DeviceSample, ...]) -> None:
    assert look(0, *parts).estimate_w is None
    assert rows(*(look(10 * n, *parts) for n in range(9))) == []


def test_both_ends_are_integrated_by_the_ledgers_rules() -> None:
    found = rows(*(look(10 * n) for n in range(181)))
    low, high = look(0).estimate_w or (0.0, 0.0)
    assert sum(row.low_mj for row in found) == pytest.approx(1800 * 1000 * low, abs=2)
    assert sum(row.high_mj for row in found) == pytest.approx(1800 * 1000 * high, abs=2)
    assert sum(row.seen_ms for row in found) == 1_800_000
    assert {row.quarter for row in found} == {to_us(START) // 900_000_000, to_us(START) // 900_000_000 + 1}


def test_gaps_and_sleep_are_not_filled() -> None:
    before = [look(10 * n) for n in range(10)]
    silent = [look(400 + 10 * n) for n in range(10)]
    asleep = [look(500 + 10 * n, slept=3600.0) for n in range(10)]
    assert sum(row.seen_ms for row in rows(*before, *silent, *asleep)) == 270_000


def test_nothing_of_it_is_in_the_sums_of_the_ledger() -> None:
    meter = Meter(LOCAL_HOST)
    batches = [meter.process(look(10 * n), ()) for n in range(30)]
    assert all(not (batch.rows or batch.presence) for batch in batches)
    assert any(not batch.empty for batch in batches)


@pytest.fixture
def opened() -> Iterator[OpenedLedger]:
    ledger = open_memory_ledger()
    yield ledger
    ledger.writer.connection.close()


def test_it_survives_restarts_and_is_priced(opened: OpenedLedger) -> None:
    for start in (0, 3600):
        pending = Pending()
        for row in rows(*(look(start + 10 * n) for n in range(91))):
            pending.add(replace(Meter(LOCAL_HOST).finish(), estimates=(row,)))
        assert not pending.empty
        opened.writer.write(pending)
    span = to_us(START), to_us(START + timedelta(hours=3))
    found = RangeSums(TARIFF, *span).add_all(opened.reader().estimates(*span)).range()
    low, high = look(0).estimate_w or (0.0, 0.0)
    assert found is not None and found.seen_s == 1800
    assert found.low_mj == pytest.approx(1800 * 1000 * low, abs=4)
    assert found.low_micro == pytest.approx(low * 0.5 / 1000 * 400_000, rel=1e-4)
    assert found.high_micro == pytest.approx(high * 0.5 / 1000 * 400_000, rel=1e-4)
    assert opened.writer.forget_before(to_us(START + timedelta(minutes=30))) > 0
    assert sum(row.seen_ms for row in opened.reader().estimates(*span)) == 900_000
    opened.writer.purge(START)
    assert list(opened.reader().estimates(*span)) == []


def test_without_rows_there_is_no_range_and_without_a_price_no_money() -> None:
    row = EstimateRow(LOCAL_HOST, to_us(START) // 900_000_000, 3_600_000, 7_200_000, 900_000)
    span = to_us(START), to_us(START + timedelta(hours=1))
    assert RangeSums(TARIFF, *span).add_all([]).range() is None
    bare = RangeSums(None, *span).add_all([row]).range()
    assert bare == CostRange(3_600_000, 7_200_000, None, None, None, 900.0)


def test_today_has_the_range_beside_its_sums() -> None:
    views: list[MeterView] = []
    now = [START]
    live = LiveMeter(lambda _batch: True, lambda: (), lambda: TARIFF, lambda: now[0], views.append)
    live.expect(10)
    for n in range(90):
        sample = look(10 * n)
        now[0] = sample.at
        live.take(sample)
    today, month = views[-1].today, views[-1].month
    assert today is not None and month is not None and today.estimated is not None
    assert today.energy_mj == 0 and today.quality is None
    assert today.estimated == month.estimated and today.estimated.seen_s == 890


def test_who_wants_no_ranges_gets_none() -> None:
    sample = without_estimates(look(0))
    assert sample.estimate_w is None and rows(sample) == []


def test_ratings_where_nobody_tells() -> None:
    assert usual_rating_w(8, True) < usual_rating_w(8, False) < usual_rating_w(32, False)
    assert usual_rating_w(None, False) == usual_rating_w(4, False)
    low, high = estimated_range(usual_rating_w(8, True), None, 5.0) or (0.0, 0.0)
    assert 0 < low < high <= usual_rating_w(8, True)
