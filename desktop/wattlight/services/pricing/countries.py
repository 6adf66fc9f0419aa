"""Official household prices by country, to start from."""

import csv
import io
from dataclasses import dataclass
from decimal import Decimal

from wattlight.assets import asset_text
from wattlight.domain.tariff import parse_currency, parse_price

STALE_BEFORE = 2025
"""Prices of earlier years are marked as old."""


@dataclass(frozen=True, slots=True)
class CountryPrice:
    """One country. ``price_per_kwh`` None: no price is shipped, and ``source`` says why.

    ``stale``: the price is of an earlier year than the others.
    """

    code: str
    name: str
    currency: str
    price_per_kwh: Decimal | None
    year: int
    source: str
    stale: bool


def country_prices(text: str | None = None) -> tuple[CountryPrice, ...]:
    """The shipped table, by name of the country."""
    rows = csv.DictReader(io.StringIO(asset_text("tariffs/tariffs.csv") if text is None else text))
    return tuple(sorted((_country(row) for row in rows), key=lambda country: country.name))


def _country(row: dict[str, str]) -> CountryPrice:
    price, year = row["price_per_kwh"].strip(), int(row["year"])
    return CountryPrice(
        code=row["country_code"],
        name=row["country"],
        currency=parse_currency(row["currency"]),
        price_per_kwh=parse_price(price) if price else None,
        year=year,
        source=row["source"],
        stale=bool(price) and year < STALE_BEFORE,
    )
