"""An API against one's own hardware, on the page Cost: the form, its answer, and what it rests on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from wattlight.domain.breakeven import HOURS_PER_MONTH, LocalSide, MonthlyUse, Terms, compare
from wattlight.domain.state import same_model
from wattlight.domain.tariff import MICRO, cost_micro
from wattlight.domain.values import Problem, clean_sentence, clean_text
from wattlight.i18n import as_typed, joined, money, number, percent, short_date, tr, trn, watts
from wattlight.services.costs import BreakEvenBasis, OwnSide
from wattlight.settings import BreakEvenEntry, Settings

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
    hardware_price: Decimal | None
    life_months: Decimal
    rate: Decimal


def break_even_view(scene: Scene) -> BreakEvenView | None:
    """The section for what was typed and measured; None until the basis is there."""
    basis = scene.extras.break_even
    if basis is None or not basis.prices:
        return None
    entry = scene.settings.break_even
    own = _own(basis, entry)
    today = scene.now.astimezone(scene.zone).date()
    api = _api(basis, entry, own, today)
    examples = _examples(basis, own)
    answer, missing, table = "", "", NO_TABLE
    counted: Iterator[str] = iter(())
    try:
        figures = _figures(scene.settings, basis, api, entry, examples)
        use, local = _sides(figures, basis, own)
        terms = Terms(figures.rate)
        found, model = compare(use, api, local, terms), own.model if own is not None else ""
        answer, table = _sentences(figures, found), _table(found, api)
        counted = account_sentences(accounts(use, api, local, terms, model), local, local.currency)
    except Problem as problem:
        missing = str(problem)
    return BreakEvenView(
        tuple(Choice(p.id, _api_name(p, today)) for p in basis.prices),
        api.id,
        tuple(Choice(o.model, clean_text(o.model, 60)) for o in basis.own),
        own.model if own is not None else "",
        {name: getattr(entry, name) for name in FIELDS},
        examples,
        answer,
        table,
        " ".join((_notes(scene, basis, api, own), *counted, not_in_the_sum())),
        missing,
    )


def _own(basis: BreakEvenBasis, entry: BreakEvenEntry) -> OwnSide | None:
    chosen = next((o for o in basis.own if entry.model and same_model(o.model, entry.model)), None)
    measured = next((o for o in basis.own if o.measured), None)
    return chosen or measured or (basis.own[0] if basis.own else None)


def _api(basis: BreakEvenBasis, entry: BreakEvenEntry, own: OwnSide | None, today: date) -> "ApiPrice":
    """The chosen row; else the same weights hosted; else the first that has not ended."""
    for price in basis.prices:
        if price.id == entry.api:
            return price
    valid = [price for price in basis.prices if not price.ended(today)]
    if own is not None:
        for price in valid:
            if price.weights and same_model(price.weights, own.model):
                return price
    return next(iter(valid), basis.prices[0])


def _api_name(price: "ApiPrice", today: date) -> str:
    prices = f"{_plain(price.input_per_mtok)} / {_plain(price.output_per_mtok)} {price.currency}"
    name = f"{clean_text(price.model, 40)}, {clean_text(price.provider, 30)} ({prices})"
    return tr("{name}, ended", name=name) if price.ended(today) else name


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
        "hardware_price": "",
        "life_months": str(USUAL_LIFE_MONTHS),
    }


def _plain(value: Decimal) -> str:
    return as_typed(format(value.normalize(), "f"))


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
        raise Problem(tr("Type as numbers: {names}.", names=joined(wrong)))
    lacking = [names[name] for name in FIELDS if values[name] is None and name != "hardware_price"]
    if lacking:
        raise Problem(tr("Still needed: {names}.", names=joined(lacking)))
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
    hardware_price = values.pop("hardware_price")
    known = {name: value or Decimal(0) for name, value in values.items()}
    return _Figures(rate=rate, hardware_price=hardware_price, **known)


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


def _sides(figures: _Figures, basis: BreakEvenBasis, own: OwnSide | None) -> tuple[MonthlyUse, LocalSide]:
    use = MonthlyUse(int(figures.calls), float(figures.tokens_in), float(figures.tokens_out))
    local = LocalSide(
        output_tokens_per_s=float(figures.speed),
        input_tokens_per_s=own.prompt_tokens_per_s if own is not None else None,
        active_w=float(figures.watts),
        parked_w=None,
        parked_hours_per_month=None,
        price_per_kwh=basis.price_per_kwh or Decimal(0),
        currency=basis.currency or "",
        hardware_price=figures.hardware_price,
        life_months=int(figures.life_months),
    )
    return use, local


def _sentences(figures: _Figures, found: "BreakEven") -> str:
    share = percent(found.local_share)
    first = {
        "api": tr("At this use the API is cheaper."),
        "local": tr("At this use your own hardware is cheaper."),
        "hybrid": tr("Cheapest is to answer {share} here and send the rest to the API.", share=share),
        "unknown": tr(
            "Which is cheaper hangs on the price of the hardware (0 if it is there already): up to {worth} "
            "would pay for itself in {months} months.",
            worth=money(found.hardware_worth_micro, found.currency),
            months=number(figures.life_months),
        ),
    }[found.choice]
    parts = [first, *payback_sentence(figures.hardware_price, int(figures.life_months), found)]
    if found.break_even_calls is not None and found.choice == "api":
        calls = number(found.break_even_calls)
        parts.append(tr("From about {calls} calls a month on it is the other way round.", calls=calls))
    parts += overload_sentence(found)
    return " ".join(parts)


def payback_sentence(hardware_price: Decimal | None, life_months: int, found: "BreakEven") -> list[str]:
    """After how long the hardware has paid for itself; nothing where none has to be bought, or for an unknown
    price."""
    if not hardware_price:
        return []
    price = money(round(hardware_price * MICRO), found.currency)
    if found.payback_months is None and found.hardware_worth_micro:
        text = tr(
            "The hardware for {price} is never paid back at this use: that takes longer than the {months} "
            "months it lasts."
        )
        return [text.format(price=price, months=number(life_months))]
    if found.payback_months is None:
        return [tr("The hardware for {price} is never paid back at this use.", price=price)]
    months = number(found.payback_months, 1)
    return [tr("The hardware for {price} is paid back in {months} months.", price=price, months=months)]


def overload_sentence(found: "BreakEven") -> list[str]:
    """That a month has too few hours for it, if so."""
    if found.load <= 1:
        return []
    return [tr("Your hardware would have to work {share} of a month.", share=percent(found.load))]


@dataclass(frozen=True, slots=True)
class Account:
    """A cost or a saving that people ask for, and whether it is in the sum."""

    what: str
    in_the_sum: bool
    text: str


def accounts(
    use: MonthlyUse, api: "ApiPrice", local: LocalSide, terms: Terms, model: str
) -> tuple[Account, ...]:
    """All that could be counted, each as in or out. ``model``: what runs here, "" if that is not said."""
    parked, idle = local.parked_w is not None, local.idle_w is not None
    vat = "" if terms.vat is None else f" ({percent(float(terms.vat), 1 if terms.vat * 1000 % 10 else 0)})"
    discount = percent(float(api.batch_discount or 0))
    cached = use.cached_input_share > 0
    share = percent(use.cached_input_share)
    found = [
        ("hardware", local.hardware_price is not None, tr("the price of the hardware")),
        ("parked", parked, tr("what a loaded model draws without work")),
        ("idle", idle, tr("the idle draw of the rest of the computer")),
        ("prompt_time", local.input_tokens_per_s is not None, tr("the time of reading questions")),
        ("electricity_vat", True, tr("VAT on electricity, as in its price")),
        ("api_vat", terms.vat is not None, tr("VAT on the API's price") + vat),
        ("cached_input", cached, tr("cached input ({share})", share=share) if cached
         else tr("a discount for cached input")),
        ("batch", terms.batch and api.batch_discount is not None,
         tr("the batch discount of {discount}", discount=discount) if api.batch_discount is not None
         else tr("a batch discount (none is listed)")),
    ]  # fmt: skip
    if api.dearer_above is not None and use.tokens_in_per_call > api.dearer_above:
        above = tr("the higher price above {n} tokens a question", n=number(api.dearer_above))
        found.append(("long_questions", False, above))
    if not api.weights:
        quality = tr("quality: a hosted model of its maker's own answers differently from yours")
    elif model and not same_model(api.weights, model):
        quality = tr("quality: {other} is another model than yours", other=clean_text(api.model, 40))
    else:
        quality = tr("differences in quality by quantization")
    found.append(("quality", False, quality))
    return tuple(Account(*each) for each in found)


def account_sentences(found: tuple[Account, ...], local: LocalSide, currency: str) -> Iterator[str]:
    """What is in the sum and what is not; what ten watts all month cost, where such draws are left out."""
    inside = joined((account.text for account in found if account.in_the_sum), "; ")
    outside = joined((account.text for account in found if not account.in_the_sum), "; ")
    yield tr("In the sum: {names}.", names=inside)
    yield tr("Not in it: {names}.", names=outside)
    if local.parked_w is None or local.idle_w is None:
        ten_watts_mj = int(10 * HOURS_PER_MONTH * 3_600_000)
        month = money(cost_micro({local.price_per_kwh: ten_watts_mj}), currency)
        yield tr("10 W all month cost {sum}.", sum=month)


def price_dates(api: "ApiPrice", today: date, following: "ApiPrice | None" = None) -> str:
    """What is known of the date of a price, and that it ended or will."""
    source = clean_text(api.source, 160)
    parts = []
    if api.valid_from is not None:
        parts.append(tr("API price since {date} ({source}).", date=short_date(api.valid_from), source=source))
    elif api.seen_on is not None:
        parts.append(_seen(api.seen_on, today, source))
    else:
        parts.append(tr("API price without a date ({source}).", source=source))
    if api.valid_to is not None:
        end = short_date(api.valid_to)
        parts.append(
            tr("It ended on {date}: nobody can use it any more.", date=end)
            if api.ended(today)
            else tr("It ends on {date}.", date=end)
        )
    if following is not None and following.valid_from is not None:
        prices = f"{_plain(following.input_per_mtok)} / {_plain(following.output_per_mtok)}"
        day = short_date(following.valid_from)
        parts.append(
            tr("From {date} on it is {prices} {currency}.", date=day, prices=prices, currency=api.currency)
        )
    if api.how_sure.startswith("DISAGREE"):
        parts.append(tr("Price tables disagree on it."))
    if api.note:
        parts.append(clean_sentence(api.note, 120) + ".")
    return " ".join(parts)


def _seen(day: date, today: date, source: str) -> str:
    """On which day a price was seen; a trace may be older than the price list, and then no span is told."""
    days, date_ = (today - day).days, short_date(day)
    if days < 1:
        text = tr("API price seen on {date} ({source}); since when it holds is not stated.")
        return text.format(date=date_, source=source)
    return trn(
        "API price seen on {date}, {count} day ago ({source}); since when it holds is not stated.",
        "API price seen on {date}, {count} days ago ({source}); since when it holds is not stated.",
        days,
        date=date_,
        source=source,
    )


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
    parts = [price_dates(api, scene.now.astimezone(scene.zone).date())]
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
    return " ".join(parts)


def _date(text: str | None) -> str:
    try:
        return short_date(date.fromisoformat(text)) if text else ""
    except ValueError:
        return ""
