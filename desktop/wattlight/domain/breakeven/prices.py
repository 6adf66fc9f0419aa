"""The shipped list of API prices."""

import csv
import io
from datetime import date
from decimal import Decimal, InvalidOperation

from .inputs import ApiPrice, BreakEvenProblem


def parse_api_prices(text: str) -> tuple[ApiPrice, ...]:
    """The rows of a price list in CSV, in the order of the file.

    Raises:
        BreakEvenProblem: a row cannot be read; the message names its line.
    """
    rows = []
    for line, row in enumerate(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))), start=2):
        try:
            cached = row["cached_input_per_mtok"]
            price = ApiPrice(
                id=row["id"],
                provider=row["provider"],
                model=row["model"],
                weights=row["weights"],
                currency=row["currency"],
                input_per_mtok=_price(row["input_per_mtok"]),
                output_per_mtok=_price(row["output_per_mtok"]),
                cached_input_per_mtok=_price(cached) if cached else None,
                listed_on=date.fromisoformat(row["date"]),
                source=row["source"],
            )
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise BreakEvenProblem(
                f"Line {line} of the price list cannot be read.",
                "Each row needs id, provider, model, currency, prices with a point, and a date.",
            ) from error
        rows.append(price)
    return tuple(rows)


def _price(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or not 0 <= value < 1_000_000:
        raise ValueError(text)
    return value
