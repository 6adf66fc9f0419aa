"""Reads tariff files and the price series they name."""

import json
from decimal import Decimal
from pathlib import Path

from wattlight.domain.tariff import Tariff, TariffProblem, parse_tariff
from wattlight.domain.values import clean_text

MAX_TARIFF_BYTES = 5_000_000
MAX_SERIES_BYTES = 50_000_000


def read_tariff_file(name: str) -> Tariff:
    """The tariff in the file ``name``; a price series is looked for beside it.

    Raises:
        TariffProblem: it cannot be read or used.
    """
    path = Path(name).expanduser()
    text = _text(path, "tariff", MAX_TARIFF_BYTES)
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise TariffProblem(
            f"The tariff file {clean_text(name)} is not JSON.", "See 'wattlight tariff --help' for its form."
        ) from error
    return parse_tariff(
        document, lambda series: _text(path.parent / series, "price series", MAX_SERIES_BYTES)
    )


def _text(path: Path, what: str, limit: int) -> str:
    shown = clean_text(str(path))
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name is not one"
        raise TariffProblem(
            f"The {what} file {shown} cannot be read ({why}).", "Check the name of the file."
        ) from error
    if len(raw) > limit:
        raise TariffProblem(f"The {what} file {shown} is too large to be one.", "Name another file.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TariffProblem(f"The {what} file {shown} is not text.", "Save it as UTF-8.") from error
