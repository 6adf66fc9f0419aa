"""What a steady draw would cost a month, without the ledger: ``cost --watts``."""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from wattlight.domain.breakeven import HOURS_PER_MONTH
from wattlight.domain.tariff import MICRO, TariffProblem, cost_micro, parse_currency, parse_price
from wattlight.i18n import kwh, money, number, tr, trn, watts
from wattlight.services.pricing import mean_price

from .options import typed
from .output import Call


def add_steady_options(parser: argparse.ArgumentParser) -> None:
    steady = parser.add_argument_group("what a steady draw would cost a month, without the ledger")
    steady.add_argument("--watts", type=_figure, metavar="W", help="the draw at the plug")
    steady.add_argument(
        "--hours", type=_figure, metavar="H", help="hours a month (default: 730.5, which is all of them)"
    )
    steady.add_argument("--price", metavar="P", help="price of one kWh (default: your tariff)")
    steady.add_argument("--currency", metavar="C", help="of that price (default: your tariff's)")


def _figure(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of zero or more (write 0.9, not 0,9)")
    return value


@dataclass(frozen=True, slots=True)
class SteadyCost:
    """What a draw of ``watts`` for ``hours`` a month takes; money in micro-units, None without a price."""

    watts: float
    hours: float
    energy_mj: int
    cost_micro: int | None
    currency: str | None
    price_per_kwh: Decimal | None
    price_from: str | None
    """``given``, or ``tariff``: the mean of the last seven days, all hours alike."""
    standing_micro: int | None
    """The month's standing charge, which is not in ``cost_micro``."""


def steady_cost(args: argparse.Namespace, call: Call) -> SteadyCost:
    """The answer to "what does a machine of so many watts cost a month".

    Raises:
        TariffProblem: a price that cannot be used, more hours than a month has, or a span of the ledger too.
    """
    if any(option is not None for option in (args.day, args.month, args.first, args.last)):
        raise TariffProblem(
            tr("A steady draw is worked out for any month, without the ledger."),
            tr("Leave --day, --month, --from and --to out, or --watts."),
            "use",
        )
    hours = float(HOURS_PER_MONTH) if args.hours is None else args.hours
    if hours > MOST_HOURS:
        raise TariffProblem(
            tr("A month has no {hours} hours.", hours=_hours(hours)),
            tr("Give at most 744 with --hours."),
            "use",
        )
    tariff, now = call.workshop.tariff(), call.workshop.now()
    currency = parse_currency(args.currency) if args.currency else None if tariff is None else tariff.currency
    price: Decimal | None
    standing: int | None = None
    if args.price is not None:
        with typed():
            price, origin = parse_price(args.price), "given"
        if currency is None:
            raise TariffProblem(
                tr("The currency of the price is not known."),
                tr("Give it with --currency."),
                "missing_figure",
            )
    else:
        price = None if tariff is None else mean_price(tariff, now)
        origin = "tariff"
        if currency is not None and tariff is not None and currency != tariff.currency:
            raise TariffProblem(
                tr("The tariff is in {found}, not in {asked}.", found=tariff.currency, asked=currency),
                tr("Leave --currency out, or give the price of electricity with --price."),
            )
        monthly = None if tariff is None else tariff.standing_charge(now.astimezone(tariff.zone).date())
        standing = None if monthly is None else round(monthly * MICRO)
    energy_mj = round(args.watts * hours * 3_600_000)
    return SteadyCost(
        args.watts,
        hours,
        energy_mj,
        None if price is None else cost_micro({price: energy_mj}),
        None if price is None else currency,
        price,
        None if price is None else origin,
        standing,
    )


MOST_HOURS = 744


def _hours(hours: float) -> str:
    return number(hours, 0 if hours % 1 == 0 else 1)


def steady_lines(found: SteadyCost) -> Iterator[str]:
    whole = tr("all month ({hours} hours)", hours=number(found.hours, 1))
    span = (
        whole
        if found.hours == float(HOURS_PER_MONTH)
        else trn(
            "{hours} hour a month",
            "{hours} hours a month",
            int(found.hours + 0.999),
            hours=_hours(found.hours),
        )
    )
    words = {"watts": watts(found.watts), "span": span, "energy": kwh(found.energy_mj)}
    if found.cost_micro is None:
        yield tr("{watts}, {span}: {energy} a month.", **words)
        yield tr("No price is set, so there is no money here: wattlight tariff set --help, or --price")
        return
    cost = money(found.cost_micro, found.currency)
    yield tr("{watts}, {span}: {cost} a month, {energy}.", cost=cost, **words)
    price = f"{(found.price_per_kwh or Decimal(0)).normalize():f} {found.currency}"
    if found.price_from == "given":
        yield tr("at {price} per kWh, as given", price=price)
    else:
        yield tr("at {price} per kWh: your tariff, the mean of the last seven days", price=price)
    if found.standing_micro is not None:
        charge = money(found.standing_micro, found.currency)
        both = money(found.cost_micro + found.standing_micro, found.currency)
        yield tr("standing charge: {charge} a month, not in it (together {both})", charge=charge, both=both)
    elif found.price_from == "tariff":
        yield tr("standing charge: none is stated in your tariff")
