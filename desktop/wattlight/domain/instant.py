"""Moments as integers: microseconds since 1970-01-01 UTC, exact and quick to compare and split."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware ``at``; exact.

    Raises:
        ValueError: ``at`` has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return (at - _EPOCH) // _STEP


def from_us(at_us: int) -> datetime:
    """The aware UTC datetime of ``at_us``."""
    return _EPOCH + timedelta(microseconds=at_us)


def iso_utc(at_us: int) -> str:
    """ISO 8601 with ``Z``: "2026-03-01T10:00:00Z"; a fraction only where there is one."""
    return from_us(at_us).isoformat().replace("+00:00", "Z")
