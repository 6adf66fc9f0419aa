"""Documents read off values."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import pytest

from wattlight.cli.output import pick, plain
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
