"""Who draws it: shares by use that always sum to the part's figure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.energy import OTHERS, ByProgram, PartUse, by_program


def test_what_is_above_idle_belongs_to_those_that_used_it() -> None:
    shares = by_program([PartUse(60_000, 20_000, {"game": 2.0, "ollama": 1.0}, 1.0)])
    assert shares == ByProgram({"game": 20_000, "ollama": 10_000}, idle=20_000, rest=10_000)


def test_parts_of_one_program_are_added() -> None:
    gpu = PartUse(300_000, 30_000, {"game": 0.9, "ollama": 0.1})
    cpu = PartUse(50_000, 10_000, {"game": 1.0, "browser": 3.0})
    shares = by_program([gpu, cpu])
    assert dict(shares.programs) == {"game": 253_000, "ollama": 27_000, "browser": 30_000}
    assert shares.idle == 40_000


def test_without_an_idle_level_nothing_is_divided() -> None:
    assert by_program([PartUse(9_000, None, {"a": 1.0})]) == ByProgram(undivided=9_000)


@pytest.mark.parametrize("use", [{}, {"asleep": 0.0}])
def test_what_nobody_seen_used_is_the_rest(use: dict[str, float]) -> None:
    assert by_program([PartUse(30, 10, use)]) == ByProgram(idle=10, rest=20)


def test_below_its_idle_level_a_part_is_idle_whoever_runs() -> None:
    assert by_program([PartUse(9, 10, {"a": 1.0})]) == ByProgram(idle=9)


def test_of_many_programs_the_small_ones_are_one() -> None:
    use = {f"p{i}": float(i + 1) for i in range(100)}
    shares = by_program([PartUse(5_050_000, 0, use)])
    assert len(shares.programs) == 40
    assert "p99" in shares.programs
    assert "p0" not in shares.programs
    assert shares.total == 5_050_000
    again = shares + by_program([PartUse(1_000, 0, {"p0": 1.0})])
    assert again.programs[OTHERS] == shares.programs[OTHERS] + 1_000


USE = st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1e9), max_size=60)
PARTS = st.lists(
    st.builds(
        PartUse, st.integers(-(10**9), 10**12), st.none() | st.integers(-5, 10**12), USE, st.floats(0, 1e9)
    ),
    max_size=5,
)


@given(PARTS, PARTS)
def test_the_shares_always_sum_to_the_parts(first: list[PartUse], second: list[PartUse]) -> None:
    shares = by_program(first)
    assert shares.total == sum(part.amount for part in first)
    both = shares + by_program(second)
    assert both.total == shares.total + sum(part.amount for part in second)
    assert all(mine >= 0 for mine in shares.programs.values())
