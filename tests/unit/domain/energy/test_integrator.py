"""Readings of one device to energy and gaps."""

import pytest

from wattlight.domain.energy import FixedCadence, Gap, Integrator, Interval, Reading, RollingCadence, Rules
from wattlight.domain.values import Quality

S = 1_000_000


def reading(
    second: float, power_w: float | None = None, counter: int | None = None, **more: object
) -> Reading:
    mono = more.pop("mono", second)
    return Reading(
        round(second * S),
        round(float(mono) * S),  # type: ignore[arg-type]
        None if power_w is None else round(power_w * S),
        counter,
        **more,  # type: ignore[arg-type]
    )


def run(*readings: Reading, rules: Rules | None = None, threshold_s: float = 10) -> list[Interval[int] | Gap]:
    integrator: Integrator[int] = Integrator(rules or Rules(), FixedCadence(round(threshold_s * S)))
    out: list[Interval[int] | Gap] = []
    for number, item in enumerate(readings):
        out += integrator.feed(item, number)
    return out + integrator.finish()


def energies(outcomes: list[Interval[int] | Gap]) -> list[int | str]:
    return [o.energy_mj if isinstance(o, Interval) else o.reason for o in outcomes]


def test_a_gauge_is_a_trapezoid_and_the_interval_belongs_to_its_first_reading() -> None:
    (one,) = run(reading(0, 100), reading(2, 50))
    assert isinstance(one, Interval)
    assert (one.energy_mj, one.start_us, one.end_us, one.context) == (150_000, 0, 2 * S, 0)
    assert one.observed
    assert one.quality is Quality.SAMPLED


def test_fractions_of_a_millijoule_are_carried_not_lost() -> None:
    out = run(*[reading(i, 0.0003) for i in range(11)])  # 0.3 mJ each second
    assert sum(o.energy_mj for o in out if isinstance(o, Interval)) == 3


@pytest.mark.parametrize(("distance_s", "result"), [(10, [1_000_000]), (10.000001, ["no reading"])])
def test_a_gauge_holds_nothing_beyond_the_threshold(distance_s: float, result: list[int | str]) -> None:
    assert energies(run(reading(0, 100), reading(distance_s, 100))) == result


def test_a_counter_wins_over_the_gauge() -> None:
    out = run(reading(0, 100, 0), reading(1, 100, 70_000))
    assert energies(out) == [70_000]
    assert isinstance(out[0], Interval)
    assert out[0].quality is Quality.COUNTER


def test_a_counter_bridges_a_gap_but_the_time_is_not_observed() -> None:
    (one,) = run(reading(0, None, 5), reading(3600, None, 1005))
    assert isinstance(one, Interval)
    assert (one.energy_mj, one.observed, one.start_us, one.end_us) == (1000, False, 0, 3600 * S)


def test_a_counter_that_fell_starts_again_and_the_interval_is_a_gap() -> None:
    out = run(reading(0, 100, 500), reading(1, 100, 20), reading(2, 100, 60))
    assert energies(out) == ["counter reset", 40]


def test_another_epoch_is_a_reset_even_if_the_counter_rose() -> None:
    out = run(reading(0, None, 500, epoch="a"), reading(1, None, 900, epoch="b"))
    assert energies(out) == ["counter reset"]


@pytest.mark.parametrize(
    ("limit_w", "seconds", "result"),
    [
        (100, 1.5, [62_050]),
        (None, 0.5, [62_050]),
        (None, 1.5, ["counter reset"]),  # without a limit 400 W are assumed: 262 J take 0.66 s
        (100, 2, ["counter reset"]),  # 262 J at 1.5 x 100 W take 1.75 s: it may have wrapped twice
    ],
)
def test_a_wrap_is_added_only_if_it_cannot_have_happened_twice(
    limit_w: float | None, seconds: float, result: list[int | str]
) -> None:
    limit = None if limit_w is None else round(limit_w * S)
    more = {"counter_range_mj": 262_000, "limit_uw": limit}
    assert energies(run(reading(0, None, 200_000, **more), reading(seconds, None, 50, **more))) == result


def test_a_reset_without_a_known_limit_is_no_wrap_of_kilowatts() -> None:
    more = {"counter_range_mj": 65_532_610_000}  # another maker's range: 65 MJ, days of it at 400 W
    assert energies(run(reading(0, None, 40_000_000, **more), reading(10, None, 50, **more))) == [
        "counter reset"
    ]
    near = reading(0, None, 65_532_610_000 - 1_000, **more), reading(10, None, 2_000, **more)
    assert energies(run(*near)) == [3_000]


def test_an_impossible_rise_is_discarded_and_counting_starts_again() -> None:
    more = {"limit_uw": 100 * S}
    out = run(
        reading(0, None, 0, **more), reading(1, None, 151_000, **more), reading(2, None, 251_000, **more)
    )
    assert energies(out) == ["implausible reading", 100_000]


@pytest.mark.parametrize("spike_w", [-1.0, 65_535.0, 151.0])
def test_an_impossible_power_is_no_reading(spike_w: float) -> None:
    more = {"limit_uw": 100 * S}
    out = run(reading(0, 100, **more), reading(1, spike_w, **more), reading(2, 100, **more))
    assert energies(out) == [200_000]


def test_sleep_is_a_gap_for_a_gauge_however_short() -> None:
    out = run(reading(0, 100, mono=0), reading(5, 100, mono=1))
    assert energies(out) == ["asleep"]


def test_sleep_leaves_a_counter_its_energy_in_the_time_awake() -> None:
    out = run(reading(0, None, 0, mono=0), reading(28_800, None, 9000, mono=3))
    assert energies(out) == [9000, "asleep"]
    interval, gap = out
    assert isinstance(interval, Interval)
    assert (interval.start_us, interval.end_us, interval.observed) == (0, 3 * S, False)
    assert (gap.start_us, gap.end_us) == (3 * S, 28_800 * S)


def test_a_clock_set_forward_a_year_bills_the_second_that_passed() -> None:
    year = 365 * 86_400
    out = run(reading(0, 100, 0, mono=0), reading(year + 1, 100, 100_000, mono=1))
    assert energies(out) == [100_000, "asleep"]


def test_a_clock_set_back_an_hour_never_makes_time_negative() -> None:
    (one,) = run(reading(3600, 100, mono=0), reading(1, 100, mono=1))
    assert isinstance(one, Interval)
    assert (one.energy_mj, one.start_us, one.end_us) == (100_000, 0, S)


def test_a_restart_of_the_computer_is_never_billed() -> None:
    out = run(
        reading(0, None, 10, mono=5000, boot_id="a", epoch="a"),
        reading(600, None, 900, mono=20, boot_id="b", epoch="b"),
    )
    assert energies(out) == ["counter reset"]


def test_readings_between_two_counter_readings_are_covered_by_the_counter() -> None:
    out = run(reading(0, 100, 0), reading(1, 100), reading(2, 100, 150_000))
    assert energies(out) == [150_000]


def test_a_counter_that_never_returns_gives_way_to_the_gauge() -> None:
    out = run(reading(0, 100, 0), reading(1, 100), reading(2, 100))
    assert energies(out) == [100_000, 100_000]


def test_a_counter_away_for_long_is_not_counted_twice_when_it_returns() -> None:
    rules = Rules(fallback_after_us=5 * S)
    readings = [reading(0, 100, 0), *[reading(i, 100) for i in range(1, 8)], reading(8, 100, 800_000)]
    out = run(*readings, reading(9, 100, 900_000), rules=rules)
    assert sum(o.energy_mj for o in out if isinstance(o, Interval)) == 900_000


def test_a_gauge_before_the_first_counter_reading_counts() -> None:
    assert energies(run(reading(0, 100), reading(1, 100, 0), reading(2, 100, 90_000))) == [100_000, 90_000]


def test_the_same_moment_twice_loses_nothing() -> None:
    out = run(reading(0, None, 0), reading(1, None, 100), reading(1, None, 130), reading(2, None, 230))
    assert energies(out) == [100, 30, 100]


def test_one_reading_is_nothing() -> None:
    assert run(reading(0, 100, 100)) == []


def test_the_rolling_threshold_follows_the_beat() -> None:
    cadence = RollingCadence()
    assert cadence.threshold_us() == 10 * S
    for _ in range(20):
        cadence.note(5 * S)
    assert cadence.threshold_us() == 15 * S
    cadence.expect(30 * S)
    assert cadence.threshold_us() == 90 * S


def test_models_that_worked_at_skipped_readings_are_kept() -> None:
    a, b, c = frozenset("a"), frozenset("b"), frozenset("c")
    skipped = [reading(1, 50, worked=a), reading(2, 50, worked=b), reading(3)]
    out = run(reading(0, 50, 0), *skipped, reading(4, None, 100, worked=c))
    assert [o.worked for o in out if isinstance(o, Interval)] == [a | b | c]
    out = run(reading(0, 50, 0), *skipped)
    assert [o.worked for o in out if isinstance(o, Interval)] == [a, b]
