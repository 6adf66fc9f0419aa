"""The committed trace that README.md beside it works out by hand."""

import json
from pathlib import Path

from wattlight.domain.cost import By
from wattlight.domain.tariff import parse_tariff
from wattlight.domain.values import iso_utc
from wattlight.services.metering import read_trace, replay

FOLDER = Path(__file__).resolve().parents[3] / "data" / "traces"


def test_the_sums_worked_out_by_hand() -> None:
    rows = read_trace((FOLDER / "by_hand.csv").read_text(encoding="utf-8"))
    tariff = parse_tariff(json.loads((FOLDER / "weekend.json").read_text(encoding="utf-8")))
    result = replay(rows, tariff, By.MODEL)
    assert {line.key: (line.energy_mj, line.cost_micro) for line in result.report.breakdown} == {
        "qwen3:8b": (3_700_000, 288),
        "base": (23_900_000, 1889),
    }
    assert (result.report.energy_mj, result.report.cost_micro) == (27_600_000, 2177)
    assert (result.report.observed_s, result.report.span_s) == (70, 21_670)
    assert [(g.device, iso_utc(g.start_us), iso_utc(g.end_us), g.reason) for g in result.gaps] == [
        ("cpu", "2026-03-28T21:00:30Z", "2026-03-29T03:00:30Z", "no reading"),
        ("gpu0", "2026-03-29T03:00:30Z", "2026-03-29T03:00:40Z", "counter reset"),
    ]
    devices = {line.key: line.energy_mj for line in replay(rows, tariff, By.DEVICE).report.breakdown}
    assert devices == {"gpu0": 2_900_000 + 800_000 + 21_600_000, "cpu": 800_000 + 1_500_000}
    days = {line.key: line.energy_mj for line in replay(rows, tariff, By.DAY).report.breakdown}
    assert list(days) == ["2026-03-28", "2026-03-29"]
