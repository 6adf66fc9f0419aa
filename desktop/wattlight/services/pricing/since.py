"""A new price from a date on: what was recorded before keeps the price that was valid then."""

import json
import os
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from wattlight.domain.tariff import Tariff, TariffProblem, parse_tariff, tariff_document
from wattlight.domain.values import clean_text

from .files import read_tariff_file

OWN_FILE = "tariff.json"
"""Name of the tariff file that Wattlight itself keeps, in the folder of the settings."""


def price_since(
    folder: Path, current: Tariff | None, price: str, currency: str, zone: str, since: date
) -> Path:
    """Write (or extend) our own tariff file so that ``price`` is valid from the local date ``since``.

    Raises:
        TariffProblem: the currency changes, the present tariff has dynamic prices or periods from that date
            on, or the file cannot be written; nothing was changed.
    """
    new = {"from": since.isoformat(), "price_per_kwh": price}
    document: dict[str, Any] = {"schema": 1, "currency": currency, "timezone": zone, "periods": [new]}
    if current is not None:
        document = _extended(current, new, since, currency)
    parse_tariff(document)
    file = folder / OWN_FILE
    _write(file, json.dumps(document, indent=2) + "\n")
    read_tariff_file(str(file))
    return file


def _extended(current: Tariff, new: dict[str, str], since: date, currency: str) -> dict[str, Any]:
    if currency != current.currency:
        raise TariffProblem(
            f"The tariff is in {current.currency}; a price in {clean_text(currency, 10)} cannot follow it.",
            "Sums of two currencies are never added: export what was recorded, then set the price anew.",
            "currency",
        )
    last = current.periods[-1]
    if any(period.series is not None for period in current.periods):
        raise TariffProblem(
            "The tariff has dynamic prices, which only its own file can continue.",
            "Add a period to the tariff file.",
        )
    if (last.first_day is not None and last.first_day >= since) or (
        last.end_day is not None and last.end_day > since
    ):
        raise TariffProblem(
            f"The tariff has a period that begins or ends after {since}.",
            "Give a later date, or edit the tariff file.",
        )
    document = {"schema": 1, **tariff_document(current)}
    periods = [
        {key: value for key, value in period.items() if value is not None and key != "dynamic_slots"}
        for period in document["periods"]
    ]
    if last.end_day is None:
        periods[-1]["to"] = since.isoformat()
    return {**document, "periods": [*periods, new]}


def _write(file: Path, text: str) -> None:
    temporary = ""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".tariff-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise TariffProblem(
            f"The tariff could not be saved to {file} ({error.strerror}).", "Make the folder writable."
        ) from error
