"""``wattlight cost``: energy and money of a day, a month or any span, from the ledger."""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from wattlight.domain.answers import TokenCost, token_costs
from wattlight.domain.cost import Amount, By, CostReport, Projection, RangeSums, Sums, apart
from wattlight.domain.energy import DeviceInfo, GapRow
from wattlight.domain.tariff import (
    TariffProblem,
    standing_micro,
)
from wattlight.domain.values import LOCAL_HOST, iso_utc
from wattlight.i18n import duration, interval, joined, kwh, money, percent, short_date, tr
from wattlight.services.costs import ALL_HOSTS, cost_by_host, projected
from wattlight.services.hosts import find_host
from wattlight.services.metering import sums_of_days
from wattlight.viewmodels.figures import (
    counted_text,
    not_in_it,
    per_million_text,
    tokens_meaning,
    undecided_text,
    working_text,
)
from wattlight.viewmodels.whole import estimate_basis, estimated_beside, range_amount
from wattlight.viewmodels.words import DASH

from .carbon import carbon_document, carbon_line, chosen_factor
from .options import Span, add_span_options, span_of
from .output import Call, Document, Output, pick, plain
from .steady_cost import add_steady_options, steady_cost, steady_lines

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wattlight.domain.carbon import CarbonFactor
    from wattlight.domain.tariff import Tariff
    from wattlight.store import LedgerReader


def cost_document(report: CostReport) -> Document:
    """The keys every cost answer has. Energy in mJ, money in micro-units of the currency."""
    priced = report.currency is not None
    return {
        **pick(report, "energy_mj cost_micro currency"),
        "observed_s": _seconds(report.observed_s),
        "span_s": _seconds(report.span_s),
        "quality": plain(report.quality),
        "breakdown": [pick(line, "key energy_mj cost_micro") for line in report.breakdown],
        "unpriced_mj": report.unpriced_mj if priced else None,
        "fallback_mj": report.fallback_mj if priced else None,
        "tokens_out": report.tokens_out or None,
    }


def gap_documents(gaps: tuple[GapRow, ...]) -> list[Document]:
    return [
        {"device": g.device, "from": iso_utc(g.start_us), "to": iso_utc(g.end_us), "reason": g.reason}
        for g in gaps
    ]


def print_cost(out: Output, report: CostReport, names: Mapping[str, str] = MappingProxyType({})) -> None:
    """The same for a person: total, what it covers, then the lines; ``names`` of keys that are no names."""
    total = kwh(report.energy_mj)
    if report.cost_micro is not None:
        total = f"{money(report.cost_micro, report.currency)}   {total}"
    out.line(f"{total}   ±{percent(report.error_fraction)}" if report.error_fraction else total)
    observed, span = duration(report.observed_s), duration(report.span_s)
    out.line(tr("observed {observed} of {span}", observed=observed, span=span))
    if report.unpriced_mj and report.currency is not None:
        out.line(tr("{energy} lie outside the tariff and have no price", energy=kwh(report.unpriced_mj)))
    if report.fallback_mj:
        out.line(tr("{energy} are priced by the fallback price", energy=kwh(report.fallback_mj)))
    if not report.breakdown:
        return
    out.line()
    rows = [[names.get(line.key, line.key), kwh(line.energy_mj)] for line in report.breakdown]
    if report.currency is not None:
        for row, line in zip(rows, report.breakdown, strict=True):
            row.append(money(line.cost_micro, report.currency))
    out.table(rows, right={1, 2}, headed=False)


def _seconds(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 6)


LOOK_BACK_DAYS = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    add_span_options(parser)
    parser.add_argument(
        "--by",
        choices=[By.MODEL.value, By.DEVICE.value, By.HOUR.value, By.DAY.value],
        default=By.MODEL.value,
        help="what a line of the answer is (default: model)",
    )
    parser.add_argument(
        "--host", metavar="NAME", help="of another computer, or all: one line for each (default: this one)"
    )
    add_steady_options(parser)


@dataclass(frozen=True, slots=True)
class CostAnswer:
    """Everything ``cost`` says. ``cooling`` (by the user's own factor) and the standing charge are told
    beside the sum and never in it; ``projection`` is told of a month only; ``names`` are those of devices."""

    report: CostReport
    tokens: dict[str, TokenCost]
    span: Span
    cooling: Document | None
    standing_micro: int | None
    projection: Projection | None
    carbon: "CarbonFactor | None"
    names: Mapping[str, str]


def run(args: argparse.Namespace, call: Call) -> None:
    if args.watts is not None:
        found = steady_cost(args, call)
        call.answer({"steady": plain(found)}, *steady_lines(found))
        return
    if args.hours is not None or args.price is not None or args.currency is not None:
        raise TariffProblem(
            tr("What draws the power is not known."), tr("Give the watts with --watts."), "missing_figure"
        )
    tariff, zone = call.workshop.tariff(), call.workshop.zone()
    span = span_of(args, zone, call.workshop.now())
    by = By(args.by)
    settings = call.workshop.settings()
    host = LOCAL_HOST if args.host in {None, ALL_HOSTS} else find_host(args.host, settings).host
    with call.workshop.ledger() as reader:
        sums = Sums(tariff, span.start_us, span.end_us, zone, **apart(by))
        devices = reader.devices(host)
        sums.know(devices)
        sums.add_all(reader.buckets(span.start_us, span.end_us, host))
        sums.observed_ms = reader.observed_ms(span.start_us, span.end_us, host)
        ranges = RangeSums(tariff, span.start_us, span.end_us)
        ranges.add_all(reader.estimates(span.start_us, span.end_us, host))
        here = args.host is None
        projection = _projection(reader, tariff, zone, span, call) if here and args.month else None
        if args.host == ALL_HOSTS:
            names = {address.host: address.name for address in settings.servers}
            report = cost_by_host(reader, tariff, zone, span.first, span.last, names, span.end_us)
        else:
            wanted = settings.meter.estimates
            report = replace(sums.report(by), estimated=ranges.range() if wanted else None)
    answer = CostAnswer(
        report,
        token_costs(sums) if by is By.MODEL and args.host != ALL_HOSTS else {},
        span,
        _cooling(report, settings.meter.cooling_factor),
        None if tariff is None else standing_micro(tariff, span.first, span.last),
        projection,
        chosen_factor(call),
        _names(devices) if by is By.DEVICE else {},
    )
    if call.as_json:
        call.out.document(_document(answer, args.month is not None))
    else:
        _print(call.out, answer)


def _names(devices: Iterable[DeviceInfo]) -> dict[str, str]:
    """Names by device, with the device where several are called the same."""
    called = {device.device: device.name or device.device for device in devices}
    count = Counter(called.values())
    return {key: name if count[name] == 1 else f"{name} ({key})" for key, name in called.items()}


def _cooling(report: CostReport, factor: float) -> Document | None:
    if factor <= 0:
        return None
    cost = None if report.cost_micro is None else round(report.cost_micro * factor)
    return {"factor": factor, "energy_mj": round(report.energy_mj * factor), "cost_micro": cost}


def _document(answer: CostAnswer, of_month: bool) -> Document:
    report, projection = answer.report, answer.projection
    nothing = {"energy_mj": None, "cost_micro": None}
    document = cost_document(report) | {
        "error": plain(report.error_fraction, 4),
        "models_error": plain(report.models.error_fraction, 4),
        **pick(answer, "cooling standing_micro"),
        "from": iso_utc(answer.span.start_us),
        "to": iso_utc(answer.span.end_us),
        **pick(report, "covers not_covered"),
        "models": nothing if report.models_unknown else pick(report.models, "energy_mj cost_micro"),
        "parked": nothing if report.models_unknown else pick(report.parked, "energy_mj cost_micro"),
        "carbon": carbon_document(answer.carbon, report),
        "estimated": None if report.estimated is None else plain(report.estimated),
        "undecided_mj": report.undecided.energy_mj,
        "undecided_reason": undecided_text(report) or None,
        "tokens": [
            {
                "model": model,
                **pick(cost, "output_tokens prompt_tokens"),
                "per_million": _amount(cost.whole),
                "per_million_working": _amount(cost.working),
                "counted_share": plain(cost.counted_share, 3),
                "reason": cost.reason or None,
            }
            for model, cost in answer.tokens.items()
        ],
    }
    if of_month:
        document["projection"] = {
            "low_micro": None if projection is None else projection.low,
            "mid_micro": None if projection is None else projection.mid,
            "high_micro": None if projection is None else projection.high,
            "reason": "not enough data yet" if projection is None else None,
        }
    return document


def _amount(amount: Amount | None) -> Document | None:
    if amount is None:
        return None
    return {**pick(amount, "energy_mj cost_micro"), "error": plain(amount.error_fraction, 4)}


def _print(out: Output, answer: CostAnswer) -> None:
    report, span, currency = answer.report, answer.span, answer.report.currency
    title = short_date(span.first)
    out.line(title if span.first == span.last else f"{title} – {short_date(span.last)}")
    if report.breakdown:
        _print_sums(out, answer)
    else:
        out.line(tr("Nothing was recorded in this time. The tray or 'wattlight meter' records."))
    if report.estimated is not None:
        out.line(_estimated(report))
    cooling = answer.cooling
    if cooling is not None and report.breakdown:
        share = money(cooling["cost_micro"], currency) if currency else kwh(cooling["energy_mj"])
        text = tr(
            "cooling, by your factor {factor}: {sum}, not in the sums", factor=cooling["factor"], sum=share
        )
        out.line(text)
    if report.breakdown and (carbon := carbon_line(answer.carbon, report)):
        out.line(carbon)
    if answer.standing_micro:
        charge = money(answer.standing_micro, currency)
        out.line(tr("standing charge: {sum}, not in the sums", sum=charge))


def _estimated(report: CostReport) -> str:
    beside = estimated_beside(report)
    if beside or report.estimated is None:
        return beside
    return tr(
        "whole computer: {range}, estimated {basis}; nothing of it was measured, and it is in no sum",
        range=range_amount(report.estimated),
        basis=estimate_basis(),
    )


def _print_sums(out: Output, answer: CostAnswer) -> None:
    report, currency = answer.report, answer.report.currency
    out.line(tr("models: {sum}", sum=DASH if report.models_unknown else _sum(report.models, currency)))
    unsure = undecided_text(report)
    if unsure:
        out.line(unsure)
    out.line(tr("the computer, measured parts ({parts}):", parts=joined(report.covers)))
    print_cost(out, report, answer.names)
    if report.not_covered:
        out.line(not_in_it(report.not_covered))
    _print_tokens(out, answer.tokens, currency)
    if currency is None:
        out.line()
        out.line(tr("No price is set, so there is no money here: wattlight tariff set --help"))
    if answer.projection is not None:
        low, high = (money(value, currency) for value in (answer.projection.low, answer.projection.high))
        out.line()
        out.line(tr("models, whole month: probably {range}", range=interval(low, high)))


def _print_tokens(out: Output, tokens: dict[str, TokenCost], currency: str | None) -> None:
    told = {model: cost for model, cost in tokens.items() if cost.whole is not None}
    if not told:
        return
    out.line()
    out.table(
        [("", tr("per 1M tokens"))]
        + [(model, per_million_text(cost, cost.whole, currency)) for model, cost in told.items()],
        right={1},
    )
    out.line(tokens_meaning())
    out.line(working_text(told, currency))
    out.lines(counted_text(model, cost) for model, cost in told.items() if cost.upper_bound)


def _sum(amount: Amount, currency: str | None) -> str:
    energy = kwh(amount.energy_mj)
    if amount.cost_micro is None:
        return energy
    return f"{money(amount.cost_micro, currency, amount.error_fraction)}, {energy}"


def _projection(
    reader: "LedgerReader", tariff: "Tariff | None", zone: "ZoneInfo", span: Span, call: Call
) -> Projection | None:
    """What the models of the present month will cost; None for other months, without a price, too early."""
    today = call.workshop.now().astimezone(zone).date()
    if tariff is None or not span.first <= today <= span.last:
        return None
    days = sums_of_days(reader, tariff, zone, today - timedelta(days=LOOK_BACK_DAYS), today)
    return projected(days.each(), today)
