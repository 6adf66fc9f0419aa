"""Prices of a dynamic tariff: one price for each slot of time."""

import bisect
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from wattlight.domain.instant import to_us
from wattlight.domain.values import clean_text

from .price import parse_price
from .problem import TariffProblem

_COLUMNS = ("start_utc", "price_per_kwh")


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Slots in order of time. ``None`` as a price marks a slot the seller left out.

    Attributes:
        starts_us: first moment of each slot.
        prices: price per kWh of each slot, negative ones included.
        slot_us: length of a slot: the smallest distance between two starts.
    """

    starts_us: tuple[int, ...]
    prices: tuple[Decimal | None, ...]
    slot_us: int

    def at(self, at_us: int) -> Decimal | None:
        """The price at a moment, None where no slot covers it."""
        i = bisect.bisect_right(self.starts_us, at_us) - 1
        if i < 0 or at_us >= self.starts_us[i] + self.slot_us:
            return None
        return self.prices[i]

    def edges(self, start_us: int, end_us: int) -> Iterator[int]:
        """Starts and ends of slots strictly between the two moments."""
        i = max(0, bisect.bisect_right(self.starts_us, start_us) - 1)
        while i < len(self.starts_us) and self.starts_us[i] < end_us:
            for edge in (self.starts_us[i], self.starts_us[i] + self.slot_us):
                if start_us < edge < end_us:
                    yield edge
            i += 1


def parse_series(text: str, name: str = "The price series") -> PriceSeries:
    """Read a CSV text with the columns ``start_utc`` (ISO 8601) and ``price_per_kwh`` (may be empty).

    Raises:
        TariffProblem: with the number of the line that cannot be used.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise TariffProblem(
            f"{name} has no column '{missing[0]}'.",
            "It needs the columns start_utc and price_per_kwh.",
            "series",
        )
    slots: dict[int, Decimal | None] = {}
    for row in reader:
        line = f"{name}, line {reader.line_num}"
        start_us = _moment(row["start_utc"], line)
        price_text = (row["price_per_kwh"] or "").strip()
        if start_us in slots:
            raise TariffProblem(f"{line}: this slot is given twice.", "Remove one of them.", "series")
        slots[start_us] = (
            parse_price(price_text, f"{line}: the price", allow_negative=True) if price_text else None
        )
    if len(slots) < 2:
        raise TariffProblem(
            f"{name} has fewer than two slots.", "Add the prices of at least one day.", "series"
        )
    starts = sorted(slots)
    slot_us = min(b - a for a, b in itertools.pairwise(starts))
    return PriceSeries(tuple(starts), tuple(slots[s] for s in starts), slot_us)


def _moment(text: str | None, line: str) -> int:
    try:
        at = datetime.fromisoformat((text or "").strip())
    except ValueError as error:
        raise TariffProblem(
            f"{line}: '{clean_text(text or '', 40)}' is not a time.",
            'Write it like "2026-03-01T00:00:00Z".',
            "series",
        ) from error
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))
