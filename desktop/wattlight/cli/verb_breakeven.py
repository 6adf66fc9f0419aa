"""``wattlight breakeven``: a month at an API against a month on one's own hardware."""

import argparse
import textwrap
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from wattlight.domain.breakeven import BreakEven, compare
from wattlight.i18n import money, number, percent, short_date, tr, watts
from wattlight.viewmodels.break_even import (
    Account,
    account_sentences,
    accounts,
    not_in_the_sum,
    overload_sentence,
    payback_sentence,
    price_dates,
)
from wattlight.viewmodels.words import DASH

from .breakeven_inputs import Inputs, read_inputs
from .options import whole
from .output import Call, Document, aligned, pick, plain

NOT_IN_THE_SUM = ("privacy", "offline use")
NOTE = "Privacy and offline use are not in the sum."


def breakeven_document(inputs: Inputs, answer: BreakEven) -> Document:
    """All fields of the answer, then what it was worked out from. Prices are decimal numbers as text."""
    use, api, local = inputs.use, inputs.api, inputs.local
    document: Document = plain(answer)
    document["inputs"] = {
        **pick(use, "calls_per_month tokens_in_per_call tokens_out_per_call cached_input_share"),
        **pick(local, "at_once price_per_kwh hardware_price life_months"),
        **pick(inputs, "model rate_date"),
        **pick(inputs.terms, "rate vat batch"),
        "idle_watts": local.idle_w,
        "idle_hours": local.idle_hours_per_month,
        "tokens_per_second": local.output_tokens_per_s,
        "prompt_tokens_per_second": local.input_tokens_per_s,
        "watts": local.active_w,
        "parked_watts": local.parked_w,
        "parked_hours": local.parked_hours_per_month,
        "origins": dict(inputs.origins),
    }
    document["api"] = {
        **pick(api, "id provider model currency input_per_mtok output_per_mtok cached_input_per_mtok source"),
        **pick(api, "batch_discount dearer_above valid_to seen_on"),
        "weights": api.weights or None,
        "how_sure": api.how_sure or None,
        "note": api.note or None,
        "date": plain(api.valid_from),
        "age_days": None if api.seen_on is None else max(0, (inputs.today - api.seen_on).days),
        "ended": api.ended(inputs.today),
    }
    document["counted"] = [plain(account) for account in _accounts(inputs)]
    document["not_in_the_sum"] = list(NOT_IN_THE_SUM)
    document["note"] = NOTE
    return document


WIDTH = 100
MOST = 10**12 - 1


def _accounts(inputs: Inputs) -> tuple[Account, ...]:
    return accounts(inputs.use, inputs.api, inputs.local, inputs.terms, inputs.model or "")


def breakeven_lines(inputs: Inputs, answer: BreakEven, room: int | None = None) -> Iterator[str]:
    wide = WIDTH if room is None else min(room, WIDTH)
    yield from textwrap.wrap(" ".join(_sentences(inputs, answer)), wide)
    yield ""
    yield from aligned(list(_rows(inputs, answer)), {1, 2}, room)
    yield ""
    yield from textwrap.wrap(" ".join(_notes(inputs, answer)), wide)


def _sentences(inputs: Inputs, answer: BreakEven) -> Iterator[str]:
    yield _verdict(inputs, answer)
    if answer.choice != "hybrid":  # its verdict says so
        yield from overload_sentence(answer)
    yield from payback_sentence(inputs.local.hardware_price, inputs.local.life_months, answer)
    if answer.break_even_calls is not None:
        yield tr("Both cost the same at {calls} calls a month.", calls=number(answer.break_even_calls))
    elif answer.local_per_call_micro >= answer.api_per_call_micro:
        yield tr(
            "The electricity of a call here alone costs as much as the call there, "
            "so no number of calls turns it around."
        )
    elif inputs.local.hardware_price is not None:
        yield tr("The hardware cannot answer enough calls a month to pay for itself.")


def _verdict(inputs: Inputs, answer: BreakEven) -> str:
    words = {
        "calls": number(inputs.use.calls_per_month),
        "name": f"{inputs.api.model} ({inputs.api.provider})",
        "api": money(answer.api_micro, answer.currency),
        "own": money(answer.local_micro, answer.currency),
        "energy": money(answer.energy_micro, answer.currency),
        "worth": money(answer.hardware_worth_micro, answer.currency),
        "months": number(inputs.local.life_months),
        "hybrid": money(answer.hybrid_micro, answer.currency),
        "share": percent(answer.local_share),
    }
    if answer.choice == "unknown":
        return tr(
            "Which is cheaper hangs on what your hardware costs, and that is not known (--hardware-price; 0 "
            "if it is there already). At {calls} calls a month electricity here costs {energy} against {api} "
            "for {name}: hardware for up to {worth} would pay for itself in {months} months.",
            **words,
        )
    if answer.choice == "api" and answer.local_micro is None:
        return tr(
            "At {calls} calls a month {name} is cheaper: {api} against {energy} here for electricity alone.",
            **words,
        )
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
            DASH
            if answer.local_micro is None
            else money(round(answer.local_micro * 10_000 / calls), currency),
        )
    hours, share = number(answer.busy_hours, 1), percent(answer.load)
    yield tr("hours at work"), "", tr("{hours} h, {share} of a month", hours=hours, share=share)


def _notes(inputs: Inputs, answer: BreakEven) -> Iterator[str]:
    api, own = inputs.api, answer.currency
    yield price_dates(api, inputs.today, inputs.following)
    if api.currency != own:
        day = tr("of {date}", date=short_date(inputs.rate_date)) if inputs.rate_date else tr("as given")
        rate = number(inputs.terms.rate, 4)
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
    yield from account_sentences(_accounts(inputs), inputs.local, own)
    yield tr("--parked-watts, --idle-watts, --api-vat, --cached-share and --batch bring their parts in.")
    yield not_in_the_sum()


def _origin(word: str) -> str:
    names = {
        "given": tr("given"),
        "measured": tr("measured"),
        "estimated": tr("estimated"),
        "settings": tr("from the settings"),
        "tariff file": tr("average of the tariff file"),
    }
    return names.get(word, word)


def arguments(parser: argparse.ArgumentParser) -> None:
    use = parser.add_argument_group("how much is asked")
    use.add_argument("--calls", type=whole(0, MOST), metavar="N", help="calls a month")
    use.add_argument("--tokens-in", type=_number, metavar="I", help="tokens of a typical question")
    use.add_argument("--tokens-out", type=_number, metavar="O", help="tokens of a typical answer")
    use.add_argument(
        "--cached-share",
        type=_number,
        default=0.0,
        metavar="X",
        help="share of the input that is cached (0 to 1)",
    )
    api = parser.add_argument_group("the API")
    api.add_argument(
        "--api", metavar="ID|MODEL", help="a row of the price list, or a model: its cheapest row is taken"
    )
    api.add_argument("--prices", metavar="FILE", help="own rows (CSV, the columns of the shipped list)")
    api.add_argument("--rate", type=_decimal, metavar="R", help="your currency's units for one of the API's")
    api.add_argument("--api-vat", type=_decimal, metavar="PERCENT", help="VAT on the API's price, like 19")
    api.add_argument("--batch", action="store_true", help="the work may wait: take the batch discount")
    api.add_argument("--rate-date", metavar="DATE", help="the day of that rate (2026-11-24)")
    own = parser.add_argument_group("your own hardware")
    own.add_argument(
        "--model",
        metavar="MODEL",
        help="the model it would run: its measured speed and watts are the defaults",
    )
    own.add_argument("--tokens-per-second", type=_number, metavar="S", help="speed of one answer")
    own.add_argument(
        "--prompt-tokens-per-second", type=_number, metavar="S", help="speed of reading a question, if known"
    )
    own.add_argument("--watts", type=_number, metavar="W", help="extra draw while it answers, at the wall")
    own.add_argument("--at-once", type=_number, default=1.0, metavar="N", help="answers worked on together")
    own.add_argument("--parked-watts", type=_number, metavar="W", help="extra draw while only loaded")
    own.add_argument("--parked-hours", type=_number, metavar="H", help="hours a month it is only loaded")
    own.add_argument(
        "--idle-watts", type=_number, metavar="W", help="the rest of the computer, if it is on for this alone"
    )
    own.add_argument(
        "--idle-hours", type=_number, metavar="H", help="hours a month it is on (default: all of them)"
    )
    own.add_argument("--price", metavar="P", help="price of one kWh, like 0.39")
    own.add_argument("--tariff", metavar="FILE", help="tariff file; its average over a week is taken")
    own.add_argument("--currency", metavar="CODE", help="your currency (EUR)")
    own.add_argument(
        "--hardware-price",
        type=_decimal,
        metavar="P",
        help="what has to be bought for it (0: it is there already)",
    )
    own.add_argument(
        "--life-months",
        type=whole(0, MOST),
        default=36,
        metavar="N",
        help="how long that lasts (default: 36)",
    )


def run(args: argparse.Namespace, call: Call) -> None:
    inputs = read_inputs(args, call.workshop)
    answer = compare(inputs.use, inputs.api, inputs.local, inputs.terms)
    call.answer(breakeven_document(inputs, answer), *breakeven_lines(inputs, answer, call.out.room))


def _number(text: str) -> float:
    value = float(_decimal(text))
    if not 0 <= value < 1e12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of zero or more")
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number (write 0.9, not 0,9)") from None
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value
