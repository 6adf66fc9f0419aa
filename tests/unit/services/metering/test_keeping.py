"""How far back records are kept."""

from datetime import UTC, datetime

import pytest

from wattlight.services.metering import kept_since


@pytest.mark.parametrize(
    ("now", "months", "since"),
    [
        ((2026, 11, 23), 13, (2025, 10, 23)),
        ((2026, 1, 31), 13, (2024, 12, 31)),
        ((2025, 3, 31), 13, (2024, 2, 29)),
        ((2026, 12, 1), 12, (2025, 12, 1)),
    ],
)
def test_months_are_those_of_the_calendar(
    now: tuple[int, int, int], months: int, since: tuple[int, int, int]
) -> None:
    assert kept_since(datetime(*now, tzinfo=UTC), months) == datetime(*since, tzinfo=UTC)
