"""An API against one's own hardware, on the page Cost: the form, its answer, and what it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from wattlight.domain.breakeven import LocalSide, MonthlyUse, compare
from wattlight.domain.state import same_model
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import money, number, percent, short_date, tr, watts
from wattlight.services.costs import BreakEvenBasis, OwnSide
from wattlight.settings import BreakEvenEntry, Settings

from .cost import MICRO
from .scene import Scene
from .settings_page import Choice
from .words import NO_TABLE, TableView

if TYPE_CHECKING:
    from wattlight.domain.breakeven import ApiPrice, BreakEven

USUAL_LIFE_MONTHS = 36
FIELDS = ("calls", "tokens_in", "tokens_out", "speed", "watts", "hardware_price", "life_months")


@dataclass(frozen=True, slots=True)
class BreakEvenView:
    """The section. ``values`` are what was typed by field, ``examples`` what is used where nothing was."""

    apis: tuple[Choice, ...]
    api: str
    models: tuple[Choice, ...]
    model: str
    values: Mapping[str, str]
    examples: Mapping[str, str]
    answer: str
    table: TableView
    notes: str
    missing: str


@dataclass(frozen=True, slots=True)
class _Figures:
    calls: Decimal
    tokens_in: Decimal
    tokens_out: Decimal
    speed: Decimal
    watts: Decimal
    hardware_price: Decimal
    life_months: Decimal
    rate: Decimal


def break_even_view(scene: Scene) -> BreakEvenView | None:
    """The section for what was typed and measured; None until the basis is there."""
    basis = scene.extras.break_even
    if basis is None or not basis.prices:
        return None
    entry = scene.settings.break_even
    own = _own(basis, entry)
    api = _api(basis, entry, own)
    examples = _examples(basis, own)
    answer, missing, table = "", "", NO_TABLE
    try:
        figures = _figures(scene.settings, basis, api, entry, examples)
        found = _compare(figures, api, basis, own)
        answer, table = _sentences(figures, found), _table(found, api)
    except Problem as problem:
        missing = str(problem)
    return BreakEvenView(
        tuple(Choice(p.id, _api_name(p)) for p in basis.prices),
        api.id,
        tuple(Choice(o.model, clean_text(o.model, 60)) for o in basis.own),
        own.model if own is not None else "",
        {name: getattr(entry, name) for name in FIELDS},
        examples,
        answer,
        table,
        _notes(scene, basis, api, own),
        missing,
    )


def _own(basis: BreakEvenBasis, entry: BreakEvenEntry) -> OwnSide | None:
    chosen = next((o for o in basis.own if entry.model and same_model(o.model, entry.model)), None)
    measured = next((o for o in basis.own if o.measured), None)
    return chosen or measured or (basis.own[0] if basis.own else None)


def _api(basis: BreakEvenBasis, entry: BreakEvenEntry, own: OwnSide | None) -> "ApiPrice":
    """The chosen row; else the same weights hosted; else the first."""
    for price in basis.prices:
        if price.id == entry.api:
            return price
    if own is not None:
        for price in basis.prices:
            if price.weights and same_model(price.weights, own.model):
                return price
    return basis.prices[0]


def _api_name(price: "ApiPrice") -> str:
    prices = f"{_plain(price.input_per_mtok)} / {_plain(price.output_per_mtok)} {price.currency}"
    return f"{clean_text(price.model, 40)}, {clean_text(price.provider, 30)} ({prices})"


def _examples(basis: BreakEvenBasis, own: OwnSide | None) -> dict[str, str]:
    """What stands in for an empty field, "" where nothing does."""
    speed = own.tokens_per_s if own is not None else None
    draw = own.active_w if own is not None else None
    return {
        "calls": "" if basis.calls is None else str(basis.calls),
        "tokens_in": "" if basis.tokens_in is None else str(basis.tokens_in),
        "tokens_out": "" if basis.tokens_out is None else str(basis.tokens_out),
        "speed": "" if speed is None else _plain(round(Decimal(repr(speed)), 1)),
        "watts": "" if draw is None else str(round(draw)),
        "hardware_price": "0",
        "life_months": str(USUAL_LIFE_MONTHS),
    }


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _figures(
    settings: Settings,
    basis: BreakEvenBasis,
    api: "ApiPrice",
    entry: BreakEvenEntry,
    examples: Mapping[str, str],
) -> _Figures:
    if basis.price_per_kwh is None or basis.currency is None:
        raise Problem(tr("Set the price of electricity first."))
    names = {
        "calls": tr("calls a month"),
        "tokens_in": tr("tokens in a question"),
        "tokens_out": tr("tokens in an answer"),
        "speed": tr("tokens a second here"),
        "watts": tr("watts while answering"),
        "hardware_price": tr("price of the hardware"),
        "life_months": tr("months it is used"),
    }
    values = {name: read_figure(getattr(entry, name) or examples[name]) for name in FIELDS}
    wrong = [names[n] for n in FIELDS if values[n] is None and getattr(entry, n)]
    if wrong:
        raise Problem(tr("Type as numbers: {names}.", names=", ".join(wrong)))
    lacking = [names[name] for name in FIELDS if values[name] is None]
    if lacking:
        raise Problem(tr("Still needed: {names}.", names=", ".join(lacking)))
    rate = Decimal(1)
    if api.currency != basis.currency:
        given = read_figure(settings.price.dollar_rate or "")
        if given is None or given <= 0:
            raise Problem(
                tr(
                    "The API's price is in {api}: give the rate of {api} in {own} in Settings.",
                    api=api.currency,
                    own=basis.currency,
                )
            )
        rate = given
    return _Figures(rate=rate, **{name: value or Decimal(0) for name, value in values.items()})


def read_figure(text: str) -> Decimal | None:
    """A number as people type it ("1.000.000" is not read, "0,5" is); None if it is none."""
    typed = text.strip().replace("\u00a0", "").replace(" ", "").replace("_", "")
    if typed.count(",") == 1 and "." not in typed and len(typed.partition(",")[2]) != 3:
        typed = typed.replace(",", ".")
    typed = typed.replace(",", "")
    try:
        value = Decimal(typed)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < 10**12 else None


def _compare(figures: _Figures, api: "ApiPrice", basis: BreakEvenBasis, own: OwnSide | None) -> "BreakEven":
    use = MonthlyUse(int(figures.calls), float(figures.tokens_in), float(figures.tokens_out))
    local = LocalSide(
        output_tokens_per_s=float(figures.speed),
        input_tokens_per_s=own.prompt_tokens_per_s if own is not None else None,
        active_w=float(figures.watts),
        parked_w=0.0,
        parked_hours_per_month=0.0,
        price_per_kwh=basis.price_per_kwh or Decimal(0),
        currency=basis.currency or "",
        hardware_price=figures.hardware_price,
        life_months=int(figures.life_months),
    )
    return compare(use, api, local, figures.rate)


def _sentences(figures: _Figures, found: "BreakEven") -> str:
    share = percent(found.local_share)
    first = {
        "api": tr("At this use the API is cheaper."),
        "local": tr("At this use your own hardware is cheaper."),
        "hybrid": tr("Cheapest is to answer {share} here and send the rest to the API.", share=share),
    }[found.choice]
    parts = [first, *payback_sentence(figures.hardware_price, found)]
    if found.break_even_calls is not None and found.choice == "api":
        calls = number(found.break_even_calls)
        parts.append(tr("From about {calls} calls a month on it is the other way round.", calls=calls))
    parts += overload_sentence(found)
    return " ".join(parts)


def payback_sentence(hardware_price: Decimal, found: "BreakEven") -> list[str]:
    """After how long the hardware has paid for itself; nothing where none has to be bought."""
    if not hardware_price:
        return []
    price = money(round(hardware_price * MICRO), found.currency)
    if found.payback_months is None:
        return [tr("The hardware for {price} is never paid back at this use.", price=price)]
    months = number(found.payback_months, 1)
    return [tr("The hardware for {price} is paid back in {months} months.", price=price, months=months)]


def overload_sentence(found: "BreakEven") -> list[str]:
    """That a month has too few hours for it, if so."""
    if found.load <= 1:
        return []
    return [tr("Your hardware would have to work {share} of a month.", share=percent(found.load))]


def not_in_the_sum() -> str:
    return tr("Privacy and offline use are not in the sum.")


def _table(found: "BreakEven", api: "ApiPrice") -> TableView:
    currency = found.currency
    rows = [
        (tr("Calls and electricity"), money(found.api_micro, currency), money(found.energy_micro, currency)),
        (tr("Hardware, written off"), "", money(found.hardware_micro, currency)),
        (tr("Together"), money(found.api_micro, currency), money(found.local_micro, currency)),
    ]
    if found.choice == "hybrid":
        share = percent(found.local_share)
        name = tr("{share} here, the rest there", share=share)
        rows.append((name, "", money(found.hybrid_micro, currency)))
    return TableView((tr("A month"), clean_text(api.provider, 30), tr("here")), tuple(rows))


def _notes(scene: Scene, basis: BreakEvenBasis, api: "ApiPrice", own: OwnSide | None) -> str:
    parts = [
        tr(
            "API price listed on {date} ({source}).",
            date=short_date(api.listed_on),
            source=clean_text(api.source, 60),
        )
    ]
    price = scene.settings.price
    if basis.currency is not None and api.currency != basis.currency and price.dollar_rate:
        day = _date(price.dollar_rate_date)
        text = (
            tr("Rate {rate} {own} for one {api}, of {date}.")
            if day
            else tr("Rate {rate} {own} for one {api}, undated.")
        )
        rate = clean_text(price.dollar_rate, 20)
        parts.append(text.format(rate=rate, own=basis.currency, api=api.currency, date=day))
    if own is not None and own.tokens_per_s is not None:
        model, speed = clean_text(own.model, 60), number(own.tokens_per_s, 1)
        how = tr("measured here") if own.measured else tr("estimated")
        parts.append(tr("{model}: {speed} tokens/s, {how}.", model=model, speed=speed, how=how))
        if own.active_w is not None:
            parts.append(tr("It draws {watts} more while answering.", watts=watts(own.active_w)))
        if own.prompt_tokens_per_s is None:
            parts.append(tr("The time for reading questions is left out."))
    parts.append(tr("Hours in which a loaded model idles are left out."))
    parts.append(not_in_the_sum())
    return " ".join(parts)


def _date(text: str | None) -> str:
    try:
        return short_date(date.fromisoformat(text)) if text else ""
    except ValueError:
        return ""
