"""``wattlight tariff``: show, check or set the price of electricity."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from wattlight.domain.tariff import (
    DAYS,
    MICRO,
    OPEN_US,
    Period,
    Tariff,
    TariffProblem,
    flat_tariff,
    tariff_document,
)
from wattlight.domain.values import clean_text, from_us, iso_utc
from wattlight.i18n import clock_time, duration, local_zone, money, short_date, tr, trn
from wattlight.services.pricing import CountryPrice, country_prices, price_since, read_tariff_file
from wattlight.settings import Price, PriceFeed, Settings, save_settings
from wattlight.viewmodels.words import DASH

from .carbon import set_carbon
from .options import read_day, typed
from .output import Call, Document, Output, plain
from .price_feeds import cheap_documents, cheap_lines, fetch, fetch_arguments

FORM = """\
a tariff file (prices with VAT; "series" is optional):

  {"schema": 1, "currency": "EUR",
   "timezone": "Europe/Berlin",
   "periods": [
     {"from": "2026-01-01", "to": "2026-07-01",
      "price_per_kwh": "0.39", "standing_per_month": "12",
      "bands": [{"days": ["sat", "sun"], "start": "22:00",
                 "end": "06:00", "price_per_kwh": "0.28"}]},
     {"from": "2026-07-01",
      "series": {"file": "prices.csv", "factor": "1.19",
                 "add": "0.17"}}]}

a price of a series: factor x slot + add. The file has the
columns start_utc, price_per_kwh (and end_utc, if slots do
not last until the next one), or is an export of:
  Octopus  valid_from, valid_to, value_inc_vat (API, JSON or
           CSV); Period from, Agile Import price (p/kWh)
  aWATTar  start_timestamp, end_timestamp, marketprice, unit
  Nord Pool Delivery Start (CET), SE3 Price (EUR); JSON
  ENTSO-E  MTU (CET/CEST), Day-ahead Price (EUR/MWh)
  Tibber   startsAt, total (API, JSON or CSV)
  Energinet HourUTC, SpotPriceDKK; TimeUTC, DayAheadPriceDKK
of several prices in it "column": "SE3 Price (EUR)" or
"rows": {"Area": "BZN|SE3"} chooses, "unit": "ct/kWh" tells
the unit of a column that does not.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = FORM, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("show", help="the price in force (default)")
    check = actions.add_parser(
        "check",
        help="read a tariff file and say what is in it",
        epilog=FORM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("file", metavar="FILE", help="a tariff file, - for standard input")
    listed = actions.add_parser("countries", help="official prices that can be used to start from")
    setter = actions.add_parser("set", help="set a flat price, a country's official price, or a tariff file")
    setter.add_argument("--price", metavar="P", help='price of one kWh, VAT included, like "0.39"')
    setter.add_argument("--currency", metavar="C", help="EUR, USD, ...")
    setter.add_argument("--timezone", metavar="Z", help="zone of the days (default: this computer's)")
    setter.add_argument("--country", metavar="CC", help="use the official price of a country (DE, FR, ...)")
    setter.add_argument("--file", metavar="FILE", help="a tariff file")
    setter.add_argument(
        "--since", metavar="DATE", help="valid from this day on; earlier days keep the price they had"
    )
    setter.add_argument("--none", action="store_true", help="no price: money is not shown")
    fetched = actions.add_parser("fetch", help="fetch dynamic prices from a public feed, and use them")
    fetch_arguments(fetched)
    carbon = actions.add_parser("carbon", help="tell CO2 beside energy, or leave it (off by default)")
    carbon.add_argument("factor", metavar="FACTOR", nargs="?", help="a country, grams per kWh, or off")
    for sub in actions.choices.values():
        sub.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    listed.set_defaults(action="countries")


def run(args: argparse.Namespace, call: Call) -> None:
    {"check": _check, "countries": _countries, "set": _set, "carbon": set_carbon, "fetch": fetch}.get(
        args.action, _show
    )(args, call)


def _show(_args: argparse.Namespace, call: Call) -> None:
    tariff, price = call.workshop.tariff(), call.workshop.settings().price
    now = call.workshop.now()
    if call.as_json:
        call.out.document(_document(tariff, price, now))
        return
    if tariff is None:
        call.out.line(tr("No price is set, so no costs are shown."))
        call.out.line(tr("Set one: wattlight tariff set --price 0.39 --currency EUR"))
        return
    _print(call, tariff, now)
    country = _country(price.country)
    if country is not None:
        call.out.line(
            tr("price of {country}, {period}, VAT: {vat}: {source}", country=country.name,
               period=country.period or country.year, vat=country.vat_included or DASH, source=country.source)
        )  # fmt: skip


def _check(args: argparse.Namespace, call: Call) -> None:
    tariff = read_tariff_file(args.file)
    if call.as_json:
        call.out.document(_document(tariff, Price(tariff_file=args.file), call.workshop.now()))
        return
    call.out.line(tr("{file} is a valid tariff.", file=clean_text(args.file)))
    _print(call, tariff, call.workshop.now())


def _countries(_args: argparse.Namespace, call: Call) -> None:
    countries = country_prices()
    if call.as_json:
        call.out.document({"countries": plain(countries)})
        return
    width = max(len(country.name) for country in countries)
    for country in countries:
        if country.price_per_kwh is not None:
            old = tr("  (old)") if country.stale else ""
            price = f"{country.price_per_kwh} {country.currency}"
            call.out.line(f"{country.code}  {country.name:<{width}}  {price:>12}  {country.year}{old}")
    missing = ", ".join(c.code for c in countries if c.price_per_kwh is None)
    call.out.line(tr("No official price is shipped for: {codes}", codes=missing))


def _set(args: argparse.Namespace, call: Call) -> None:
    given = [bool(args.price), bool(args.country), bool(args.file), args.none]
    if sum(given) != 1:
        raise TariffProblem(
            tr("It is not clear which price to set."),
            tr("Give one of --price, --country, --file or --none."),
            "use",
        )
    settings = call.workshop.settings()
    price = _new_price(args, call, settings)
    changed = replace(settings, price=price, feed=PriceFeed())
    save_settings(call.workshop.places.settings_file, changed)
    _show(args, call)
    if not call.as_json and args.since is None and not args.none:
        call.out.line(tr("It applies to all that was recorded. For a new price: --since DATE"))


def _new_price(args: argparse.Namespace, call: Call, settings: Settings) -> Price:
    if args.none:
        return Price(declined=True)
    if args.file:
        read_tariff_file(args.file)
        return Price(tariff_file=str(Path(args.file).expanduser().resolve()))
    with typed():
        price = _flat_price(args, call, settings)
        if args.since is None:
            return price
        since = read_day(args.since, TariffProblem)
    file = price_since(
        call.workshop.places.settings_file.parent,
        call.workshop.tariff(),
        price.per_kwh or "",
        price.currency or "",
        price.timezone or "UTC",
        since,
    )
    return Price(tariff_file=str(file), country=price.country)


def _flat_price(args: argparse.Namespace, call: Call, settings: Settings) -> Price:
    zone = args.timezone or settings.price.timezone or local_zone(call.workshop.environ).key
    if args.country:
        country = _country(args.country)
        if country is None:
            raise TariffProblem(
                tr("The country '{country}' is not in the table.", country=clean_text(args.country, 20)),
                tr("See 'wattlight tariff countries', or give --price and --currency."),
            )
        if country.price_per_kwh is None:
            raise TariffProblem(
                tr("No official price is shipped for {name}.", name=country.name),
                tr(
                    "Take it from your bill: wattlight tariff set --price P --currency {currency}",
                    currency=country.currency,
                ),
            )
        flat_tariff(country.price_per_kwh, country.currency, zone)
        return Price(str(country.price_per_kwh), country.currency, zone, country.code)
    known_tariff = call.workshop.tariff() if args.since is not None else None
    currency = args.currency or settings.price.currency or (known_tariff.currency if known_tariff else "")
    tariff = flat_tariff(args.price, currency, zone)
    known = tariff.periods[0].price_per_kwh
    return Price(str(known), tariff.currency, tariff.zone.key)


def _country(code: str | None) -> CountryPrice | None:
    return next((c for c in country_prices() if c.code == code.strip().upper()), None) if code else None


def _document(tariff: Tariff | None, price: Price, now: datetime) -> Document:
    if tariff is None:
        return {
            "tariff": None,
            "price_now": None,
            "source": None,
            "notes": [],
            "holes": [],
            "cheapest_today": [],
        }
    return {
        "tariff": {"schema": 1, **tariff_document(tariff)},
        "price_now": plain(tariff.price_at(now)),
        "source": {"file": price.tariff_file, "country": plain(_country(price.country))},
        "notes": list(tariff.notes),
        "holes": [
            {"from": iso_utc(start), "to": iso_utc(end), "fallback": stand_in}
            for start, end, stand_in in tariff.holes()
        ],
        "cheapest_today": cheap_documents(tariff, now),
    }


MOST_HOLES = 10
"""So many are named in the text; the document has all."""


def _rules(period: Period, tariff: Tariff) -> Iterator[str]:
    """What else a period states, a line for each."""
    for band in period.bands:
        days = " ".join(DAYS[day] for day in sorted(band.days)) if len(band.days) < 7 else tr("every day")
        start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (band.start, band.end))
        yield f"    {days} {start} – {end}: {band.price_per_kwh}"
    series = period.series
    if series is not None:
        first = moment_text(series.starts_us[0], tariff.zone)
        last = tr("open") if series.ends_us[-1] >= OPEN_US else moment_text(series.ends_us[-1], tariff.zone)
        yield "    " + trn(
            "{count} slot, {first} – {last}, from the column {column} ({unit})",
            "{count} slots, {first} – {last}, from the column {column} ({unit})",
            len(series.starts_us),
            first=first,
            last=last,
            column=clean_text(series.column, 40),
            unit=clean_text(series.unit, 20),
        )
        yield "    " + tr(
            "price of a kWh: {factor} x slot + {add}", factor=period.series_factor, add=period.series_add
        )
        if period.price_per_kwh is not None:
            yield "    " + tr("where the series has no price: {price}", price=period.price_per_kwh)
    if period.standing_per_month is not None:
        charge = money(round(period.standing_per_month * MICRO), tariff.currency)
        yield "    " + tr("standing charge: {charge} a month, in no model's cost", charge=charge)


def _print_holes(out: Output, tariff: Tariff) -> None:
    holes = list(tariff.holes())
    for start_us, end_us, stand_in in holes[:MOST_HOLES]:
        span = f"{moment_text(start_us, tariff.zone)} – {moment_text(end_us, tariff.zone)}"
        long = duration((end_us - start_us) / 1_000_000)
        if stand_in:
            out.line(tr("hole: {span} ({long}), priced by the fallback", span=span, long=long))
        else:
            out.line(tr("hole: {span} ({long}), no price", span=span, long=long))
    if len(holes) > MOST_HOLES:
        out.line(tr("and {count} more holes", count=len(holes) - MOST_HOLES))


def moment_text(at_us: int, zone: ZoneInfo) -> str:
    at = from_us(at_us)
    return f"{short_date(at.astimezone(zone).date())} {clock_time(at, zone)}"


def _print(call: Call, tariff: Tariff, now: datetime) -> None:
    out = call.out
    current = tariff.price_at(now)
    if current is None:
        out.line(tr("now: no price (outside of all periods and slots)"))
    else:
        shown = money(round(current * MICRO), tariff.currency)
        out.line(tr("now: {price} per kWh", price=f"{shown} ({current} {tariff.currency})"))
    out.line(tr("days in {zone}", zone=tariff.zone.key))
    for period in tariff.periods:
        start = tr("from the beginning") if period.first_day is None else short_date(period.first_day)
        end = tr("open") if period.end_day is None else short_date(period.end_day)
        price = "" if period.price_per_kwh is None else f"{period.price_per_kwh} {tariff.currency}"
        series = tr("dynamic prices") if period.series is not None else ""
        out.line(f"  {start} – {end}: {', '.join(part for part in (series, price) if part)}")
        out.lines(_rules(period, tariff))
    out.line(tr("Prices count as they are written: write them with VAT."))
    _print_holes(out, tariff)
    local_now = now.astimezone(tariff.zone)
    pieces = tuple(tariff.pieces_us(*tariff.day_bounds_us(local_now.date())))
    if len(pieces) > 1:
        out.line(tr("today:"))
        for piece in pieces:
            begin, end = (clock_time(at, tariff.zone) for at in (piece.start, piece.end))
            known = tr("no price") if piece.price_per_kwh is None else str(piece.price_per_kwh)
            out.line(f"  {begin} – {end}  {known}")
    out.lines(cheap_lines(tariff, now))
    for note in tariff.notes:
        out.line(tr("note: {note}", note=note))
