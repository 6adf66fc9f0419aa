"""``wattlight cost``: energy and money of a day, a month or any span, from the ledger."""

import argparse
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from wattlight.domain.cost import Account, Bucket, By, CostReport, DayAmount, Projection, project_month
from wattlight.domain.energy import GapRow, State
from wattlight.domain.tariff import standing_micro
from wattlight.domain.values import iso_utc
from wattlight.i18n import duration, interval, kwh, money, short_date, tr

from .options import Span, add_span_options, span_of
from .output import Call, Document, Output

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wattlight.domain.tariff import Tariff
    from wattlight.store import LedgerReader


def cost_document(report: CostReport) -> Document:
    """The keys every cost answer has. Energy in mJ, money in micro-units of the currency."""
    document: Document = {
        "energy_mj": report.energy_mj,
        "cost_micro": report.cost_micro,
        "currency": report.currency,
        "observed_s": _seconds(report.observed_s),
        "span_s": _seconds(report.span_s),
        "quality": None if report.quality is None else report.quality.value,
        "breakdown": [
            {"key": line.key, "energy_mj": line.energy_mj, "cost_micro": line.cost_micro}
            for line in report.breakdown
        ],
        "unpriced_mj": report.unpriced_mj if report.currency is not None else None,
        "fallback_mj": report.fallback_mj if report.currency is not None else None,
        "tokens_out": report.tokens_out or None,
    }
    return document


def gap_documents(gaps: tuple[GapRow, ...]) -> list[Document]:
    """The spans that were not billed."""
    return [
        {"device": g.device, "from": iso_utc(g.start_us), "to": iso_utc(g.end_us), "reason": g.reason}
        for g in gaps
    ]


def print_cost(out: Output, report: CostReport) -> None:
    """The same for a person: total, what it covers, then the lines."""
    total = kwh(report.energy_mj)
    if report.cost_micro is not None:
        total = f"{money(report.cost_micro, report.currency)}   {total}"
    out.line(total)
    out.line(
        tr(
            "observed {observed} of {span}",
            observed=duration(report.observed_s),
            span=duration(report.span_s),
        )
    )
    if report.unpriced_mj and report.currency is not None:
        out.line(tr("{energy} lie outside the tariff and have no price", energy=kwh(report.unpriced_mj)))
    if report.fallback_mj:
        out.line(tr("{energy} are priced by the fallback price", energy=kwh(report.fallback_mj)))
    if not report.breakdown:
        return
    out.line()
    texts = [
        (line.key, kwh(line.energy_mj), money(line.cost_micro, report.currency)) for line in report.breakdown
    ]
    widths = [max(len(text[i]) for text in texts) for i in range(3)]
    for key, energy, cost in texts:
        tail = f"  {cost:>{widths[2]}}" if report.currency is not None else ""
        out.line(f"{key:<{widths[0]}}  {energy:>{widths[1]}}{tail}")


def _seconds(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 6)


LOOK_BACK_DAYS = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_span_options(parser)
    parser.add_argument(
        "--by",
        choices=[By.MODEL.value, By.DEVICE.value, By.HOUR.value, By.DAY.value],
        default=By.MODEL.value,
        help="what a line of the answer is (default: model)",
    )


def run(args: argparse.Namespace, call: Call) -> int:
    """Add up the span and print it."""
    tariff, zone = call.workshop.tariff(), call.workshop.zone()
    span = span_of(args, zone, call.workshop.now())
    with call.workshop.ledger() as reader:
        account = Account(By(args.by), tariff, span.start_us, span.end_us, zone)
        models = Account(By.STATE, tariff, span.start_us, span.end_us, zone)
        for bucket in reader.buckets(span.start_us, span.end_us):
            account.add(bucket)
            if _is_model(bucket):
                models.add(bucket)
        report = account.report(reader.observed_ms(span.start_us, span.end_us))
        names = {info.device: info.name or info.device for info in reader.devices()}
        projection = _projection(reader, tariff, zone, span, call) if args.month is not None else None
    covers = [names.get(device, device) for device in report.devices]
    model_report = models.report(0)
    factor = call.workshop.settings().meter.cooling_factor
    apart = Apart(factor, None if tariff is None else standing_micro(tariff, span.first, span.last))
    if call.as_json:
        call.out.document(_document(report, model_report, projection, covers, span, args, apart))
        return 0
    _print(call, report, model_report, projection, covers, span)
    _print_apart(call, report, apart)
    return 0


@dataclass(frozen=True, slots=True)
class Apart:
    """What is told beside the sum and never in it: cooling by the user's own factor, standing charge."""

    cooling_factor: float
    standing_micro: int | None


def _cooling(report: CostReport, factor: float) -> Document | None:
    if factor <= 0:
        return None
    cost = None if report.cost_micro is None else round(report.cost_micro * factor)
    return {"factor": factor, "energy_mj": round(report.energy_mj * factor), "cost_micro": cost}


def _print_apart(call: Call, report: CostReport, apart: Apart) -> None:
    cooling = _cooling(report, apart.cooling_factor)
    if cooling is not None and report.breakdown:
        share = (
            money(cooling["cost_micro"], report.currency) if report.currency else kwh(cooling["energy_mj"])
        )
        call.out.line(
            tr(
                "cooling, by your factor {factor}: {sum}, not in the sums",
                factor=apart.cooling_factor,
                sum=share,
            )
        )
    if apart.standing_micro:
        call.out.line(
            tr("standing charge: {sum}, not in the sums", sum=money(apart.standing_micro, report.currency))
        )


def _is_model(bucket: Bucket) -> bool:
    return bucket.state in {State.PARKED, State.ACTIVE}


def _document(
    report: CostReport,
    models: CostReport,
    projection: Projection | None,
    covers: list[str],
    span: Span,
    args: argparse.Namespace,
    apart: "Apart",
) -> Document:
    parked = next((line for line in models.breakdown if line.key == State.PARKED.value), None)
    document = cost_document(report)
    document |= {
        "cooling": _cooling(report, apart.cooling_factor),
        "standing_micro": apart.standing_micro,
        "from": iso_utc(span.start_us),
        "to": iso_utc(span.end_us),
        "covers": covers,
        "models": {"energy_mj": models.energy_mj, "cost_micro": models.cost_micro},
        "parked": {
            "energy_mj": 0 if parked is None else parked.energy_mj,
            "cost_micro": parked.cost_micro if parked is not None else (0 if models.currency else None),
        },
    }
    if args.month is not None:
        known = projection is not None
        document["projection"] = {
            "low_micro": projection.low if projection is not None else None,
            "mid_micro": projection.mid if projection is not None else None,
            "high_micro": projection.high if projection is not None else None,
            "reason": None if known else "not enough data yet",
        }
    return document


def _print(
    call: Call,
    report: CostReport,
    models: CostReport,
    projection: Projection | None,
    covers: list[str],
    span: Span,
) -> None:
    out = call.out
    title = short_date(span.first)
    out.line(title if span.first == span.last else f"{title} – {short_date(span.last)}")
    if not report.breakdown:
        out.line(tr("Nothing was recorded in this time. The tray or 'wattlight meter' records."))
        return
    out.line(tr("models: {sum}", sum=_sum(models)))
    out.line(tr("the computer, measured parts ({parts}):", parts=", ".join(covers)))
    print_cost(out, report)
    if report.currency is None:
        out.line()
        out.line(tr("No price is set, so there is no money here: wattlight tariff set --help"))
    if projection is not None:
        low, high = (money(value, report.currency) for value in (projection.low, projection.high))
        out.line()
        out.line(tr("models, whole month: probably {range}", range=interval(low, high)))


def _sum(report: CostReport) -> str:
    if report.cost_micro is None:
        return kwh(report.energy_mj)
    return f"{money(report.cost_micro, report.currency)}, {kwh(report.energy_mj)}"


def _projection(
    reader: "LedgerReader", tariff: "Tariff | None", zone: "ZoneInfo", span: Span, call: Call
) -> Projection | None:
    """What the models of the present month will cost; None for other months, without a price, too early."""
    from wattlight.services.metering import DayBook

    today = call.workshop.now().astimezone(zone).date()
    if tariff is None or not span.first <= today <= span.last:
        return None
    book = DayBook(reader, tariff, zone)
    sums = book.day_sums(today - timedelta(days=LOOK_BACK_DAYS), today)
    amounts = [
        DayAmount(day.day, (day.working.cost_micro or 0) + (day.parked.cost_micro or 0))
        for day in sums
        if day.observed_s
    ]
    return project_month(amounts, today)
