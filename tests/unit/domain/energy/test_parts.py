"""The parts always sum to the whole, to the mJ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.energy import (
    CounterTrust,
    Coverage,
    EnergyShare,
    LevelLearner,
    Levels,
    Load,
    Resident,
    State,
    attribute,
    share,
    split_minutes,
)

S = 1_000_000
RESIDENTS = st.lists(
    st.builds(Resident, st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 2**40)),
    max_size=4,
    unique_by=lambda r: r.digest,
).map(tuple)
LOADS = st.none() | st.builds(
    Load,
    RESIDENTS,
    st.none() | st.frozensets(st.sampled_from(["a", "b", "x"])),
    st.booleans(),
    st.floats(-1, 2),
)
LEVELS = st.builds(Levels, st.none() | st.integers(0, 10**9), st.none() | st.integers(0, 10**9))


@given(st.integers(0, 10**12), st.integers(0, 10**11), LOADS, LEVELS)
def test_attribution_loses_nothing(energy: int, awake_us: int, load: Load | None, levels: Levels) -> None:
    parts = attribute(energy, awake_us, load, levels)
    assert sum(part.energy_mj for part in parts) == energy
    assert all(part.energy_mj >= 0 for part in parts)
    undecided = load is not None and bool(load.residents) and levels.base_uw is None
    for part in parts:
        of_model = part.state in {State.PARKED, State.ACTIVE}
        assert (part.model is not None) == (of_model or (part.state is State.UNATTRIBUTED and undecided))


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=9))
def test_shares_lose_nothing(total: int, weights: list[int]) -> None:
    parts = share(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0


@given(st.integers(0, 10**12), st.integers(0, 10**16), st.integers(0, 5 * 86_400 * S))
def test_minutes_lose_nothing_and_stay_true_up_to_any_minute(energy: int, start: int, length: int) -> None:
    pieces = list(split_minutes(energy, start, start + length))
    assert sum(mj for _, mj, _ in pieces) == energy
    assert sum(ms for _, _, ms in pieces) == (start + length) // 1000 - start // 1000
    assert [m for m, _, _ in pieces] == list(range(pieces[0][0], pieces[-1][0] + 1))
    upto = 0
    for minute, mj, _ in pieces[:-1]:
        upto += mj
        exact = energy * ((minute + 1) * 60 * S - start) / length
        assert -1 < upto - exact < 1e-3


def test_the_latest_minute_takes_what_is_left() -> None:
    assert list(split_minutes(100, 30 * S, 210 * S)) == [
        (0, 16, 30_000),
        (1, 34, 60_000),
        (2, 33, 60_000),
        (3, 17, 30_000),
    ]
    assert list(split_minutes(7, 60 * S, 60 * S)) == [(1, 7, 0)]
    assert list(split_minutes(7, 0, 60 * S)) == [(0, 7, 60_000)]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=30))
def test_coverage_is_the_union(spans: list[tuple[int, int]]) -> None:
    coverage = Coverage()
    fresh = [piece for start, length in spans for piece in coverage.add(start, start + length)]
    seen = [moment for left, right in fresh for moment in range(left, right)]
    assert len(seen) == len(set(seen))
    assert set(seen) == {m for start, length in spans for m in range(start, start + length)}


A, B = Resident("a", 3), Resident("b", 1)


def watts(parts: tuple[EnergyShare, ...]) -> list[tuple[str, str | None, int]]:
    return [(part.state.value, part.model, part.energy_mj) for part in parts]


def test_without_a_model_all_is_base() -> None:
    assert watts(attribute(50_000, S, Load(), Levels(20 * S))) == [("base", None, 50_000)]


def test_parked_is_shared_by_size_and_active_goes_to_the_busy_one() -> None:
    load, levels = Load((A, B), frozenset("b")), Levels(20 * S, 40 * S)
    assert watts(attribute(200_000, S, load, levels)) == [
        ("base", None, 20_000),
        ("parked", "a", 15_000),
        ("parked", "b", 5_000),
        ("active", "b", 160_000),
    ]


def test_an_idle_resident_model_is_parked() -> None:
    assert watts(attribute(45_000, S, Load((A,), frozenset()), Levels(20 * S, 40 * S))) == [
        ("base", None, 20_000),
        ("parked", "a", 25_000),
    ]


def test_where_nobody_knows_the_power_tells_whether_a_model_works() -> None:
    levels = Levels(20 * S, 40 * S)
    assert watts(attribute(49_000, S, Load((A,)), levels))[-1] == ("parked", "a", 29_000)
    assert watts(attribute(51_000, S, Load((A,)), levels))[-1] == ("active", "a", 11_000)


def test_draw_below_the_idle_level_is_the_computers() -> None:
    assert watts(attribute(15_000, S, Load((A,), frozenset()), Levels(20 * S))) == [
        ("base", None, 15_000),
        ("parked", "a", 0),
    ]


def test_another_heavy_program_makes_it_mixed_and_no_idle_level_leaves_it_open() -> None:
    assert watts(attribute(9, S, Load((A,), None, True), Levels(1))) == [("mixed", None, 9)]
    assert watts(attribute(9, S, Load((A,)), Levels())) == [("unattributed", "a", 9)], (
        "kept beside the resident"
    )
    assert watts(attribute(9, S, None, Levels(1))) == [("unattributed", None, 9)]


def test_the_idle_level_is_a_low_quantile_learned_in_five_minutes() -> None:
    learner = LevelLearner()
    assert learner.level_uw() is None
    for second in range(200):
        learner.note((20 if second % 4 else 90) * S, S, second * S)
    assert learner.level_uw() == 20 * S
    assert learner.learned_us is None
    for second in range(200, 400):
        learner.note(21 * S, S, second * S)
    assert learner.learned_us is not None
    assert learner.level_uw() == 20 * S
    learner.forget()
    assert learner.level_uw() is None


def test_the_idle_level_follows_the_latest_half_hour() -> None:
    learner = LevelLearner()
    for minute in range(60):
        learner.note((20 if minute < 25 else 30) * S, 60 * S, minute * 60 * S)
    assert learner.level_uw() == 30 * S


def feed(trust: CounterTrust, ratio: float, seconds: int, power_w: int = 100) -> bool:
    good = True
    for second in range(seconds):
        good = trust.note("e", second * S, round(second * power_w * 1000 * ratio), power_w * S)
    return good


def test_a_counter_that_disagrees_with_the_gauge_three_minutes_long_is_dropped() -> None:
    assert feed(CounterTrust(), 1.0, 400)
    assert feed(CounterTrust(), 1.2, 400)
    assert not feed(CounterTrust(), 0.57, 400)
    assert feed(CounterTrust(), 0.57, 170)
    assert feed(CounterTrust(), 0.0, 400, power_w=8)  # an idle card proves nothing


def test_a_new_driver_gets_a_new_chance() -> None:
    trust = CounterTrust()
    assert not feed(trust, 0.5, 400)
    assert trust.note("other", 0, 0, 100 * S)


@pytest.mark.parametrize(
    ("days", "step", "most"),
    [
        (1, 1, 1441),
        (40, 1, 60_000),
        (90, 15, 8641),
        (600, 15, 57_601),
        (1500, 60, 36_001),
        (84_000, 2880, 42_001),
    ],
)
def test_a_long_span_is_cut_into_no_more_pieces_than_can_be_kept(days: int, step: int, most: int) -> None:
    start, length = 1_000_000_123 * S, days * 86_400 * S
    pieces = list(split_minutes(7_654_321, start, start + length))
    assert len(pieces) <= most
    assert sum(energy for _, energy, _ in pieces) == 7_654_321
    assert abs(sum(ms for _, _, ms in pieces) - length // 1000) <= 1
    assert {minute % step for minute, _, _ in pieces[1:]} == {0}
    assert all(energy >= 0 for _, energy, _ in pieces)
