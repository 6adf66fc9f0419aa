"""The memory model against every measured case, and the bounds of the whole table."""

import pytest

from bench import fit_accuracy as accuracy

CASES = accuracy.all_scored()
LOADS = accuracy.loads()


@pytest.mark.parametrize("line", accuracy.table(), ids=lambda line: line.what)
def test_the_table(line: accuracy.Line) -> None:
    assert line.count > 0
    assert line.good, f"{line.what}: {line.figure:.3f}, bound {line.bound}"


@pytest.mark.parametrize("line", accuracy.fresh_table(), ids=lambda line: line.what)
def test_models_that_came_out_later(line: accuracy.Line) -> None:
    assert line.count > 0
    assert line.good, f"{line.what}: {line.figure:.3f}, bound {line.bound}"


def test_every_measured_case_is_there() -> None:
    assert len(CASES) == 416
    assert len(accuracy.fresh_scored()) == 1240
    assert len(LOADS) == 22


@pytest.mark.parametrize("scored", CASES, ids=lambda scored: scored.case["id"])
def test_a_case(scored: accuracy.Scored) -> None:
    """Exact weights and cache where the same was placed, totals within 1.5 % anywhere."""
    assert abs(scored.error("total")) < 0.015
    assert abs(scored.error("weights")) < 1e-4
    assert abs(scored.error("cache")) < 0.001


@pytest.mark.parametrize("loaded", LOADS, ids=lambda loaded: loaded.answer["id"])
def test_a_load_by_a_real_server(loaded: accuracy.Loaded) -> None:
    assert loaded.context_right
    assert loaded.batch_right
    assert loaded.layers_agree
    assert abs(loaded.size_error) < 0.005
    assert abs(loaded.vram_error) < 0.005
