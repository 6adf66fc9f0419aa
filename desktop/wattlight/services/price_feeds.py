"""Dynamic prices from public feeds without an account: fetched when asked to or daily, the last good kept."""

import csv
import io
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from wattlight.domain.tariff import PriceSeries, TariffProblem, parse_series
from wattlight.domain.values import clean_text, from_us, iso_utc, to_us
from wattlight.i18n import clock_time, local_zone, short_date, tr, trn
from wattlight.paths import read_text, write_whole
from wattlight.settings import Price, PriceFeed, Settings
from wattlight.web import Limits, Web, WireFault

from .pricing import MAX_SERIES_BYTES, feed_since

LIMITS = Limits(connect_s=5.0, idle_s=10.0, total_s=30.0, body_bytes=4 << 20)
LONGEST = timedelta(days=31)
"""So far back a fetch reaches after a time without one."""
MOST_PER_KWH = Decimal(20)
"""No market lets a kWh cost more, in euros or pounds; beyond it an answer is none."""
_AGILE = "AGILE-24-10-01"
_AREA = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Feed:
    """A public feed. ``areas``: examples of what it can be asked for; ``market``: without taxes and fees."""

    key: str
    name: str
    host: str
    currency: str
    areas: tuple[str, ...]
    market: bool = True


FEEDS: tuple[Feed, ...] = (
    Feed("awattar-de", "aWATTar DE", "https://api.awattar.de", "EUR", ()),
    Feed("awattar-at", "aWATTar AT", "https://api.awattar.at", "EUR", ()),
    Feed(
        "energy-charts",
        "Energy-Charts",
        "https://api.energy-charts.info",
        "EUR",
        ("DE-LU", "AT", "BE", "CH", "CZ", "DK1", "DK2", "FR", "HU", "NL", "NO2", "PL", "SE4", "SI"),
    ),
    Feed(
        "octopus-agile", "Octopus Agile", "https://api.octopus.energy", "GBP", tuple("ABCDEFGHJKLMNP"), False
    ),
)
"""The hosts of the feeds are named here and nowhere else."""


class FeedProblem(TariffProblem):
    """Nothing was fetched; what was there before is kept."""

    code = "feed"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought: its slots, what of its span has no price, and the host that was asked."""

    feed: Feed
    area: str
    host: str
    slots: int
    start_us: int
    end_us: int
    holes: tuple[tuple[int, int], ...]

    def sentences(self, zone: tzinfo) -> list[str]:
        """What was fetched, and each hole by name."""
        first, last = _moment(self.start_us, zone), _moment(self.end_us, zone)
        said = [
            trn(
                "{n} price from {feed}, {first} to {last}.",
                "{n} prices from {feed}, {first} to {last}.",
                self.slots,
                n=self.slots,
                feed=self.feed.name,
                first=first,
                last=last,
            )
        ]
        for left, right in self.holes[:5]:
            span = {"first": _moment(left, zone), "last": _moment(right, zone)}
            said.append(tr("No price: {first} to {last}.", **span))
        return said


def feed_of(wanted: PriceFeed) -> Feed:
    """The feed of the settings.

    Raises:
        FeedProblem: there is none of that name, or its area cannot be.
    """
    feed = next((feed for feed in FEEDS if feed.key == wanted.feed), None)
    if feed is None:
        raise FeedProblem(
            tr("The price feed '{name}' is not known.", name=clean_text(wanted.feed, 40)),
            tr("Use one of: {names}.", names=", ".join(feed.key for feed in FEEDS)),
            "use",
        )
    if feed.areas and not _AREA.fullmatch(wanted.area):
        raise FeedProblem(
            tr("{feed} needs an area.", feed=feed.name),
            tr("Give one like {areas}.", areas=", ".join(feed.areas[:6])),
            "use",
        )
    return feed


def series_file(folder: Path, wanted: PriceFeed) -> Path:
    """Where the prices of a feed and area are kept."""
    return folder / f"prices-{wanted.feed}{'-' + wanted.area if wanted.area else ''}.csv".lower()


class PriceFetcher:
    """Asks a feed only when told to, and keeps what it says. Blocks; call it from a worker."""

    def __init__(self, web: Web, folder: Path, now: Callable[[], datetime]) -> None:
        """``folder`` is where the prices are kept."""
        self._web, self._folder, self._now = web, folder, now

    def fetch(self, wanted: PriceFeed) -> Fetched:
        """Ask for the prices since the last that are known until the end of tomorrow, and keep them all.

        Raises:
            FeedProblem: the feed does not answer, or what it says cannot be used; nothing was changed.
        """
        feed, file = feed_of(wanted), series_file(self._folder, wanted)
        kept = kept_series(file)
        now = self._now()
        begin = now - timedelta(days=1)
        if kept is not None:
            begin = max(
                now - LONGEST, min(begin, from_us(min(kept.ends_us[-1], to_us(now))) - timedelta(hours=1))
            )
        begin = begin.replace(minute=0, second=0, microsecond=0)
        fresh = self._ask(feed, wanted.area, begin, now + timedelta(days=2))
        try:
            write_whole(file, _csv(kept, fresh).encode())
        except OSError as error:
            raise FeedProblem(
                tr("The prices could not be saved to {file} ({reason}).", file=file, reason=error.strerror),
                tr("Make the folder writable."),
            ) from error
        return Fetched(
            feed, wanted.area, feed.host.partition("//")[2], len(fresh.starts_us),
            fresh.starts_us[0], fresh.ends_us[-1], tuple(fresh.holes()),
        )  # fmt: skip

    def _ask(self, feed: Feed, area: str, begin: datetime, end: datetime) -> PriceSeries:
        try:
            with self._web.get(feed.host + _path(feed, area, begin, end), LIMITS) as answer:
                if answer.status != 200:
                    raise _refused(feed, area, answer.status)
                text = answer.body().decode("utf-8", "replace")
        except WireFault as fault:
            raise FeedProblem(
                tr("{feed} could not be reached.", feed=feed.name),
                tr("The prices that were fetched before stay; try again later."),
            ) from fault
        try:
            series = parse_series(text, feed.name, currency=feed.currency)
        except TariffProblem as problem:
            raise FeedProblem(
                tr("What {feed} answers are no prices: {why}", feed=feed.name, why=problem.message),
                tr("The prices that were fetched before stay."),
            ) from problem
        if any(abs(price) > MOST_PER_KWH for price in series.prices):
            raise FeedProblem(
                tr("{feed} names a price that no market has.", feed=feed.name),
                tr("The prices that were fetched before stay."),
            )
        if series.ends_us[-1] <= to_us(self._now()):
            raise FeedProblem(
                tr("{feed} has no price for now or later.", feed=feed.name),
                tr("The prices that were fetched before stay; try again later."),
            )
        return series


def use_feed(settings: Settings, wanted: PriceFeed, folders: tuple[Path, Path], fetched: Fetched,
             fallback: str | None, zone: str, now: datetime) -> Settings:  # fmt: skip
    """The settings with the prices of the feed from today on; days before keep the price they had.

    ``folders`` are those of settings and data; ``fallback`` is the price of a kWh where the feed has none,
    else that is the flat price there was.

    Raises:
        TariffProblem: the prices cannot follow the tariff there is; nothing was changed.
    """
    fallback = fallback or settings.price.per_kwh
    series = {"file": str(series_file(folders[1], wanted)), "factor": wanted.factor, "add": wanted.add}
    file = feed_since(folders[0], settings.price, series, fetched.feed.currency, zone, now, fallback)
    price = Price(
        currency=fetched.feed.currency, timezone=zone, country=settings.price.country,
        tariff_file=str(file), dollar_rate=settings.price.dollar_rate,
        dollar_rate_date=settings.price.dollar_rate_date,
    )  # fmt: skip
    return replace(settings, price=price, feed=wanted)


def zone_name(settings: Settings, environ: Mapping[str, str]) -> str:
    """The zone of the days: that of the price, else this computer's."""
    return settings.price.timezone or local_zone(environ).key


def kept_series(file: Path) -> PriceSeries | None:
    """What was fetched before; None where there is nothing or it cannot be read."""
    with suppress(TariffProblem):
        return parse_series(read_text(file, MAX_SERIES_BYTES, FeedProblem), file.name)
    return None


def due(kept: PriceSeries | None, tried: datetime | None, now: datetime) -> bool:
    """Whether the daily fetch is due: once a day, and each hour while the next twelve hours lack a price."""
    if tried is not None and now - tried < timedelta(hours=1):
        return False
    if kept is None or kept.ends_us[-1] < to_us(now + timedelta(hours=12)):
        return True
    return tried is None or now - tried >= timedelta(days=1)


def _path(feed: Feed, area: str, begin: datetime, end: datetime) -> str:
    start, stop = (at.astimezone(UTC) for at in (begin, end))
    if feed.key.startswith("awattar"):
        return f"/v1/marketdata?start={to_us(start) // 1000}&end={to_us(stop) // 1000}"
    if feed.key == "energy-charts":
        return f"/price?bzn={quote(area)}&start={start:%Y-%m-%d}&end={stop:%Y-%m-%d}"
    product, _, region = area.upper().rpartition("-")
    product = product or _AGILE
    return (
        f"/v1/products/{product}/electricity-tariffs/E-1R-{product}-{region}/standard-unit-rates/"
        f"?period_from={start:%Y-%m-%dT%H:%MZ}&period_to={stop:%Y-%m-%dT%H:%MZ}&page_size=1500"
    )


def _refused(feed: Feed, area: str, status: int) -> FeedProblem:
    if status in {400, 404, 422} and area:
        return FeedProblem(
            tr("{feed} has no prices for the area '{area}'.", feed=feed.name, area=clean_text(area, 40)),
            tr("Give one like {areas}.", areas=", ".join(feed.areas[:6])),
        )
    return FeedProblem(
        tr("{feed} answers with status {status}.", feed=feed.name, status=status),
        tr("The prices that were fetched before stay; try again later."),
    )


def _csv(kept: PriceSeries | None, fresh: PriceSeries) -> str:
    """Both as our own table; where they overlap the fresh one counts."""
    first, last = fresh.starts_us[0], fresh.ends_us[-1]
    rows = [] if kept is None else [
        row for row in zip(kept.starts_us, kept.ends_us, kept.prices, strict=True)
        if row[1] <= first or row[0] >= last
    ]  # fmt: skip
    rows = sorted([*rows, *zip(fresh.starts_us, fresh.ends_us, fresh.prices, strict=True)])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("start_utc", "end_utc", "price_per_kwh"))
    writer.writerows((iso_utc(start), iso_utc(end), format(price, "f")) for start, end, price in rows)
    return out.getvalue()


def _moment(at_us: int, zone: tzinfo) -> str:
    at = from_us(at_us)
    local = at.astimezone(zone)
    return f"{short_date(local.date())} {clock_time(at, zone)}"
