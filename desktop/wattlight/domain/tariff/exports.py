"""The files that sellers and markets export: tables in CSV or JSON, their columns, units, numbers, times."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from wattlight.i18n import tr

from ..values import clean_text, from_us, read_json, to_us
from .price import CURRENCIES, TariffProblem, parse_price

OPEN_US = 7_258_118_400_000_000
"""The year 2200: where a slot ends that the seller left open."""
_MOST_VALUES = 1_500_000
"""Eight years of quarter hours, each with a begin, an end and a few words."""
STARTS = (
    "start_utc", "valid_from", "start_timestamp", "startsat", "starts_at", "deliverystart", "delivery_start",
    "mtu", "period_from", "time_start", "datetime", "date/time", "from", "hourutc", "timeutc",
)  # fmt: skip
ENDS = (
    "end_utc", "valid_to", "end_timestamp", "endsat", "ends_at", "deliveryend", "delivery_end", "period_to",
    "time_end", "to", "end",
)  # fmt: skip
"""Columns of the beginning and the end of a slot, in capitals or not, with a zone in brackets or not."""
_UNITS = {
    "price_per_kwh": "/kWh",
    "value_inc_vat": "p/kWh",
    "marketprice": "EUR/MWh",
    "total": "/kWh",
    "unitprice": "/kWh",
}
"""Price columns known by name, and their unit where the file does not state one."""
_ZONES = {
    "utc": "UTC", "gmt": "UTC", "cet": "Europe/Brussels", "cet/cest": "Europe/Brussels",
    "wet/west": "Europe/Lisbon", "eet/eest": "Europe/Helsinki",
}  # fmt: skip
_OFFSETS = {"cet": 1, "cest": 2, "wet": 0, "west": 1, "eet": 2, "eest": 3, "utc": 0, "gmt": 0, "bst": 1}
_IN_BRACKETS = re.compile(r"\s*[(\[]([^)\]]*)[)\]]\s*$")
_UNIT = re.compile(r"([a-zøö€£$]*)\s*(?:/|_per_)\s*(kwh|mwh)", re.IGNORECASE)
_AREA_PRICE = re.compile(
    r"(?:\S+ )?price \(([a-z]{3})\)|[a-z]{2}\d?(?:-[a-z]+)? \(([a-z]{3})\)|(?:spot|dayahead)price([a-z]{3})",
    re.IGNORECASE,
)
"""Prices of a market, by area or not, in a currency per MWh."""
_PRICE_WORD = re.compile(r"price|preis|pris|rate|_per_kwh", re.IGNORECASE)
_NO_PRICE_COLUMN = re.compile(r"intraday|export|exc_vat|consumption|forecast", re.IGNORECASE)
_MINOR = {"p", "pence", "ct", "cent", "cents", "c", "öre", "øre", "ore"}
_SIGNS = {"€": "EUR", "£": "GBP", "p": "GBP", "pence": "GBP"}
_NOTHING = {"", "-", "n/e", "n/a", "na", "nan", "null", "none"}
_SIMPLE = re.compile(r"-?\d{1,6}(\.\d{1,18})?")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?")
Row = Mapping[str, Any]


class CsvTable:
    """Rows of a CSV text; commas, semicolons or tabs between the fields."""

    def __init__(self, text: str) -> None:
        lines = text.removeprefix("\ufeff").split("\n", 1)
        if lines[0].strip().lower().startswith("sep="):
            lines = lines[1:]
        self._text = "\n".join(lines)
        first = lines[0] if lines else ""
        delimiter = max(";\t,", key=first.count) if any(d in first for d in ";\t,") else ","
        self.comma = delimiter != ","
        """Numbers may be written with a comma."""
        self._reader = csv.DictReader(io.StringIO(self._text), delimiter=delimiter, skipinitialspace=True)
        try:
            self.headers = [h.strip() for h in self._reader.fieldnames or ()]
        except csv.Error:
            self.headers = []  # a column is missing, then
        self._reader.fieldnames = self.headers

    def rows(self, name: str) -> Iterator[tuple[str, Row]]:
        try:
            for row in self._reader:
                yield f"{name}, line {self._reader.line_num}", row
        except csv.Error as error:
            raise series_problem(
                tr("{name} cannot be read as CSV.", name=name), tr("Export it again.")
            ) from error


class JsonTable:
    """The objects with a beginning, wherever they stand in a JSON answer."""

    comma = False

    def __init__(self, text: str) -> None:
        try:
            document = read_json(text.lstrip("\ufeff"), _MOST_VALUES, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError):
            document = None
        self._rows = list(_objects(document, {}))
        self.headers = list(dict.fromkeys(key for row in self._rows for key in row))

    def rows(self, name: str) -> Iterator[tuple[str, Row]]:
        for i, row in enumerate(self._rows, start=1):
            yield f"{name}, entry {i}", row


def table_of(text: str) -> CsvTable | JsonTable:
    """The table that ``text`` is."""
    return JsonTable(text) if text.lstrip("\ufeff \r\n\t")[:1] in {"{", "["} else CsvTable(text)


def is_export(text: str) -> bool:
    """Whether ``text`` is a table with times at which prices begin."""
    return any(plain_header(header) in STARTS for header in table_of(text).headers)


def _objects(node: object, above: dict[str, object]) -> Iterator[dict[str, object]]:
    if isinstance(node, list):
        for item in node:
            yield from _objects(item, above)
    if not isinstance(node, dict):
        return
    times, prices = node.get("unix_seconds"), node.get("price")
    if isinstance(times, list) and isinstance(prices, list) and len(times) == len(prices):
        unit = node.get("unit")  # two lists of one length, as Energy-Charts answers
        for at, price in zip(times, prices, strict=True):
            yield {"start_timestamp": at, "marketprice": price, "unit": unit}
        return
    if any(plain_header(key) in STARTS for key in node):
        areas = node.get("entryPerArea")
        more = {f"{area} Price ({above.get('currency', 'EUR')})": price for area, price in areas.items()} \
            if isinstance(areas, dict) else {}  # fmt: skip
        yield {**above, **{k: v for k, v in node.items() if not isinstance(v, dict | list)}, **more}
        return
    above = {**above, **{key: node[key] for key in ("currency",) if isinstance(node.get(key), str)}}
    for value in node.values():
        yield from _objects(value, above)


def plain_header(header: str) -> str:
    return re.sub(r"\s+", "_", _IN_BRACKETS.sub("", header.strip()).strip().lower())


def missing_column(name: str, what: str, code: str = "series") -> TariffProblem:
    return TariffProblem(
        tr("{name} has no column '{what}'.", name=name, what=what),
        tr(
            "It needs the columns start_utc and price_per_kwh, or must be one of the exports that "
            "'wattlight tariff --help' names."
        ),
        code,
    )


def series_problem(message: str, next_step: str) -> TariffProblem:
    return TariffProblem(message, next_step, "series")


def no_prices(name: str, text: str) -> TariffProblem | None:
    """What a table lacks to be one of prices; None where ``text`` is one, or no table at all."""
    table = table_of(text)
    headers = table.headers
    if len(headers) < 2 or next(table.rows(name), None) is None:
        return None
    if not _price_columns(headers):
        return missing_column(name, "price_per_kwh", "tariff")
    return None if is_export(text) else missing_column(name, "start_utc", "tariff")


def _price_columns(headers: list[str]) -> list[str]:
    known = [h for plain in _UNITS for h in headers if plain_header(h) == plain][:1]
    return known or [
        h
        for h in headers
        if not _NO_PRICE_COLUMN.search(h)
        and (_AREA_PRICE.fullmatch(h) or (_UNIT.search(h) and _PRICE_WORD.search(h)))
    ]


def price_column(name: str, headers: list[str], column: str, currency: str | None) -> str:
    """The column that was chosen, or the one that is known to hold prices; of several the one in the currency
    of the tariff."""
    wanted = column.strip().lower()
    if wanted:
        found = [h for h in headers if h.lower() == wanted] or [h for h in headers if wanted in h.lower()]
    else:
        found = _price_columns(headers)
    if len(found) > 1 and currency is not None and not wanted:
        said = re.compile(rf"(?:(?<![a-z])|price){currency}(?![a-z])", re.IGNORECASE)
        found = [h for h in found if said.search(h)] or found
    if not found:
        raise missing_column(name, column or "price_per_kwh")
    if len(found) > 1:
        names = ", ".join(clean_text(h, 40) for h in found[:12])
        raise series_problem(
            tr("{name} has several price columns: {names}.", name=name, names=names),
            tr('Choose one in the tariff: "series": {{"file": "…", "column": "{first}"}}.', first=found[0]),
        )
    return found[0]


def unit_of(column: str, rows: Iterable[tuple[str, Row]]) -> str:
    stated = next((str(row[key]) for _, row in rows for key in row if key and key.lower() == "unit"), "")
    found = _UNIT.search(stated)
    known = _UNITS.get(plain_header(column)) if found is None else None
    found = found or _UNIT.search(column)
    area = _AREA_PRICE.fullmatch(column)
    if known is not None or found is None:
        return known or (f"{area[area.lastindex or 1].upper()}/MWh" if area else "")
    return f"{found[1]}/{found[2]}"


def scale_of(name: str, column: str, unit: str, currency: str | None, rows: list[tuple[str, Row]]) -> int:
    """The power of ten that the unit lies below the currency per kWh."""
    found = _UNIT.fullmatch(unit.strip())
    if found is None:
        raise series_problem(
            tr("{name}: the unit of '{column}' is not known.", name=name, column=clean_text(column, 40)),
            tr('Say it in the tariff: "series": {"file": "…", "unit": "EUR/MWh"} (or ct/kWh, p/kWh).'),
        )
    money, per = found[1].lower(), found[2].lower()
    written = money.upper() if money.upper() in CURRENCIES else _SIGNS.get(money)
    stated = next((str(row[key]) for _, row in rows for key in row if key and key.lower() == "currency"), "")
    theirs = written or (stated.upper() if stated.upper() in CURRENCIES else None)
    if currency is not None and theirs is not None and theirs != currency:
        raise series_problem(
            tr("{name} is in {theirs}, the tariff in {ours}.", name=name, theirs=theirs, ours=currency),
            tr("Prices are never converted: give the tariff the currency of its series."),
        )
    return (3 if per == "mwh" else 0) + (2 if money in _MINOR else 0)


def is_wholesale(column: str) -> bool:
    return bool(re.search(r"marketprice|day-ahead", column, re.IGNORECASE) or _AREA_PRICE.fullmatch(column))


def zone_of(column: str, zone: tzinfo) -> tzinfo:
    if column.lower().endswith("utc"):
        return UTC
    brackets = _IN_BRACKETS.search(column)
    key = _ZONES.get(brackets[1].strip().lower()) if brackets else None
    return ZoneInfo(key) if key else zone


def cells_of(row: Row, start: str, end: str | None) -> tuple[object, object]:
    """What the row says of its beginning and end; "a - b" in one column is both."""
    begin = row.get(start)
    if isinstance(begin, str) and " - " in begin:
        first, _, second = begin.partition(" - ")
        return first, second
    until = row.get(end) if end is not None else None
    if end is not None and (until is None or str(until).strip().lower() in _NOTHING):
        return begin, OPEN_US
    return begin, until


def price_cell(cell: object, line: str, comma: bool) -> Decimal | None:
    if cell is None or str(cell).strip().lower() in _NOTHING:
        return None
    text = str(cell).strip().replace("\u2212", "-")
    if comma and "," in text:
        text = text.replace(".", "").replace(",", ".")
    if _SIMPLE.fullmatch(text):
        return Decimal(text)
    return parse_price(text, tr("{line}: the price", line=line), allow_negative=True)


class Clock:
    """Reads times in the order of the file, so that the second of two equal times in autumn is the later."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.skipped = False
        """The latest start is a time that clocks leave out."""

    def start(self, cell: object, line: str, taken: Mapping[int, object]) -> int:
        self.skipped = False
        at = _moment(cell, line)
        if isinstance(at, int):
            return at
        first, second = (to_us(at.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        if first == second:
            return first
        self.skipped = from_us(first).astimezone(self._zone).replace(tzinfo=None) != at
        return second if first in taken and not self.skipped else first

    def end(self, cell: object, start_us: int, line: str) -> int:
        at = cell if isinstance(cell, int) and cell == OPEN_US else _moment(cell, line)
        end_us = at if isinstance(at, int) else to_us(at.replace(tzinfo=self._zone, fold=0))
        if end_us <= start_us and isinstance(at, datetime):
            end_us = to_us(at.replace(tzinfo=self._zone, fold=1))
        if end_us <= start_us:
            raise series_problem(
                tr("{line}: the slot ends before it begins.", line=line),
                tr("Correct its end, or leave it out."),
            )
        return end_us


def _moment(cell: object, line: str) -> int | datetime:
    """Microseconds, or a datetime without zone. Numbers are seconds or milliseconds since 1970."""
    text = str(cell or "").strip()
    if text.isascii() and text.isdigit() and 9 <= len(text) <= 13:
        return int(text) * (1000 if len(text) > 10 else 1_000_000)
    hours = None
    mark = _IN_BRACKETS.search(text) if text.endswith(")") else None
    if mark and mark[1].strip().lower() in _OFFSETS:
        text, hours = text[: mark.start()].strip(), _OFFSETS[mark[1].strip().lower()]
    try:
        day_first = _DAY_FIRST.fullmatch(text) if text[2:3] in {".", "/"} or text[1:2] in {".", "/"} else None
        if day_first:
            d, m, y, hour, minute, second = (int(part or 0) for part in day_first.groups())
            at = datetime(y, m, d, hour, minute, second)  # noqa: DTZ001 - the caller knows the zone
        else:
            at = datetime.fromisoformat(text)
        if hours is not None:
            at = at.replace(tzinfo=timezone(timedelta(hours=hours)))
        return at if at.tzinfo is None else to_us(at)
    except (ValueError, OverflowError) as error:
        raise series_problem(
            tr("{line}: '{what}' is not a time.", line=line, what=clean_text(text, 40)),
            tr('Write it like "2026-03-01T00:00:00Z".'),
        ) from error
