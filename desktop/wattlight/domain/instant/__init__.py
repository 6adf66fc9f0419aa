"""Moments as integers: microseconds since 1970-01-01 UTC, exact and quick to compare and split."""

from .micros import from_us, iso_utc, to_us

__all__ = ["from_us", "iso_utc", "to_us"]
