"""The price of electricity: from the settings, from a file, or prefilled for a country."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from wattlight.domain.breakeven import ApiPrice, parse_api_prices
from wattlight.domain.carbon import CarbonFactor, parse_factors
from wattlight.domain.tariff import (
    Tariff,
    TariffProblem,
    flat_tariff,
    is_export,
    local_day,
    no_prices,
    parse_currency,
    parse_price,
    parse_tariff,
    parse_zone,
    tariff_document,
)
from wattlight.domain.values import clean_text, read_json, to_us
from wattlight.i18n import local_zone, tr
from wattlight.paths import asset_text, read_text, write_whole
from wattlight.settings import Price

STALE_BEFORE = 2025
"""Prices of earlier years are marked as old."""


@dataclass(frozen=True, slots=True)
class CountryPrice:
    """One country. ``price_per_kwh`` None: no price is shipped, and ``source`` says why.

    ``stale``: the price is of an earlier year than the others, or known to have changed since.
    """

    code: str
    name: str
    currency: str
    price_per_kwh: Decimal | None
    year: int
    source: str
    stale: bool
    period: str = ""
    """The months or the day the price is of, in the source's words."""
    vat_included: str = ""
    how_sure: str = ""

    @property
    def per_kwh(self) -> str:
        """A price to start from, as decimal text; "" where none is shipped or it is old."""
        return "" if self.price_per_kwh is None or self.stale else str(self.price_per_kwh)


def api_prices() -> tuple[ApiPrice, ...]:
    return parse_api_prices(asset_text("prices/api_prices.csv"))


def carbon_factors() -> tuple[CarbonFactor, ...]:
    """The shipped table of grams of CO2 per kWh."""
    return parse_factors(asset_text("carbon/carbon.csv"))


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
        stale=bool(price) and (year < STALE_BEFORE or row["how_sure"] == "outdated"),
        period=row["period"],
        vat_included=row["vat_included"],
        how_sure=row["how_sure"],
    )


MAX_TARIFF_BYTES = 5_000_000
MAX_SERIES_BYTES = 50_000_000


def read_tariff_file(name: str) -> Tariff:
    """The tariff in the file ``name``; a price series is looked for beside it.

    Raises:
        TariffProblem: it cannot be read or used.
    """
    path = Path(name).expanduser()
    text = read_text(path, MAX_TARIFF_BYTES, TariffProblem)
    try:
        document = read_json(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:  # 1e99999999999999999999 too
        if problem := no_prices(clean_text(path.name), text):
            raise problem from error
        if is_export(text):
            raise _only_prices(path) from error
        raise TariffProblem(
            tr("The tariff file {name} is not JSON.", name=clean_text(name)),
            tr("See 'wattlight tariff --help' for its form."),
        ) from error
    if not (isinstance(document, dict) and "periods" in document) and is_export(text):
        raise no_prices(clean_text(path.name), text) or _only_prices(path)
    return parse_tariff(
        document, lambda series: read_text(path.parent / series, MAX_SERIES_BYTES, _no_series)
    )


def _only_prices(path: Path) -> TariffProblem:
    """An export of a seller was given where a tariff was asked for."""
    form = {
        "schema": 1,
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "periods": [{"from": "2026-01-01", "series": {"file": path.name}}],
    }
    return TariffProblem(
        tr("{name} is a table of prices, not a tariff.", name=clean_text(path.name)),
        tr("Name it in a tariff file beside it: {form}", form=json.dumps(form, ensure_ascii=False)),
    )


def _no_series(message: str, _next_step: str) -> TariffProblem:
    return TariffProblem(message, tr("It is the price series of the tariff: correct its name there."))


def tariff_of(price: Price, environ: Mapping[str, str]) -> Tariff | None:
    """The tariff in force; None where no price is set.

    A tariff file wins over a flat price. Without a zone of its own the flat price uses this computer's.

    Raises:
        TariffProblem: the price or the file cannot be used.
    """
    if price.tariff_file:
        return read_tariff_file(price.tariff_file)
    if price.per_kwh is None or price.currency is None:
        return None
    return flat_tariff(price.per_kwh, price.currency, price.timezone or local_zone(environ).key)


def dollar_rate(price: Price) -> Decimal | None:
    """Units of the tariff's currency for one US dollar; the person's own."""
    try:
        rate = Decimal(price.dollar_rate or "")
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and rate > 0 else None


WEEK = timedelta(days=7)


def mean_price(tariff: Tariff, now: datetime) -> Decimal | None:
    """The mean price per kWh over the week before ``now``: it holds each weekly band as often as it applies.

    None where the tariff has no price for that week.
    """
    pieces = [p for p in tariff.pieces(now - WEEK, now) if p.price_per_kwh is not None]
    seconds = sum(p.end_us - p.start_us for p in pieces)
    if not seconds:
        return None
    total = sum(((p.price_per_kwh or Decimal(0)) * (p.end_us - p.start_us) for p in pieces), Decimal(0))
    return round(total / seconds, 9)


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
    _write_tariff(file, document)
    read_tariff_file(str(file))
    return file


def _write_tariff(file: Path, document: dict[str, Any]) -> None:
    try:
        write_whole(file, (json.dumps(document, indent=2) + "\n").encode())
    except OSError as error:
        raise TariffProblem(
            tr("The tariff could not be saved to {file} ({reason}).", file=file, reason=error.strerror),
            tr("Make the folder writable."),
        ) from error


def _extended(current: Tariff, new: dict[str, str], since: date, currency: str) -> dict[str, Any]:
    if currency != current.currency:
        raise _other_currency(current.currency, currency)
    last = current.periods[-1]
    if any(period.series is not None for period in current.periods):
        raise _own_dynamic()
    if (last.first_day is not None and last.first_day >= since) or (
        last.end_day is not None and last.end_day > since
    ):
        raise TariffProblem(
            tr("The tariff has a period that begins or ends after {since}.", since=since),
            tr("Give a later date, or edit the tariff file."),
        )
    document = {"schema": 1, **tariff_document(current)}
    periods = [
        {key: value for key, value in period.items() if value is not None and key != "dynamic_slots"}
        for period in document["periods"]
    ]
    if last.end_day is None:
        periods[-1]["to"] = since.isoformat()
    return {**document, "periods": [*periods, new]}


def feed_since(
    folder: Path,
    price: Price,
    series: dict[str, str],
    currency: str,
    zone: str,
    now: datetime,
    fallback: str | None,
) -> Path:
    """Write (or extend) our own tariff file so that the prices of a feed are valid from today on.

    ``series`` names the file of its prices, the factor and what is added; ``fallback`` is the price of a kWh
    where it has none. Where the same feed is in force already, only these change.

    Raises:
        TariffProblem: as :func:`price_since`.
    """
    file = folder / OWN_FILE
    since = local_day(to_us(now), parse_zone(zone))
    new: dict[str, Any] = {"from": since.isoformat(), "series": series}
    if fallback:
        new["price_per_kwh"] = fallback
    periods, document = _before_feed(file, price, currency, zone)
    last = periods[-1] if periods else {}
    if isinstance(last.get("series"), dict) and last["series"].get("file") == series["file"]:
        periods[-1] = {**last, **{key: new[key] for key in new if key != "from"}}
    else:
        while periods and (periods[-1].get("from") or "") >= since.isoformat():
            periods.pop()
        if periods:
            periods[-1]["to"] = since.isoformat()
        else:
            del new["from"]
        periods.append(new)
    for period in periods:
        for key in [key for key, value in period.items() if value is None]:
            del period[key]
    document["periods"] = periods
    parse_tariff(document, lambda name: read_text(folder / name, MAX_SERIES_BYTES, _no_series))
    _write_tariff(file, document)
    return file


def _before_feed(
    file: Path, price: Price, currency: str, zone: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The periods of the tariff there is, and the rest of its document."""
    current = tariff_of(price, {})
    if current is None:
        return [], {"schema": 1, "currency": currency, "timezone": zone}
    if price.tariff_file == str(file):
        document = json.loads(read_text(file, MAX_TARIFF_BYTES, TariffProblem))
    elif any(period.series is not None for period in current.periods):
        raise _own_dynamic()
    else:
        document = {"schema": 1, **tariff_document(current)}
        for period in document["periods"]:
            period.pop("dynamic_slots", None)
    if current.currency != currency:
        raise _other_currency(current.currency, currency)
    return list(document["periods"]), document


def _other_currency(ours: str, theirs: str) -> TariffProblem:
    return TariffProblem(
        tr(
            "The tariff is in {currency}; a price in {currency_2} cannot follow it.",
            currency=ours,
            currency_2=clean_text(theirs, 10),
        ),
        tr("Sums of two currencies are never added: export what was recorded, then set the price anew."),
        "currency",
    )


def _own_dynamic() -> TariffProblem:
    return TariffProblem(
        tr("The tariff has dynamic prices, which only its own file can continue."),
        tr("Add a period to the tariff file."),
    )
