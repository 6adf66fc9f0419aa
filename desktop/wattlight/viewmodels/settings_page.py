"""The page Settings: what is set, in words, and the check of what is typed."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

from wattlight.domain.carbon import MOST_G_PER_KWH
from wattlight.domain.values import clean_text
from wattlight.i18n import OFFERED, Language, as_typed, country_name, number, tr, trn
from wattlight.services.answers import CONTEXTS
from wattlight.services.pricing import CountryPrice
from wattlight.settings import ModelRuleSettings, NotificationSettings, Settings

from .activity import NoticeView, notice_views
from .scene import Scene

LARGEST_PRICE = Decimal(1000)
"""No currency's kilowatt-hour costs more per unit; above it a typing slip is likely."""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class SettingsView:
    countries: tuple[Choice, ...]
    country: str
    price: str
    currency: str
    price_note: str
    languages: tuple[Choice, ...]
    language: str
    themes: tuple[Choice, ...]
    theme: str
    figures: tuple[Choice, ...]
    figure: str
    keep_alives: tuple[Choice, ...]
    keep_alive: str
    contexts: tuple[Choice, ...]
    context: str
    ask_heavy: bool
    rules: ModelRuleSettings
    notifications: NotificationSettings
    alias: bool
    alias_text: str
    server_url: str
    start_server: bool
    estimates: bool
    paused: bool
    daily_budget: str
    monthly_budget: str
    dollar_rate: str
    dollar_rate_date: str
    autostart_supported: bool
    autostart: bool
    carbons: tuple[Choice, ...]
    carbon: str
    own_carbon: str
    version: str
    notices: tuple[NoticeView, ...]


def settings_view(scene: Scene) -> SettingsView:
    settings = scene.settings
    price = settings.price
    themes = (
        Choice("system", tr("Follow the system")),
        Choice("light", tr("Light")),
        Choice("dark", tr("Dark")),
    )
    figures = (
        Choice("", tr("no figure")),
        Choice("watts", tr("watts now")),
        Choice("cost", tr("cost of the models today")),
    )
    return SettingsView(
        (Choice("", tr("Choose your country")), *country_choices(scene)),
        price.country or "",
        as_typed((price.per_kwh or "").rstrip()),
        price.currency or "",
        _price_note(scene),
        (Choice("", tr("Follow the system")), *(Choice(o.code, _offered(o)) for o in OFFERED)),
        settings.language or "",
        themes,
        settings.theme if any(settings.theme == t.value for t in themes) else "system",
        figures,
        settings.icon_figure if any(settings.icon_figure == f.value for f in figures) else "",
        keep_alive_choices(settings.keep_alive),
        settings.keep_alive,
        (Choice("0", tr("server default")), *(Choice(str(c), number(c)) for c in CONTEXTS)),
        str(settings.context_length),
        settings.ask_heavy,
        settings.rules,
        settings.notifications,
        settings.alias.on,
        tr('Let the name "{name}" stand for the model in use', name=clean_text(settings.alias.name, 40)),
        settings.servers[0].url or "",
        settings.start_server,
        settings.meter.estimates,
        scene.state.paused,
        _amount(settings.meter.daily_budget_micro),
        _amount(settings.meter.monthly_budget_micro),
        as_typed(price.dollar_rate or ""),
        price.dollar_rate_date or "",
        scene.extras.autostart_supported,
        settings.start_at_login,
        (
            Choice("", tr("not told")),
            *(
                Choice(f.code, f"{country_name(f.code, f.country)} ({number(f.intensity)} g)")
                for f in scene.extras.carbon
            ),
        ),
        settings.carbon.country or "",
        "" if settings.carbon.own_g_per_kwh is None else as_typed(f"{settings.carbon.own_g_per_kwh:g}"),
        tr("Wattlight {version}", version=scene.extras.version).strip(),
        notice_views(scene),
    )


def _offered(language: Language) -> str:
    if language.reviewed:
        return language.name
    return tr("{language} (machine-translated)", language=language.name)


def rule_texts() -> dict[str, str]:
    """The rules that unload by themselves, by the name of their setting."""
    return {
        "on_battery": tr("Unload on battery"),
        "on_sleep": tr("Unload before the computer sleeps"),
        "other_program": tr("Unload while another program uses the GPU"),
        "load_again": tr("Load them again afterwards"),
    }


def notification_texts() -> dict[str, str]:
    """What the desktop may tell, by the name of its setting."""
    return {
        "budget": tr("Tell when a budget is used up"),
        "slow": tr("Tell why a model answers slowly"),
        "cut": tr("Tell when the server cut a prompt"),
        "trouble": tr("Tell when measuring or recording is in trouble"),
    }


def keep_alive_choices(current: str) -> tuple[Choice, ...]:
    """How long a model stays loaded after its last answer."""
    known = {
        "1m": tr("1 minute"),
        "5m": tr("5 minutes"),
        "15m": tr("15 minutes"),
        "1h": tr("1 hour"),
        "-1": tr("until unloaded"),
    }
    known.setdefault(current, clean_text(current, 20))
    return tuple(Choice(value, text) for value, text in known.items())


def country_choices(scene: Scene) -> tuple[Choice, ...]:
    """The countries an official price is known for, by their names in the language of the texts."""
    named = [Choice(c.code, country_name(c.code, c.name)) for c in scene.extras.countries]
    return tuple(sorted(named, key=lambda choice: choice.text))


def country_price(scene: Scene, code: str) -> CountryPrice | None:
    """The official price of a country, if one is shipped."""
    return next((c for c in scene.extras.countries if c.code == code), None)


def _price_note(scene: Scene) -> str:
    price = scene.settings.price
    if not price.tariff_file:
        return price_note(scene, price.country or "")
    return tr(
        "The tariff file {file} is in use. A price saved here is used instead of it; the file stays.",
        file=clean_text(price.tariff_file, 200),
    )


def price_note(scene: Scene, code: str) -> str:
    """Where the prefilled price comes from."""
    country = country_price(scene, code)
    if country is None or not country.per_kwh:
        return tr("Find it on your bill, usually as a price per kWh including taxes.")
    return tr(
        "Average household price {year}; your own is more accurate. {source}",
        year=country.year,
        source=clean_text(country.source, 120),
    )


def _typed(text: str) -> Decimal | None:
    """ "0.39" or "0,39", with blanks between; None where it is no number."""
    typed = text.strip().replace("\u00a0", "").replace(" ", "")
    if typed.count(",") == 1 and "." not in typed:
        typed = typed.replace(",", ".")
    try:
        return Decimal(typed)
    except InvalidOperation:
        return None


def understood_price(text: str, currency: str, country: str, settings: Settings) -> tuple[Settings, str]:
    """Settings with the price that was typed ("0.39" or "0,39"), or a sentence what is wrong with it.

    It is used instead of a tariff file from now on; the file itself is not touched.
    """
    code = currency.strip().upper()
    value = _typed(text)
    if value is None:
        return settings, tr("Type the price as a number, like 0.39.")
    if not value.is_finite() or value < 0:
        return settings, tr("The price cannot be negative.")
    if value > LARGEST_PRICE:
        return settings, tr("That is very high for one kWh. Is it the price in cents?")
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        return settings, tr("Type the currency as three letters, like EUR.")
    price = replace(settings.price, per_kwh=format(value, "f"), currency=code, country=country or None)
    return replace(settings, price=replace(price, tariff_file=None, declined=False)), ""


def _amount(micro: int | None) -> str:
    return "" if not micro else as_typed(format((Decimal(micro) / 1_000_000).normalize(), "f"))


def understood_budget(text: str, settings: Settings, monthly: bool = False) -> tuple[Settings, str]:
    """Settings with the budget that was typed, or a sentence what is wrong with it."""

    def with_budget(micro: int | None) -> Settings:
        meter = settings.meter
        if monthly:
            return replace(settings, meter=replace(meter, monthly_budget_micro=micro))
        return replace(settings, meter=replace(meter, daily_budget_micro=micro))

    if not text.strip():
        return with_budget(None), ""
    value = _typed(text)
    if value is None:
        return settings, tr("Type the budget as a number, like 0.50.")
    if not value.is_finite() or not 0 < value < 1_000_000:
        return settings, tr("The budget must be more than zero.")
    return with_budget(int(value * 1_000_000)), ""


def understood_rate(text: str, day: str, settings: Settings, today: date) -> tuple[Settings, str]:
    """Settings with the rate of the dollar that was typed and its day, or a sentence what is wrong."""
    if not text.strip():
        return replace(settings, price=replace(settings.price, dollar_rate=None, dollar_rate_date=None)), ""
    value = _typed(text)
    if value is None:
        return settings, tr("Type the rate as a number, like 0.92.")
    if not value.is_finite() or not 0 < value < 1_000_000:
        return settings, tr("The rate must be more than zero.")
    try:
        known = date.fromisoformat(day.strip()) if day.strip() else today
    except ValueError:
        return settings, tr("Type the day of the rate like 2026-11-24.")
    price = replace(settings.price, dollar_rate=format(value, "f"), dollar_rate_date=known.isoformat())
    return replace(settings, price=price), ""


def understood_carbon(text: str, settings: Settings) -> tuple[Settings, str]:
    """Settings with the grams of CO2 per kWh that were typed, or a sentence what is wrong with them."""
    value = _typed(text) if text.strip() else None
    if text.strip() and (value is None or not value.is_finite() or not 0 <= value <= Decimal(MOST_G_PER_KWH)):
        return settings, tr("Type grams per kWh as a number from 0 to 3000, like 380.")
    own = None if value is None else float(value)
    return replace(settings, carbon=replace(settings.carbon, own_g_per_kwh=own)), ""


PORTS = range(1024, 65536)


@dataclass(frozen=True, slots=True)
class CountingView:
    """The switch, and how to point clients at the relay. ``stand`` says how it is going."""

    on: bool
    port: str
    about: str
    ways: tuple[tuple[str, str], ...]
    stand: str


def counting_view(scene: Scene) -> CountingView:
    settings, counting = scene.settings, scene.state.counting
    port = counting.port if counting.on else settings.passthrough_port
    url = f"http://127.0.0.1:{port}"
    ways = (
        (tr("Ollama's own programs"), f"OLLAMA_HOST=127.0.0.1:{port}"),
        (tr("OpenAI clients"), f"{url}/v1"),
        (tr("Others"), url),
    )
    return CountingView(
        settings.passthrough_on,
        str(settings.passthrough_port),
        tr(
            "The tokens of programs that use this address instead of Ollama's are counted. Prompts and "
            "answers are passed on unchanged and not stored. It listens on this computer only."
        ),
        ways if settings.passthrough_on else (),
        _stand(scene),
    )


def counting_line(scene: Scene) -> str:
    """ "Counting tokens at 127.0.0.1:11435" while the relay is on, else ""."""
    counting = scene.state.counting
    return tr("Counting tokens at 127.0.0.1:{port}", port=counting.port) if counting.on else ""


def understood_port(text: str) -> tuple[int | None, str]:
    """The port that was typed, or a sentence what is wrong with it."""
    typed = text.strip()
    if typed.isascii() and typed.isdigit() and len(typed) <= 5 and int(typed) in PORTS:
        return int(typed), ""
    return None, tr("Type a port between 1024 and 65535, like 11435.")


def _stand(scene: Scene) -> str:
    counting = scene.state.counting
    if not scene.settings.passthrough_on:
        return ""
    if not counting.on:
        return tr("It is not listening yet.")
    text = tr(
        "{requests} requests, {tokens} output tokens since it was turned on.",
        requests=number(counting.requests),
        tokens=number(counting.output_tokens),
    )
    if counting.uncounted:
        text += " " + trn(
            "{n} request reported no token counts.",
            "{n} requests reported no token counts.",
            counting.uncounted,
            n=number(counting.uncounted),
        )
    return text
