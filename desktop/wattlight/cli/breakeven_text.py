"""The comparison for a person: a paragraph and a small table."""

import textwrap
from collections.abc import Iterator
from decimal import Decimal

from wattlight.domain.breakeven import BreakEven
from wattlight.domain.values import clean_text
from wattlight.i18n import money, number, percent, short_date, tr, watts

from .breakeven_inputs import Inputs

WIDTH = 100
MICRO = Decimal(1_000_000)


def breakeven_lines(inputs: Inputs, answer: BreakEven) -> Iterator[str]:
    """What to print, line by line."""
    paragraph = " ".join(_sentences(inputs, answer))
    yield from textwrap.wrap(paragraph, WIDTH)
    yield ""
    rows = list(_rows(inputs, answer))
    left = max(len(label) for label, *_ in rows)
    middle = max(len(api) for _, api, _ in rows)
    right = max(len(own) for _, _, own in rows)
    for label, api, own in rows:
        yield f"{label:<{left}}  {api:>{middle}}  {own:>{right}}".rstrip()
    yield ""
    yield from textwrap.wrap(" ".join(_notes(inputs, answer)), WIDTH)


def _sentences(inputs: Inputs, answer: BreakEven) -> Iterator[str]:
    yield _verdict(inputs, answer)
    if answer.load > 1 and answer.choice == "api":
        yield tr("Your hardware would have to work {share} of a month.", share=percent(answer.load))
    if inputs.local.hardware_price:
        price = _sum(inputs.local.hardware_price, answer.currency)
        if answer.payback_months is None:
            yield tr("The hardware for {price} is never paid back at this use.", price=price)
        else:
            months = number(answer.payback_months, 1)
            yield tr("The hardware for {price} is paid back in {months} months.", price=price, months=months)
    if answer.break_even_calls is not None:
        yield tr("Both cost the same at {calls} calls a month.", calls=number(answer.break_even_calls))
    elif answer.local_per_call_micro >= answer.api_per_call_micro:
        yield tr(
            "The electricity of a call here alone costs as much as the call there, "
            "so no number of calls turns it around."
        )
    else:
        yield tr("The hardware cannot answer enough calls a month to pay for itself.")


def _verdict(inputs: Inputs, answer: BreakEven) -> str:
    words = {
        "calls": number(inputs.use.calls_per_month),
        "name": f"{inputs.api.model} ({inputs.api.provider})",
        "api": money(answer.api_micro, answer.currency),
        "own": money(answer.local_micro, answer.currency),
        "hybrid": money(answer.hybrid_micro, answer.currency),
        "share": percent(answer.local_share),
    }
    if answer.choice == "api":
        return tr("At {calls} calls a month {name} is cheaper: {api} against {own} here.", **words)
    if answer.choice == "local":
        return tr(
            "At {calls} calls a month your own hardware is cheaper: {own} against {api} for {name}.", **words
        )
    return tr(
        "{calls} calls a month are more than your hardware has hours for; cheapest is {share} of them here "
        "and the rest to {name}: {hybrid} instead of {api}.",
        **words,
    )


def _rows(inputs: Inputs, answer: BreakEven) -> Iterator[tuple[str, str, str]]:
    currency = answer.currency
    calls = inputs.use.calls_per_month
    api, own = money(answer.api_micro, currency), money(answer.local_micro, currency)
    yield tr("a month"), tr("API"), tr("here")
    yield tr("calls"), api, ""
    yield tr("electricity"), "", money(answer.energy_micro, currency)
    yield tr("hardware, written off"), "", money(answer.hardware_micro, currency)
    yield tr("together"), api, own
    if calls:
        yield (
            tr("per 10,000 calls"),
            money(round(answer.api_micro * 10_000 / calls), currency),
            money(round(answer.local_micro * 10_000 / calls), currency),
        )
    hours, share = number(answer.busy_hours, 1), percent(answer.load)
    yield tr("hours at work"), "", tr("{hours} h, {share} of a month", hours=hours, share=share)


def _notes(inputs: Inputs, answer: BreakEven) -> Iterator[str]:
    api, own = inputs.api, answer.currency
    yield tr(
        "API price of {date}, {days} days old ({source}).",
        date=short_date(api.listed_on),
        days=inputs.api_age_days,
        source=clean_text(api.source),
    )
    if api.currency != own:
        day = tr("of {date}", date=short_date(inputs.rate_date)) if inputs.rate_date else tr("as given")
        rate = number(inputs.rate, 4)
        yield tr("Rate {rate} {own} for one {api}, {day}.", rate=rate, own=own, api=api.currency, day=day)
    origins = {figure: _origin(word) for figure, word in inputs.origins}
    yield tr(
        "Here: {speed} tokens/s ({from_speed}), {watts} ({from_watts}), {price} {own} per kWh "
        "({from_price}).",
        speed=number(inputs.local.output_tokens_per_s, 1),
        from_speed=origins["tokens_per_second"],
        watts=watts(inputs.local.active_w),
        from_watts=origins["watts"],
        price=number(inputs.local.price_per_kwh, 4),
        own=own,
        from_price=origins["price_per_kwh"],
    )
    if not answer.prompt_time_known:
        yield tr("The time for reading questions is left out (--prompt-tokens-per-second adds it).")
    yield tr("Privacy and offline use are not in the sum.")


def _origin(word: str) -> str:
    names = {
        "given": tr("given"),
        "measured": tr("measured"),
        "estimated": tr("estimated"),
        "settings": tr("from the settings"),
        "tariff file": tr("average of the tariff file"),
    }
    return names.get(word, word)


def _sum(amount: Decimal, currency: str) -> str:
    return money(round(amount * MICRO), currency)
