"""The third page: what electricity costs."""

from dataclasses import dataclass, replace

from wattlight.i18n import as_typed, tr
from wattlight.settings import Settings

from ..scene import Scene
from ..settings_page import Choice, country_price, price_note, understood_price


@dataclass(frozen=True, slots=True)
class PriceStep:
    """What the fields begin with. ``prefilled``: an official price of the country this computer is in."""

    countries: tuple[Choice, ...]
    country: str
    price: str
    currency: str
    note: str
    prefilled: bool


def price_step(scene: Scene) -> PriceStep:
    """The person's own price, else the country's official one where one is shipped."""
    price = scene.settings.price
    countries = tuple(Choice(c.code, c.name) for c in scene.extras.countries)
    choices = (Choice("", tr("Another country")), *countries)
    if price.per_kwh:
        code = price.country or ""
        own = as_typed(price.per_kwh)
        return PriceStep(choices, code, own, price.currency or "", price_note(scene, code), False)
    found = country_price(scene, scene.setup.country)
    if found is None or price.declined:
        return PriceStep(choices, "", "", "", price_note(scene, ""), False)
    return PriceStep(
        choices, found.code, found.per_kwh, found.currency, price_note(scene, found.code), bool(found.per_kwh)
    )


def price_left(settings: Settings, price: str, currency: str, country: str) -> tuple[Settings, str]:
    """The settings when the page is left with "Continue", or a sentence what is wrong with the price.

    An empty price is "I don't know".
    """
    if not price.strip():
        return replace(settings, price=replace(settings.price, declined=True)), ""
    if settings.price.tariff_file:
        return settings, ""
    entry = understood_price(price, currency, country, settings.price)
    return (settings, entry.error) if entry.error else (replace(settings, price=entry.price), "")
