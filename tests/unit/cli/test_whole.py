"""``power`` and ``cost`` where the whole computer is not measured: learned on battery, or a range."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fakes.metering import part
from wattlight.cli.verb_power import power_document, power_lines, watch_line
from wattlight.domain.energy import Batch, EstimateRow
from wattlight.domain.power import LearnedFigure, MachineSample, without_estimates
from wattlight.domain.values import LOCAL_HOST, to_us
from wattlight.i18n import activate
from wattlight.settings import MeterSettings, Settings
from wattlight.settings.storage import save_settings
from wattlight.store import Pending, open_ledger

from .test_energy_verbs import NOW, Shop, call, document

SCHEMA = Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "power.json"
LATEST = to_us(datetime(2026, 11, 12, 12, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def laptop(measured_w: float | None = None, figure: LearnedFigure | None = None) -> MachineSample:
    cpu = part("cpu", measured_w, "cpu", reason="closed", estimate_w=None if measured_w else (2.0, 12.0))
    battery = part("battery", None, "battery", reason="on mains")
    return MachineSample(LOCAL_HOST, NOW, 5.0, (cpu, battery), on_battery=False, learned=figure)


def learned(rest_w: float = 23.2) -> LearnedFigure:
    return LearnedFigure(23.2, 4.1, rest_w, 190.0, LATEST, False, True, screens=1)


def checked(sample: MachineSample) -> dict[str, Any]:
    answer = {"schema": 1, **power_document(sample)}
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(answer)
    total: dict[str, Any] = answer["total"]
    return total


def test_the_learned_whole_stands_beside_the_measured_sum_and_is_in_none() -> None:
    total = checked(laptop(9.0, learned(14.2)))
    assert (total["measured_w"], total["counted"]) == (9.0, ["cpu"])
    assert (total["wall_w"], total["wall_error_w"], total["wall_basis"]) == (23.2, 4.1, "learned")
    found = total["learned"]
    assert (found["power_w"], found["rest_w"], found["minutes"], found["screens"]) == (23.2, 14.2, 190.0, 1)
    assert found["latest"] == "2026-11-12T12:00:00Z" and found["at_mains"] and not found["counter"]
    assert total["estimate_w"] is None


def test_the_table_says_what_it_rests_on_and_what_it_cannot_see() -> None:
    lines = power_lines(laptop(None, learned()))
    assert lines[-1] == (
        "Whole computer: about 23 W ± 4.1 W, learned from 3 h 10 on battery, Nov 12. "
        "13% of it is taken for the loss of the adapter. "
        "A second screen or a dock is connected; what they draw themselves is not in it."
    )
    assert "whole computer about 23 W, learned" in watch_line(laptop(None, learned()))


def test_the_last_resort_is_a_range_until_something_is_measured() -> None:
    total = checked(laptop())
    assert total["estimate_w"] == [5.6, 26.2] and total["measured_w"] is total["learned"] is None
    assert power_lines(laptop())[-1] == (
        "Whole computer: 6–26 W, estimated from rated power and load; to make it exact, unplug the charger "
        "for half an hour, and Wattlight learns what this computer draws."
    )
    assert checked(without_estimates(laptop()))["estimate_w"] is None
    assert "estimated" not in " ".join(power_lines(without_estimates(laptop())))


def with_ranges(shop: Shop, *, hours: int = 2) -> None:
    opened = open_ledger(shop.places.ledger_file, NOW)
    first = to_us(NOW - timedelta(hours=hours)) // 900_000_000
    rows = tuple(EstimateRow(LOCAL_HOST, first + n, 9_000_000, 27_000_000, 900_000) for n in range(4 * hours))
    pending = Pending()
    pending.add(Batch(estimates=rows))
    opened.writer.write(pending)
    opened.writer.close()


def test_cost_tells_the_range_of_unmeasured_hours_in_no_sum(shop: Shop) -> None:
    with_ranges(shop)
    answer = document(shop, "cost")
    assert answer["energy_mj"] == 0 and answer["cost_micro"] is None
    assert answer["estimated"] == {
        "low_mj": 72_000_000,
        "high_mj": 216_000_000,
        "low_micro": None,
        "high_micro": None,
        "currency": None,
        "seen_s": 7200,
    }
    text = call(shop, "cost")[1]
    said = "whole computer: 20–60 Wh, estimated from rated power and load; nothing of it was measured"
    assert said in text
    yesterday = document(shop, "cost", "--day", "yesterday")
    assert yesterday["estimated"] is None


def test_who_wants_no_ranges_sees_none(shop: Shop) -> None:
    with_ranges(shop)
    save_settings(shop.places.settings_file, replace(Settings(), meter=MeterSettings(estimates=False)))
    assert document(shop, "cost")["estimated"] is None
    assert "estimated" not in call(shop, "cost")[1]
