"""The table of the first minutes: computed from what is shipped, and what it rests on said under it."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def script(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("first_minutes.py")


def test_minutes_add_up(script: ModuleType) -> None:
    server = script.Server("1.0.0", 1_500_000_000, 3_000_000_000)
    model = 3_000_000_000
    alone = script.minutes(model, 80, None, 500e6)
    assert alone == pytest.approx((300 + model / script.READ_BYTES_S + script.START_S) / 60)
    assert script.minutes(model, 80, server, 500e6) == pytest.approx(alone + (150 + 6) / 60)


def test_the_table_has_three_models_for_each_computer_and_says_what_it_assumes(script: ModuleType) -> None:
    server = script.listed_server()
    lines = script.table(server, 500e6)
    rows = [line for line in lines if " GB | " in line]
    assert len(rows) == 9
    assert all(row.count("|") == 10 for row in rows)
    basis = lines[-1]
    assert f"Ollama {server.version} is {server.download_bytes / 1e9:.2f} GB" in basis
    assert "assumptions" in basis
    assert "500 MB/s" in basis


def test_ten_minutes_are_bold_and_more_are_not(script: ModuleType) -> None:
    assert script.cell(9.94) == "**9.9**"
    assert script.cell(9.99) == "**10**"
    assert script.cell(10.4) == "10"
