"""Nothing is counted twice, nothing estimated is added, what is missing is named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import metering
from wattlight.domain.power import combined_error, compose, error_fraction
from wattlight.domain.values import DeviceSample, Quality, Scope


def part(
    key: str,
    watts: float | None,
    scope: Scope | None = Scope.BOARD,
    inside: str | None = None,
    kind: str = "gpu",
) -> DeviceSample:
    return metering.part(key, watts, kind, scope, contained_in=inside)


def test_two_gpus_and_a_processor_are_added() -> None:
    total = compose([part("a", 100.0), part("b", 50.0), part("cpu", 20.0, Scope.PACKAGE, kind="cpu")])
    assert total.measured_w == 170.0 and total.counted == ("a", "b", "cpu")
    assert total.error_w == pytest.approx((10**2 + 5**2 + 2**2) ** 0.5)
    assert "rest of the computer" in total.uncovered[0] and not total.whole


def test_containment_at_any_depth() -> None:
    parts = [
        part("core", 10.0, Scope.CHIP, "package", "cpu"),
        part("package", None, Scope.PACKAGE, "psys", "cpu"),
        part("psys", 60.0, Scope.SYSTEM, None, "system"),
    ]
    total = compose(parts)
    assert total.measured_w == 60.0 and total.contained == ("core",) and total.unknown == ()
    assert total.whole and total.uncovered == ("loss of the power supply",)


def test_a_container_that_is_silent_leaves_its_parts_in() -> None:
    total = compose(
        [part("package", 30.0, Scope.PACKAGE, "psys", "cpu"), part("psys", None, None, None, "system")]
    )
    assert total.measured_w == 30.0 and total.unknown == ("psys",)


def test_on_battery_the_battery_is_the_whole() -> None:
    parts = [part("gpu", 40.0, inside="battery"), part("battery", 90.0, Scope.SYSTEM, None, "battery")]
    total = compose(parts)
    assert total.measured_w == 90.0 and total.whole and total.uncovered == ()


def test_an_estimate_is_never_added() -> None:
    guess = metering.part("b", 99.0, quality=Quality.ESTIMATED)
    total = compose([part("a", 1.0), guess])
    assert total.measured_w == 1.0 and total.unknown == ("b",)


def test_a_sleeping_part_is_not_missing_and_an_idle_battery_neither() -> None:
    parts = [replace(part("gpu", None), state="asleep"), part("battery", None, None, None, "battery")]
    assert compose(parts).unknown == () and compose(parts).measured_w is None
    assert "processor" in compose(parts).uncovered


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0.1, 500), st.none() | st.integers(0, 6)), min_size=1, max_size=7
    )
)
def test_the_sum_never_exceeds_the_parts_and_never_counts_a_holder_with_its_content(
    rows: list[tuple[float | None, int | None]],
) -> None:
    parts = [
        part(str(n), watts, inside=None if inside is None or inside == n else str(inside))
        for n, (watts, inside) in enumerate(rows)
    ]
    total = compose(parts)
    known = {p.id: p for p in parts if p.power_w is not None}
    assert set(total.counted) | set(total.contained) == set(known)
    assert (total.measured_w or 0) <= sum(p.power_w or 0 for p in known.values()) + 1e-6
    for key in total.counted:
        assert known[key].contained_in not in total.counted


def test_one_error_of_a_part_and_one_law_of_the_sum() -> None:
    assert error_fraction(Scope.BOARD, Quality.SAMPLED) == error_fraction("package", Quality.COUNTER) == 0.10
    assert error_fraction(Scope.BATTERY, Quality.SAMPLED) == 0.15
    assert error_fraction(Scope.BOARD, Quality.METERED) == 0.02
    assert error_fraction(Scope.BOARD, Quality.ESTIMATED) == 0.40
    assert 0.15 < (error_fraction(Scope.SYSTEM, Quality.LEARNED) or 0) < 0.40
    assert error_fraction(Scope.BOARD, None) is None
    assert combined_error([(30.0, 0.1), (40.0, 0.1)]) == pytest.approx(5.0)
    assert combined_error([(30.0, 0.1), (0.0, None)]) == pytest.approx(3.0)
    assert combined_error([]) is None and combined_error([(1.0, None)]) is None
