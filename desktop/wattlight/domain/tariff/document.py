"""The tariff file: JSON document to :class:`Tariff` and back."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from wattlight.i18n import tr

from ..values import clean_text, iso_utc
from .exports import OPEN_US
from .price import TariffProblem, parse_currency, parse_price, parse_zone
from .series import PriceSeries, SeriesChoice, parse_series
from .tariff import DAY_MINUTES, DAYS, Band, Period, Tariff

MAX_PERIODS = 1000
MAX_BANDS = 200
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ReadSeries = Callable[[str], str]
"""Gives the text of a price series file named in the tariff."""


def flat_tariff(price: str | Decimal, currency: str, zone: str) -> Tariff:
    """One price for ever.

    Raises:
        TariffProblem: the price, the currency or the zone cannot be used.
    """
    per_kwh = str(parse_price(price))
    document = {
        "schema": 1,
        "currency": currency,
        "timezone": zone,
        "periods": [{"price_per_kwh": per_kwh}],
    }
    return parse_tariff(document)


def parse_tariff(document: object, read_series: ReadSeries | None = None) -> Tariff:
    """The tariff in a JSON document.

    A period without ``from`` has no beginning; one without ``to`` lasts until the next begins.

    Raises:
        TariffProblem: one sentence naming the place of the first thing that is wrong.
    """
    if not isinstance(document, dict):
        raise TariffProblem(
            tr("The tariff is not a JSON object."), tr("See 'wattlight tariff --help' for its form.")
        )
    if document.get("schema", 1) != 1:
        raise TariffProblem(tr("The tariff is of a newer form."), tr("Install a newer Wattlight."))
    currency = parse_currency(document.get("currency"))
    zone = parse_zone(document.get("timezone"))
    items = document.get("periods")
    if not isinstance(items, list) or not items or len(items) > MAX_PERIODS:
        raise TariffProblem(
            tr("The tariff has no periods."), tr('Add a list "periods" with at least one price.')
        )
    series_hash = hashlib.sha256()
    notes: list[str] = []
    periods = []
    for i, item in enumerate(items):
        reader = _SeriesReader(read_series, currency, zone, series_hash.update)
        periods.append(_period(item, f"periods[{i}]", reader))
        notes.extend(_overlaps(periods[-1], f"periods[{i}]"))
        if reader.wholesale:
            notes.append(
                tr(
                    "{where}.series are market prices, without VAT, grid fees and levies: "
                    "'factor' and 'add' bring them in.",
                    where=f"periods[{i}]",
                )
            )
    canonical = json.dumps(document, sort_keys=True, default=str) + series_hash.hexdigest()
    fingerprint = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return Tariff(currency, zone, _in_order(periods), tuple(notes), fingerprint)


def tariff_document(tariff: Tariff) -> dict[str, Any]:
    """The JSON document of a tariff; of a series only what was found in it is written."""
    return {
        "currency": tariff.currency,
        "timezone": tariff.zone.key,
        "periods": [_period_document(p) for p in tariff.periods],
    }


def _period_document(period: Period) -> dict[str, Any]:
    return {
        "from": None if period.first_day is None else period.first_day.isoformat(),
        "to": None if period.end_day is None else period.end_day.isoformat(),
        "price_per_kwh": None if period.price_per_kwh is None else format(period.price_per_kwh, "f"),
        "standing_per_month": None if period.standing_per_month is None else str(period.standing_per_month),
        "dynamic_slots": None if period.series is None else len(period.series.starts_us),
        "series": None if period.series is None else _series_document(period.series, period),
        "bands": [
            {
                "days": [DAYS[d] for d in sorted(band.days)],
                "start": _clock_text(band.start),
                "end": _clock_text(band.end),
                "price_per_kwh": format(band.price_per_kwh, "f"),
            }
            for band in period.bands
        ],
    }


def _series_document(series: PriceSeries, period: Period) -> dict[str, Any]:
    return {
        "column": series.column,
        "unit": series.unit,
        "factor": format(period.series_factor, "f"),
        "add": format(period.series_add, "f"),
        "from": iso_utc(series.starts_us[0]),
        "to": None if series.ends_us[-1] >= OPEN_US else iso_utc(series.ends_us[-1]),
    }


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class _SeriesReader:
    """Reads the series of one period: its file, then what of it was chosen."""

    def __init__(
        self, read: ReadSeries | None, currency: str, zone: ZoneInfo, feed: Callable[[bytes], None]
    ) -> None:
        self._read, self._currency, self._zone, self._feed = read, currency, zone, feed
        self.wholesale = False
        """Market prices to which nothing is added."""

    def read(self, given: object, where: str) -> tuple[PriceSeries, Decimal, Decimal]:
        """The series, its factor and what is added to each price."""
        if not isinstance(given, dict) or not isinstance(given.get("file"), str) or self._read is None:
            raise TariffProblem(
                tr("In the tariff, {where}.series names no file.", where=where),
                tr('Write {"file": "prices.csv"}.'),
            )
        rows, choice = given.get("rows", {}), [given.get(key, "") for key in ("column", "unit")]
        if not isinstance(rows, dict) or not all(isinstance(t, str) for t in (*choice, *rows.values())):
            raise TariffProblem(
                tr("In the tariff, {where}.series chooses by something else than text.", where=where),
                tr('Write "column": "SE3 Price (EUR)", "rows": {"Area": "BZN|SE3"}, "unit": "EUR/MWh".'),
            )
        text = self._read(given["file"])
        self._feed(text.encode())
        name = tr("The price series {what}", what=clean_text(given["file"], 60))
        series = parse_series(
            text, name, SeriesChoice(choice[0], rows, choice[1]), self._currency, self._zone
        )
        factor = parse_price(
            given.get("factor", "1"), tr("In the tariff, {where}.series.factor", where=where)
        )
        add = parse_price(
            given.get("add", "0"), tr("In the tariff, {where}.series.add", where=where), allow_negative=True
        )
        self.wholesale = series.wholesale and factor == 1 and add == 0
        return series, factor, add


def _period(item: object, where: str, reader: _SeriesReader) -> Period:
    if not isinstance(item, dict):
        raise TariffProblem(
            tr("In the tariff, {where} is not an object.", where=where), tr("Write it in braces.")
        )
    first, end = _date(item.get("from"), f"{where}.from"), _date(item.get("to"), f"{where}.to")
    if first is not None and end is not None and end <= first:
        raise TariffProblem(
            tr("In the tariff, {where} ends before it begins.", where=where),
            tr("'to' is the first day after the period."),
        )
    series, factor, add = None, Decimal(1), Decimal(0)
    if item.get("series") is not None:
        series, factor, add = reader.read(item["series"], where)
    price = None
    if "price_per_kwh" in item or series is None:
        price = parse_price(
            item.get("price_per_kwh"), tr("In the tariff, {where}.price_per_kwh", where=where)
        )
    standing = None
    if item.get("standing_per_month") is not None:
        standing = parse_price(
            item["standing_per_month"], tr("In the tariff, {where}.standing_per_month", where=where)
        )
    bands = item.get("bands") or []
    if not isinstance(bands, list) or len(bands) > MAX_BANDS:
        raise TariffProblem(
            tr("In the tariff, {where}.bands is not a list of bands.", where=where),
            tr("Write it in brackets."),
        )
    parsed = tuple(_band(band, f"{where}.bands[{i}]") for i, band in enumerate(bands))
    return Period(first, end, price, parsed, series, factor, add, standing)


def _band(item: object, where: str) -> Band:
    if not isinstance(item, dict):
        raise TariffProblem(
            tr("In the tariff, {where} is not an object.", where=where), tr("Write it in braces.")
        )
    days = item.get("days", list(DAYS))
    if not isinstance(days, list) or not days:
        raise TariffProblem(
            tr("In the tariff, {where}.days names no day.", where=where),
            tr("Use {days}.", days=", ".join(DAYS)),
        )
    start = _minute(item.get("start", "00:00"), f"{where}.start")
    end = _minute(item.get("end", "24:00"), f"{where}.end")
    if start == DAY_MINUTES:
        raise TariffProblem(
            tr("In the tariff, {where}.start is 24:00.", where=where),
            tr("A band starts at 23:59 at the latest."),
        )
    if start == end and start != 0:
        raise TariffProblem(
            tr("In the tariff, {where} starts and ends at the same time.", where=where),
            tr("For a whole day use 00:00 to 24:00."),
        )
    price = parse_price(
        item.get("price_per_kwh"),
        tr("In the tariff, {where}.price_per_kwh", where=where),
        allow_negative=True,
    )
    return Band(frozenset(_weekday(day, where) for day in days), start, end, price)


def _weekday(day: object, where: str) -> int:
    name = day.strip().lower() if isinstance(day, str) else ""
    for names in (DAYS, _LONG_DAYS):
        if name in names:
            return names.index(name)
    shown = clean_text(day, 20) if isinstance(day, str) else type(day).__name__
    raise TariffProblem(
        tr("In the tariff, {where}.days has '{shown}'.", where=where, shown=shown),
        tr("Use {days}.", days=", ".join(DAYS)),
    )


def _minute(value: object, where: str) -> int:
    if value == "24:00":
        return DAY_MINUTES
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        shown = clean_text(value, 20) if isinstance(value, str) else type(value).__name__
        raise TariffProblem(
            tr("In the tariff, {where} '{shown}' is not a time.", where=where, shown=shown),
            tr('Write it like "22:00".'),
        )
    return int(match[1]) * 60 + int(match[2])


def _date(value: object, where: str) -> date | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str) or len(value.strip()) != 10:
            raise ValueError
        return date.fromisoformat(value.strip())
    except ValueError:
        shown = clean_text(value, 20) if isinstance(value, str) else type(value).__name__
        raise TariffProblem(
            tr("In the tariff, {where} '{shown}' is not a date.", where=where, shown=shown),
            tr('Write it like "2026-01-01".'),
        ) from None


def _in_order(periods: list[Period]) -> tuple[Period, ...]:
    ordered = sorted(periods, key=lambda p: p.first_day or date.min)
    for i, (one, two) in enumerate(pairwise(ordered)):
        begin = two.first_day or date.min
        if one.first_day == two.first_day or (one.end_day is not None and one.end_day > begin):
            raise TariffProblem(
                tr(
                    "In the tariff, two periods overlap: {what} and {begin}.",
                    what=one.first_day or tr("the first"),
                    begin=begin,
                ),
                tr("Let each period end ('to') on the day the next begins ('from')."),
                "overlap",
            )
        if one.end_day is None:
            ordered[i] = replace(one, end_day=begin)
    return tuple(ordered)


def _overlaps(period: Period, where: str) -> list[str]:
    notes = []
    taken = 0
    for i, band in enumerate(period.bands):
        minutes, here = band.minutes_of_week(), f"{where}.bands[{i}]"
        if not minutes & ~taken:
            notes.append(tr("{band} never applies: earlier bands cover all of it.", band=here))
        elif minutes & taken:
            notes.append(tr("{band} overlaps an earlier band; the earlier one wins.", band=here))
        taken |= minutes
    return notes
