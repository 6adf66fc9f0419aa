"""Measured speeds in the place of estimates; which runs speak for a model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wattlight.domain.tokens import MeasuredSpeed
from wattlight.services.benchmark import measured_range

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RUN = MeasuredSpeed(
    model="m", digest="d1", device="RTX", context=8192, at=NOW, output_tokens=200, output_tokens_per_s=100.0,
    prompt_tokens_per_s=None, server_version=None,
)  # fmt: skip


def run(speed: float, day: int = 0, **change: object) -> MeasuredSpeed:
    return replace(RUN, output_tokens_per_s=speed, at=NOW + timedelta(days=day), **change)


def test_one_run_is_a_range_of_five_percent() -> None:
    found = measured_range([RUN], "d1", "RTX")
    assert found is not None
    assert (found.low, found.mid, found.high) == (pytest.approx(95), 100, pytest.approx(105))
    assert found.basis == "Measured here once, on Nov 24, 2026."


def test_the_last_five_runs_span_the_range() -> None:
    runs = [run(10, -9), run(90, 1), run(100, 2), run(104, 3), run(98, 4), run(120, 5)]
    found = measured_range(runs, "d1", "RTX")
    assert found is not None
    assert (found.low, found.mid, found.high) == (90, 100, 120)
    assert "5 times, last on Nov 29, 2026" in found.basis


def test_the_same_context_is_preferred_and_others_do_not_count() -> None:
    runs = [run(100), run(50, context=32768), run(1, digest="d2"), run(2, device="cpu")]
    same = measured_range(runs, "d1", "RTX", 32768)
    other = measured_range(runs, "d1", "RTX", 4096)
    assert same is not None and same.mid == 50
    assert other is not None and other.mid == 75
    assert measured_range(runs, "d3", "RTX") is None
