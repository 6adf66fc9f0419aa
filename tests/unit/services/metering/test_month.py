"""A month with sleeps, kills, resets, changes of tariff and of clocks, against a plain second count."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest

from data.month_trace import TARIFF, Oracle, count, make_rows, to_csv
from wattlight.domain.cost import By
from wattlight.domain.tariff import parse_tariff
from wattlight.domain.values import from_us
from wattlight.services.metering import TraceRow, read_trace, replay

SPRING = ("2026-03-12", 30, 240, 1, "Europe/Berlin")
AUTUMN = ("2026-10-05", 30, 240, 2, "Europe/Berlin")
PLACES = [
    ("2026-03-07", 3, 30, 3, "America/New_York"),
    ("2026-10-31", 3, 30, 4, "America/New_York"),
    ("2026-10-02", 3, 30, 5, "Australia/Lord_Howe"),
    ("2026-04-03", 3, 30, 6, "Australia/Lord_Howe"),
    ("2026-03-28", 3, 30, 7, "Asia/Kolkata"),
]
Case = tuple[str, int, int, int, str]


@lru_cache(maxsize=2)
def prepared(case: Case) -> tuple[dict[str, Any], tuple[TraceRow, ...], Oracle]:
    start, days, beat_s, seed, zone = case
    rows = make_rows(datetime.fromisoformat(start).replace(tzinfo=UTC), days, beat_s, seed)
    tariff = {**TARIFF, "timezone": zone}
    return tariff, read_trace(to_csv(rows)), count(rows, tariff)


WAYS = ("model", "device", "day", "hour")
PAIRS = [
    # by day everywhere; by the rest where the clocks change the usual way, and in the slow suite everywhere
    pytest.param(
        case, by, id=f"{case[4]}-{case[0]}-{by}", marks=() if usual or by == "day" else pytest.mark.slow
    )
    for usual, cases in ((True, (SPRING, AUTUMN)), (False, PLACES))
    for case in cases
    for by in WAYS
]


@pytest.mark.parametrize(("case", "by"), PAIRS)
def test_a_month_to_the_millijoule_and_the_micro_unit(case: Case, by: str) -> None:
    document, rows, oracle = prepared(case)
    if by == "hour" and "Lord_Howe" in case[4]:
        pytest.skip("the oracle's hours are not unique where clocks move by 30 minutes")
    result = replay(rows, parse_tariff(document), By(by))
    report = result.report
    assert {line.key: line.energy_mj for line in report.breakdown} == dict(oracle.energy[by])
    money = {key: value * 1_000_000 / 3_600_000_000 for key, value in oracle.money[by].items()}
    lines = {line.key: line.cost_micro or 0 for line in report.breakdown}
    assert lines.keys() == money.keys()
    assert all(abs(lines[key] - value) < 1 for key, value in money.items()), "each within a micro-unit"
    assert report.energy_mj == oracle.total_mj
    assert report.cost_micro == sum(lines.values()) == round(sum(money.values())), "rounded once"
    assert report.observed_s == oracle.observed_s
    gaps = {(g.device, from_us(g.start_us), from_us(g.end_us), g.reason) for g in result.gaps}
    assert gaps == oracle.gaps
    assert len(gaps) == len(result.gaps)
    if case[1] == 30:
        assert {gap[3] for gap in gaps} == {"counter reset", "no reading"}
