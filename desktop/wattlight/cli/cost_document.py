"""The JSON and the text of a cost answer, shared by ``cost`` and ``replay``."""

from wattlight.domain.cost import CostReport
from wattlight.domain.energy import GapRow
from wattlight.domain.instant import iso_utc
from wattlight.i18n import duration, kwh, money, tr

from .output import Document, Output


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
