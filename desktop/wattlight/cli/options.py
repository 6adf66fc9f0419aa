"""What several verbs share: the server, another machine, a span of days, models as documents, yes or no."""

import argparse
import calendar
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from wattlight.domain.machine_file import MachineFileProblem, parse_machine
from wattlight.domain.servers import InstalledModel, RunningModel, true_digest
from wattlight.domain.values import LOCAL_HOST, MachineProfile, Problem, clean_text, read_json, to_us
from wattlight.i18n import tr
from wattlight.paths import read_text
from wattlight.runtime import ModelServer, read_keep_alive

from .output import Call, Document, pick


def add_host_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        metavar="URL|NAME",
        help="the model server: a name from the settings, or an address "
        "(default: OLLAMA_HOST, then port 11434 of this computer)",
    )


def installed_document(model: InstalledModel, loaded: bool | None) -> Document:
    """An installed model; a size null where the server does not tell it, ``loaded`` null likewise."""
    document = pick(model, "name size_bytes modified_at remote_host")
    document["size_bytes"] = model.size_bytes or None
    return document | _or_none(model, "digest family parameter_size quantization") | {"loaded": loaded}


def running_document(model: RunningModel) -> Document:
    """A loaded model; ``expires_at`` null means until it is unloaded, a size null that it cannot be true."""
    document = pick(model, "name size_bytes size_vram_bytes context_length expires_at")
    document["size_bytes"] = model.size_bytes or None
    if model.gpu_share is None:
        document["size_vram_bytes"] = None
    return document | _or_none(model, "digest family quantization")


def _or_none(model: InstalledModel | RunningModel, names: str) -> Document:
    document = {name: value or None for name, value in pick(model, names).items()}
    return document | {"digest": true_digest(model.digest) or None}


def server_document(server: ModelServer, version: str) -> Document:
    """Which server was asked; ``version`` null where it tells none."""
    return {"url": server.url, "kind": server.kind.value, "version": version or None}


def kept_documents(kept: tuple[tuple[str, str], ...]) -> list[Document]:
    return [{"name": name, "reason": reason} for name, reason in kept]


def require_yes(args: argparse.Namespace, call: Call, question: str, refusal: str) -> None:
    """Go on only after a yes: ``--yes``, or an answer at the terminal.

    Raises:
        Problem: the answer was no, or nobody could be asked (``refusal`` says what is at stake).
    """
    if args.yes:
        return
    if call.as_json or not sys.stdin.isatty():
        raise Problem(refusal, tr("Add --yes to do it without being asked."), "needs_yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Problem(tr("Nothing was changed."), code="declined")


def asked_secret(prompt: str) -> str | None:
    """A password or token, typed unseen at the terminal, else a line of input; never an argument, which other
    programs can read."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt) or None
    return sys.stdin.readline().rstrip("\n") or None


MAX_CONTEXT = 1 << 24
"""Tokens; more than any model was trained for."""
MAX_FILE_BYTES = 1_000_000


def add_machine_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--machine",
        metavar="FILE",
        help="answer for the computer in FILE, - for standard input (see 'wattlight hardware --profile')",
    )
    parser.add_argument(
        "--host", metavar="NAME", help="answer for another computer of the settings whose Wattlight serves"
    )


def machine_of(args: argparse.Namespace, call: Call) -> MachineProfile:
    """The computer in the file that ``--machine`` names, or that ``--host`` names, else this one.

    Raises:
        MachineFileProblem: the file cannot be read or is not a machine profile.
        Problem: what is in the other computer is not known here (code ``no_profile``).
    """
    if args.host and args.machine:
        raise Problem(tr("--host and --machine are two computers."), tr("Leave out one of them."), "use")
    if args.host:
        return _other_machine(args.host, call)
    if not args.machine:
        return call.workshop.machine_profile()
    text = read_text(Path(args.machine), MAX_FILE_BYTES, MachineFileProblem)
    try:
        document = read_json(text)
    except (ValueError, RecursionError) as error:
        name = clean_text(args.machine)
        raise MachineFileProblem(tr("The machine file {name} is not JSON.", name=name)) from error
    return parse_machine(document)


def _other_machine(name: str, call: Call) -> MachineProfile:
    from wattlight.services.far_meter import far_profile
    from wattlight.services.hosts import find_host

    host = find_host(name, call.workshop.settings())
    if host.host == LOCAL_HOST:
        return call.workshop.machine_profile()
    found = far_profile(call.workshop, host)
    if found is None:
        shown = clean_text(host.name, 60)
        raise Problem(
            tr("What is in {name} is not known here: no Wattlight there told it.", name=shown),
            tr(
                "Start 'wattlight meter --serve' there and name it with 'wattlight hosts meter', or carry "
                "its profile over: 'wattlight hardware --profile' there, --machine FILE here."
            ),
            "no_profile",
        )
    return found


@contextmanager
def typed() -> Iterator[None]:
    """What cannot be used here was typed: wrong use (exit code 2), whatever refuses it."""
    try:
        yield
    except Problem as problem:
        raise Problem(problem.message, problem.next_step, "wrong_use") from problem


def keep_time(text: str) -> str:
    """A type for ``add_argument``: how long a model is kept, as the server reads it."""
    try:
        read_keep_alive(text)
    except Problem as problem:
        raise argparse.ArgumentTypeError(str(problem).rstrip(".")) from problem
    return text


def share(text: str) -> float:
    """A type for ``add_argument``: more than 0, at most 1, or a sentence (exit code 2)."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("a number above 0 and up to 1 is needed, such as 0.9")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type for ``add_argument``: a whole number from ``least`` to ``most``, or a sentence (exit code 2)."""

    def number_within(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most} is needed")
        return value

    return number_within


def seconds(text: str) -> float:
    """A type for ``add_argument``: seconds, or a sentence (exit code 2)."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"'{clean_text(text, 40)}' is not a number of seconds")
    return value


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
    from wattlight.domain.tariff import day_start_us

    start_us, end_us = day_start_us(first, zone), day_start_us(last + timedelta(days=1), zone)
    return Span(first, last, start_us, max(start_us, min(end_us, to_us(now))))


def read_day(text: str, problem: type[Problem]) -> date:
    """The day that is written like 2026-03-01; else a ``problem``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise problem(
            tr("'{value}' is not a day.", value=clean_text(text, 30)), tr("Write it like 2026-03-01.")
        ) from error


def _day(text: str, today: date) -> date:
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in words:
        return words[text]
    day = read_day(text, SpanProblem)
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
