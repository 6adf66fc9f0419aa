"""``tariff fetch``: dynamic prices of a public feed, and the cheapest hours of a day."""

import argparse
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from wattlight.domain.tariff import CheapHours, Tariff, cheapest_hours, parse_price
from wattlight.domain.values import from_us, iso_utc
from wattlight.i18n import clock_time, joined, tr
from wattlight.services.price_feeds import FEEDS, FeedProblem, use_feed, zone_name
from wattlight.settings import PriceFeed, save_settings

from .options import typed
from .output import Call, Document


def fetch_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``tariff fetch`` takes."""
    keys = joined(feed.key for feed in FEEDS)
    parser.add_argument("feed", metavar="FEED", nargs="?", help=f"{keys}; without one the feed in use")
    parser.add_argument("--area", metavar="A", default="", help="DE-LU (energy-charts), C (octopus-agile)")
    parser.add_argument("--factor", metavar="F", default="1", help="price = factor x slot + add (VAT: 1.19)")
    parser.add_argument("--add", metavar="A", default="0", help="fees, levies and margin of a kWh, with VAT")
    parser.add_argument("--fallback", metavar="P", help="price of a kWh where the feed has none")
    parser.add_argument("--daily", action="store_true", help="the tray fetches by itself once a day")


def fetch(args: argparse.Namespace, call: Call) -> None:
    """Ask the feed, keep its prices, and use them from today on."""
    workshop = call.workshop
    settings = workshop.settings()
    wanted = settings.feed
    if args.feed:
        with typed():
            factor, add = parse_price(args.factor), parse_price(args.add, allow_negative=True)
            if args.fallback is not None:
                parse_price(args.fallback)
        wanted = PriceFeed(args.feed.lower(), args.area, format(factor, "f"), format(add, "f"), args.daily)
    if not wanted.feed:
        raise FeedProblem(
            tr("No price feed is in use."),
            tr("Name one: wattlight tariff fetch awattar-de --factor 1.19 --add 0.17"),
            "use",
        )
    fetched = workshop.price_fetcher().fetch(wanted)
    now, zone = workshop.now(), zone_name(settings, workshop.environ)
    places = workshop.places
    if args.feed:
        folders = places.settings_file.parent, places.data
        settings = use_feed(settings, wanted, folders, fetched, args.fallback, zone, now)
        save_settings(places.settings_file, settings)
    tariff = workshop.tariff()
    cheap = cheap_lines(tariff, now) if tariff is not None else []
    lines = [*fetched.sentences(ZoneInfo(zone)), *cheap]
    if fetched.feed.market and Decimal(wanted.factor) == 1 and Decimal(wanted.add) == 0:
        lines.append(
            tr("These are market prices, without VAT, grid fees and levies: --factor and --add add them.")
        )
    call.answer(
        {
            "fetched": {
                "feed": wanted.feed,
                "area": wanted.area or None,
                "host": fetched.host,
                "slots": fetched.slots,
                "from": iso_utc(fetched.start_us),
                "to": iso_utc(fetched.end_us),
                "holes": [{"from": iso_utc(a), "to": iso_utc(b)} for a, b in fetched.holes],
                "daily": wanted.daily,
            },
            "cheapest_today": cheap_documents(tariff, now),
        },
        *lines,
    )


def cheap_lines(tariff: Tariff, now: datetime) -> list[str]:
    """The cheapest hours of today in one line; none where all cost the same or too few are known."""
    found = cheapest_hours(tariff, now.astimezone(tariff.zone).date())
    return [tr("cheapest hours today: {hours}", hours=spans_text(found, tariff))] if found else []


def spans_text(found: tuple[CheapHours, ...], tariff: Tariff) -> str:
    """ "02:00 – 04:00 (0.21 EUR), ..."."""
    return joined(
        f"{clock_time(from_us(h.start_us), tariff.zone)} – {clock_time(from_us(h.end_us), tariff.zone)} "
        f"({h.low.normalize():f} {tariff.currency})"
        for h in found
    )


def cheap_documents(tariff: Tariff | None, now: datetime) -> list[Document]:
    """The same for the document."""
    found = () if tariff is None else cheapest_hours(tariff, now.astimezone(tariff.zone).date())
    return [
        {"from": iso_utc(h.start_us), "to": iso_utc(h.end_us), "low": f"{h.low:f}", "high": f"{h.high:f}"}
        for h in found
    ]
