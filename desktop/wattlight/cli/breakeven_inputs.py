"""Gathers what the comparison needs: from the options, the settings, the price list and past measurements."""

import argparse
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from wattlight.domain.breakeven import (
    HOURS_PER_MONTH,
    ApiPrice,
    BreakEvenProblem,
    LocalSide,
    MonthlyUse,
    Terms,
    compare,
    parse_api_prices,
    prices_on,
)
from wattlight.domain.tariff import Tariff, parse_currency, parse_price
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import read_text
from wattlight.services.factory import ServiceFactory
from wattlight.services.pricing import api_prices, mean_price, read_tariff_file

from .options import typed

MAX_PRICES_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything of one comparison.

    ``origins`` says of each figure of the local side where it comes from ("given", "measured",
    "estimated", "settings", "tariff file"). ``rate_date`` None: the rate was given without a day.
    """

    use: MonthlyUse
    api: ApiPrice
    following: ApiPrice | None
    """The announced price of the same row."""
    today: date
    local: LocalSide
    terms: Terms
    rate_date: date | None
    model: str | None
    origins: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Electricity:
    price_per_kwh: Decimal
    currency: str | None
    origin: str


def read_inputs(args: argparse.Namespace, workshop: ServiceFactory) -> Inputs:
    """All inputs of one run of the verb.

    Raises:
        Problem: a figure is missing or makes no sense; the sentence names the option that gives it.
    """
    use = _use(args)
    prices = _prices(args.prices)
    today = workshop.now().astimezone(UTC).date()
    run = _last_run(args.model, workshop) if args.model else None
    speed, speed_origin = _speed(args, run, workshop)
    watts, watts_origin = _watts(args, run)
    electricity = _electricity(args, workshop)
    currency = electricity.currency or _currency_of_rate(args, prices)
    parked_w, parked_hours = _parked(args)
    prompt = args.prompt_tokens_per_second
    if prompt is None and run is not None and args.tokens_per_second is None:
        prompt = run.prompt_tokens_per_s
    local = LocalSide(
        output_tokens_per_s=speed,
        input_tokens_per_s=prompt,
        active_w=watts,
        parked_w=parked_w,
        parked_hours_per_month=parked_hours,
        price_per_kwh=electricity.price_per_kwh,
        currency=currency,
        hardware_price=args.hardware_price,
        life_months=args.life_months,
        at_once=args.at_once,
        idle_w=args.idle_watts,
        idle_hours_per_month=_idle_hours(args),
    )
    api = _api(args, prices_on(prices, today), use, local, today)
    rate, rate_date = _rate(args, api.currency, currency)
    return Inputs(
        use=use,
        api=api,
        following=next((row for row in prices if row.id == api.id and row.announced(today)), None),
        today=today,
        local=local,
        terms=Terms(rate, None if args.api_vat is None else args.api_vat / 100, args.batch),
        rate_date=rate_date,
        model=clean_text(args.model) if args.model else None,
        origins=(
            ("tokens_per_second", speed_origin),
            ("watts", watts_origin),
            ("price_per_kwh", electricity.origin),
        ),
    )


def _use(args: argparse.Namespace) -> MonthlyUse:
    for value, option, what in (
        (args.calls, "--calls", tr("The number of calls a month")),
        (args.tokens_in, "--tokens-in", tr("The number of tokens in a typical question")),
        (args.tokens_out, "--tokens-out", tr("The number of tokens in a typical answer")),
    ):
        if value is None:
            raise _missing(what, option)
    return MonthlyUse(args.calls, args.tokens_in, args.tokens_out, args.cached_share)


def _missing(what: str, option: str) -> BreakEvenProblem:
    return BreakEvenProblem(
        tr("{what} is not known.", what=what), tr("Give it with {option}.", option=option), "missing_figure"
    )


def _prices(own_file: str | None) -> tuple[ApiPrice, ...]:
    """Own rows first; a row of the same id replaces the shipped one."""
    shipped = api_prices()
    if own_file is None:
        return shipped
    try:
        own = parse_api_prices(read_text(Path(own_file), MAX_PRICES_BYTES, BreakEvenProblem))
    except BreakEvenProblem as problem:  # a file that cannot be used is no wrong use
        raise BreakEvenProblem(problem.message, problem.next_step, "bad_file") from problem
    ids = {row.id for row in own}
    return (*own, *(row for row in shipped if row.id not in ids))


def _api(
    args: argparse.Namespace, prices: tuple[ApiPrice, ...], use: MonthlyUse, local: LocalSide, today: date
) -> ApiPrice:
    wanted = args.api or args.model
    if not wanted:
        raise BreakEvenProblem(
            tr("No API to compare with was given."),
            tr("Give it with {option}.", option="--api gpt-6-luna"),
            "missing_figure",
        )
    found = [row for row in prices if row.id.lower() == wanted.lower()]
    if not found:  # of a model's rows those that ended come last
        models = _of_model(prices, wanted)
        found = [row for row in models if not row.ended(today)] or models
    if not found:
        raise BreakEvenProblem(
            tr("There is no API price for {name}.", name=clean_text(wanted, 80)),
            _suggestion(prices, wanted) or tr("Name a row with --api, or add your own with --prices."),
            "unknown_api",
        )
    # rows of different currencies cannot be compared without their rates
    found = [row for row in found if row.currency == local.currency] or found
    return min(found, key=lambda row: compare(use, row, local).api_micro)


def _of_model(prices: Iterable[ApiPrice], wanted: str) -> list[ApiPrice]:
    name = wanted.lower().removesuffix(":latest")
    return [row for row in prices if name in {row.weights.lower(), row.model.lower()} and name]


def _suggestion(prices: Iterable[ApiPrice], wanted: str) -> str:
    names = {name for row in prices for name in (row.id, row.weights, row.model) if name}
    near = difflib.get_close_matches(wanted, sorted(names), 3, 0.5)
    return tr("Did you mean {names}?", names=", ".join(near)) if near else ""


def _last_run(model: str, workshop: ServiceFactory) -> MeasuredSpeed | None:
    if not workshop.places.jobs_file.exists():
        return None
    tagged = {model, f"{model}:latest"}
    try:
        return next((r for r in workshop.jobs().speeds() if r.model in tagged and not r.deep), None)
    except Problem:
        return None


def _speed(
    args: argparse.Namespace, run: MeasuredSpeed | None, workshop: ServiceFactory
) -> tuple[float, str]:
    if args.tokens_per_second is not None:
        return args.tokens_per_second, "given"
    if run is not None:
        return run.output_tokens_per_s, "measured"
    if args.model:
        estimate = workshop.advisor().judge(args.model, workshop.machine_profile()).speed
        if estimate is not None and estimate.mid is not None:
            return estimate.mid, "estimated"
    raise _missing(tr("The speed of your own hardware"), "--tokens-per-second")


def _watts(args: argparse.Namespace, run: MeasuredSpeed | None) -> tuple[float, str]:
    if args.watts is not None:
        return args.watts, "given"
    if run is not None and run.power_w is not None:
        return run.power_w, "measured"
    raise _missing(tr("The draw of your own hardware while it answers"), "--watts")


def _parked(args: argparse.Namespace) -> tuple[float | None, float | None]:
    watts, hours = args.parked_watts, args.parked_hours
    if (watts is None) != (hours is None):
        option = "--parked-watts" if watts is None else "--parked-hours"
        raise _missing(tr("The other half of the parked draw"), option)
    return watts, hours


def _idle_hours(args: argparse.Namespace) -> float | None:
    """A computer that is on for this alone is on all month where nothing else is said."""
    if args.idle_hours is not None and args.idle_watts is None:
        raise _missing(tr("What the rest of the computer draws"), "--idle-watts")
    return float(HOURS_PER_MONTH) if args.idle_hours is None and args.idle_watts else args.idle_hours


def _electricity(args: argparse.Namespace, workshop: ServiceFactory) -> _Electricity:
    with typed():
        currency = parse_currency(args.currency.upper()) if args.currency else None
        price = None if args.price is None else parse_price(args.price)
    if price is not None:
        return _Electricity(price, currency or workshop.settings().price.currency, "given")
    settings = workshop.settings().price
    file = args.tariff or settings.tariff_file
    if file:
        tariff = read_tariff_file(file)
        _same(currency, tariff.currency)
        return _Electricity(
            _average(tariff, workshop.now()), tariff.currency, "tariff file" if args.tariff else "settings"
        )
    if settings.per_kwh is not None and settings.currency is not None:
        _same(currency, settings.currency)
        return _Electricity(parse_price(settings.per_kwh), settings.currency, "settings")
    raise _missing(tr("The price of electricity"), "--price")


def _same(asked: str | None, found: str) -> None:
    if asked is not None and asked != found:
        raise BreakEvenProblem(
            tr("The tariff is in {found}, not in {asked}.", found=found, asked=asked),
            tr("Leave --currency out, or give the price of electricity with --price."),
        )


def _average(tariff: Tariff, now: datetime) -> Decimal:
    price = mean_price(tariff, now)
    if price is None:
        raise BreakEvenProblem(
            tr("The tariff has no price for the last week."), tr("Give one with --price."), "missing_figure"
        )
    return price


def _currency_of_rate(args: argparse.Namespace, prices: tuple[ApiPrice, ...]) -> str:
    """Without a currency anywhere the sums are in the API's own, unless a rate says that they are not."""
    if args.rate is not None:
        raise _missing(tr("Your own currency"), "--currency")
    currencies = {row.currency for row in prices}
    if len(currencies) == 1:
        return currencies.pop()
    raise _missing(tr("Your own currency"), "--currency")


def _rate(args: argparse.Namespace, api_currency: str, own: str) -> tuple[Decimal, date | None]:
    day = None
    if args.rate_date is not None:
        try:
            day = date.fromisoformat(args.rate_date)
        except ValueError:
            raise BreakEvenProblem(
                tr("The date of the rate is not a date."), tr("Write it like 2026-11-24."), "bad_input"
            ) from None
    if api_currency == own:
        if args.rate is not None and args.rate != 1:
            raise BreakEvenProblem(
                tr("Both sides are in {currency}, so there is no rate.", currency=own),
                tr("Leave --rate out."),
            )
        return Decimal(1), None
    if args.rate is None:
        what = tr("The rate from {api} to {own}", api=api_currency, own=own)
        raise _missing(what, "--rate")
    return args.rate, day
