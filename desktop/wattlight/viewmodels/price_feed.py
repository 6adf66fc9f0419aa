"""The card Dynamic prices of the page Settings, and the line of the cheapest hours on the page Cost."""

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from wattlight.domain.command import Command, Verb
from wattlight.domain.tariff import MICRO
from wattlight.domain.values import clean_sentence, from_us
from wattlight.i18n import as_typed, clock_time, interval, joined, money, tr
from wattlight.services.price_feeds import FEEDS
from wattlight.settings import PriceFeed

from .scene import Scene
from .settings_page import Choice
from .words import Action


@dataclass(frozen=True, slots=True)
class FeedView:
    """What the card shows; ``said`` is what came of the last fetch."""

    feeds: tuple[Choice, ...]
    feed: str
    needs_area: bool
    area: str
    area_example: str
    factor: str
    add: str
    daily: bool
    about: str
    fetch: tuple[Action, ...]
    said: str
    said_is_bad: bool


def feed_view(scene: Scene) -> FeedView:
    wanted, trial = scene.settings.feed, scene.state.prices
    feed = next((feed for feed in FEEDS if feed.key == wanted.feed), None)
    about = tr(
        "Prices of public feeds without an account, from the day they are fetched on; earlier days keep "
        "theirs. Nothing is fetched unless you ask for it here."
    )
    if feed is not None:
        about = tr("Fetched from {host}.", host=feed.host.partition("//")[2])
        market = tr("Market prices have no VAT, grid fees and levies in them: add them below.")
        about = f"{about} {market}" if feed.market else about
    return FeedView(
        (Choice("", tr("none")), *(Choice(feed.key, feed.name) for feed in FEEDS)),
        wanted.feed if feed is not None else "",
        feed is not None and bool(feed.areas),
        wanted.area,
        joined(feed.areas[:3]) if feed is not None else "",
        as_typed(wanted.factor),
        as_typed(wanted.add),
        wanted.daily,
        about,
        (Action(tr("Fetch prices"), Command(Verb.FETCH_PRICES)),) if feed is not None else (),
        clean_sentence(trial.said, 400),
        trial.bad,
    )


def understood_feed(area: str, factor: str, add: str, feed: PriceFeed) -> tuple[PriceFeed, str]:
    """The feed with what was typed, or a sentence what is wrong with it."""
    numbers = []
    for text, usual in ((factor, "1"), (add, "0")):
        try:
            value = Decimal((text.strip() or usual).replace(",", "."))
        except InvalidOperation:
            value = Decimal("NaN")
        numbers.append(value)
    if not (numbers[0].is_finite() and 0 <= numbers[0] <= 1000):
        return feed, tr("Type the factor as a number, like 1.19.")
    if not (numbers[1].is_finite() and abs(numbers[1]) <= 1000):
        return feed, tr("Type what is added to each kWh as a number, like 0.17.")
    texts = [format(value, "f") for value in numbers]
    return replace(feed, area=area.strip(), factor=texts[0], add=texts[1]), ""


def cheapest_line(scene: Scene) -> str:
    """ "Cheapest hours today: 02:00 to 04:00 (0.21 to 0.23 EUR per kWh)", "" where none is cheaper."""
    costs = scene.extras.costs
    currency = scene.host.month.currency if scene.host.month is not None else None
    if costs is None or not costs.cheapest or currency is None:
        return ""
    spans = []
    for hours in costs.cheapest:
        start, end = (clock_time(from_us(at), scene.state.zone) for at in (hours.start_us, hours.end_us))
        low, high = (money(round(price * MICRO), currency) for price in (hours.low, hours.high))
        price = low if low == high else interval(low, high)
        spans.append(tr("{start} to {end} ({price} per kWh)", start=start, end=end, price=price))
    return tr("Cheapest hours today: {hours}.", hours=joined(spans))
