"""Only what can be true is a number."""

import pytest

from wattlight.probes.numbers import (
    celsius_of,
    credible_celsius,
    credible_watts,
    pairs,
    percent_of,
    watts_of,
    whole,
)


@pytest.mark.parametrize(
    "text", ["", " ", "nan", "NaN", "inf", "1,5", "1.5", "0x10", "--1", "1e9", "９", "1 2", "\0"]
)
def test_garbage_is_no_number(text: str) -> None:
    assert whole(text) is None
    assert whole(text.encode()) is None


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("42\n", 42), (" 7 ", 7), ("+3", 3), ("5\0", 5)])
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(text) == value


def test_ranges() -> None:
    assert whole("-1") is None and whole("-1", -5) == -1 and whole("9", 0, 8) is None
    assert whole("9" * 21) is None and whole(None) is None


@pytest.mark.parametrize("micro", [0, -1, 65_535_000_000, None])
def test_impossible_power_is_unknown(micro: int | None) -> None:
    assert watts_of(micro) is None


def test_power_is_held_against_its_limit() -> None:
    assert credible_watts(300.0, 200.0) == 300.0
    assert credible_watts(301.0, 200.0) is None
    assert credible_watts(float("nan")) is None and credible_watts(float("inf")) is None
    assert watts_of(319_000_000) == 319.0


@pytest.mark.parametrize("milli", [0, -273_150, 200_000, None])
def test_impossible_heat_is_unknown(milli: int | None) -> None:
    assert celsius_of(milli) is None


def test_heat_and_load() -> None:
    assert celsius_of(63_000) == 63.0 and credible_celsius(47.0) == 47.0 and credible_celsius(None) is None
    assert percent_of(105) == 100 and percent_of(0) == 0
    assert percent_of(-1) is percent_of(200) is percent_of(None) is None


def test_pairs() -> None:
    assert pairs("a: 1\nb:2\nc\na: 3") == {"a": "1", "b": "2"} and pairs(None) == {}
