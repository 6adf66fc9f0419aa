"""``--day``, ``--month``, ``--from`` and ``--to``: a span of local days."""

import argparse
import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.instant import to_us
from wattlight.domain.tariff import day_start_us
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr


class SpanProblem(Problem):
    """The days asked for make no span."""

    code = "span"


@dataclass(frozen=True, slots=True)
class Span:
    """Local days from ``first`` to ``last``, both included; ``end_us`` is not later than now."""

    first: date
    last: date
    start_us: int
    end_us: int


def add_span_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a verb."""
    parser.add_argument("--day", metavar="D", help="a day: 2026-03-01, today or yesterday")
    parser.add_argument("--month", metavar="M", help="a month: 2026-03, this or last")
    parser.add_argument("--from", dest="first", metavar="A", help="first day (2026-03-01)")
    parser.add_argument("--to", dest="last", metavar="B", help="last day, itself included (default: today)")


def span_of(args: argparse.Namespace, zone: ZoneInfo, now: datetime) -> Span:
    """The span asked for; today without any option.

    Raises:
        SpanProblem: a date that is none, two kinds of span at once, or the end before the beginning.
    """
    today = now.astimezone(zone).date()
    if sum(option is not None for option in (args.day, args.month, args.first or args.last)) > 1:
        raise SpanProblem(
            tr("More than one span is asked for."), tr("Give --day, --month, or --from with --to.")
        )
    if args.month is not None:
        first, last = _month(args.month, today)
    elif args.first is not None or args.last is not None:
        last = today if args.last is None else _day(args.last, today)
        first = last if args.first is None else _day(args.first, today)
    else:
        first = last = today if args.day is None else _day(args.day, today)
    if last < first:
        raise SpanProblem(tr("The span ends before it begins."), tr("Let --from be the earlier day."))
    if (last - first).days > 40_000:
        raise SpanProblem(tr("The span is longer than a century."), tr("Ask for a shorter one."))
    start_us, end_us = day_start_us(first, zone), day_start_us(last + timedelta(days=1), zone)
    return Span(first, last, start_us, max(start_us, min(end_us, to_us(now))))


def _day(text: str, today: date) -> date:
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in words:
        return words[text]
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise SpanProblem(
            tr("'{value}' is not a day.", value=clean_text(text, 30)), tr("Write it like 2026-03-01.")
        ) from error
    if not 1970 <= day.year <= 2200:
        raise SpanProblem(tr("{value} is too far away.", value=text), tr("Use the years 1970 to 2200."))
    return day


def _month(text: str, today: date) -> tuple[date, date]:
    if text in {"this", "last"}:
        first = today.replace(day=1)
        if text == "last":
            first = (first - timedelta(days=1)).replace(day=1)
    else:
        try:
            first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
        except ValueError as error:
            raise SpanProblem(
                tr("'{value}' is not a month.", value=clean_text(text, 30)), tr("Write it like 2026-03.")
            ) from error
        if not 1970 <= first.year <= 2200:
            raise SpanProblem(tr("{value} is too far away.", value=text), tr("Use the years 1970 to 2200."))
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])
