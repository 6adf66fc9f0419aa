"""Documents read off values."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import pytest

from wattlight.cli.output import Output, aligned, pick, plain, width, wrapped
from wattlight.cli.verb_ps import kept_text
from wattlight.domain.state import RunningModel


class Kind(StrEnum):
    """An enumeration in a document."""

    ONE = "one"


@dataclass(frozen=True, slots=True)
class Inner:
    """A value within a value."""

    watts: float | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Outer:
    """A value with all that a document can hold."""

    inner: Inner
    parts: tuple[Inner, ...]
    price: Decimal
    day: date
    at: datetime
    flag: bool
    by_name: dict[str, float]


OUTER = Outer(
    Inner(None, Kind.ONE),
    (Inner(1.23456, Kind.ONE),),
    Decimal("1E+1"),
    date(2026, 3, 1),
    datetime(2026, 3, 1, 12, 30, 1, 999, UTC),
    True,
    {"a": 0.66666},
)


def test_a_value_becomes_its_document() -> None:
    assert plain(OUTER, 2) == {
        "inner": {"watts": None, "kind": "one"},
        "parts": [{"watts": 1.23, "kind": "one"}],
        "price": "10",
        "day": "2026-03-01",
        "at": "2026-03-01T12:30:01Z",
        "flag": True,
        "by_name": {"a": 0.67},
    }


def test_fields_are_picked_in_the_order_asked_for() -> None:
    assert list(pick(OUTER, "flag price").items()) == [("flag", True), ("price", "10")]
    assert pick(OUTER.parts[0], "watts") == {"watts": 1.23456}


def test_what_has_no_place_in_a_document_is_an_error() -> None:
    with pytest.raises(TypeError, match="object"):
        plain(object())


@pytest.mark.parametrize(
    ("left_s", "text"), [(599, "10 min"), (271, "5 min"), (3599, "1 h 00"), (42, "42 s"), (0, "ending")]
)
def test_a_time_to_keep_is_not_short_of_a_minute_a_second_later(left_s: int, text: str) -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert kept_text(RunningModel("m", "d", 1, 1, expires_at=now + timedelta(seconds=left_s)), now) == text


ROWS = [
    ("NAME", "SIZE", "WHAT IT IS"),
    ("short", "1.0 GB", "a few words that go on for longer than the screen is wide"),
    ("a-name-without-any-place-to-break-it:70b-instruct-q4_K_M", "40.0 GB", "–"),
]


@pytest.mark.parametrize("room", [20, 40, 60, 80])
def test_a_table_fits_the_screen_and_loses_nothing(room: int) -> None:
    lines = aligned(ROWS, {1}, room)
    assert max(map(width, lines)) <= room
    shown = "".join("".join(lines).split())
    for row in ROWS[1:]:
        for word in " ".join(row).split():
            assert word in shown or room < 60


def test_a_table_with_room_is_as_it_was() -> None:
    assert aligned(ROWS, {1}, 200) == aligned(ROWS, {1})


def test_lines_are_wrapped_under_their_own_beginning() -> None:
    assert wrapped("- one two three four", 10) == ["- one two", "  three", "  four"]
    assert wrapped("    one two", 9) == ["    one", "    two"]
    assert wrapped("模型模型 模型", 9) == ["模型模型", "模型"]
    assert wrapped("a" * 25, 20) == ["a" * 20, "a" * 5]
    assert wrapped("one two", None) == ["one two"]


def test_columns_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    Output(out, as_json=False).line("word " * 30)
    Output(out, as_json=False).table(ROWS, {1})
    assert max(map(width, out.getvalue().splitlines())) <= 60
    monkeypatch.delenv("COLUMNS")
    assert Output(io.StringIO(), as_json=False).room is None
