"""``wattlight recommend``: models that fit this computer, best first."""

import argparse

from wattlight.domain.advice import DEFAULT_CONTEXT, DEFAULT_LIMIT, Advice, Question, Recommendation, Use
from wattlight.i18n import gb, gib, number, short_date, tokens_per_second, tr, trn
from wattlight.viewmodels.advice import (
    api_sentence,
    passed_over_sentence,
    verdict_name,
    why_sentence,
)
from wattlight.viewmodels.fit import confidence_name

from .call import Call, Output
from .machine_option import add_machine_option, read_machine_file
from .recommend_document import recommend_document
from .recommend_refresh import print_refresh, read_again_lines, refreshed
from .whole_number import whole

MAX_CONTEXT = 1 << 24
COLUMNS = 8


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "--use", choices=[use.value for use in Use], default=Use.CHAT.value, help="what for (default: chat)"
    )
    parser.add_argument(
        "--context",
        type=whole(1, MAX_CONTEXT),
        default=DEFAULT_CONTEXT,
        metavar="N",
        help=f"context in tokens (default: {DEFAULT_CONTEXT})",
    )
    parser.add_argument(
        "--language", type=_language, metavar="L", help="language wanted, two letters (de, ja, ...)"
    )
    parser.add_argument(
        "--limit",
        type=whole(1, 1000),
        default=DEFAULT_LIMIT,
        metavar="N",
        help=f"how many at most (default: {DEFAULT_LIMIT})",
    )
    parser.add_argument("--all", action="store_true", help="every model that fits, older and alike ones too")
    parser.add_argument(
        "--refresh",
        nargs="*",
        metavar="MODEL",
        help="first ask the registry for the exact size of these models (no name: of those on the list)",
    )
    add_machine_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Print the recommendations for this computer or the one in a file."""
    profile = read_machine_file(args.machine) if args.machine else call.workshop.machine_profile()
    question = Question(Use(args.use), args.context, args.limit, args.language, args.all)
    report = None
    if args.refresh is not None:
        report = refreshed(call, args.refresh, lambda: call.workshop.advisor().advice(profile, question))
    advice = call.workshop.advisor().advice(profile, question)
    if call.as_json:
        call.out.document(recommend_document(advice, profile, report))
        return 0
    if report is not None:
        print_refresh(call.out, report)
    _print(call.out, advice, profile.name)
    return 0


def _print(out: Output, advice: Advice, machine: str) -> None:
    use, context = advice.question.use.value, number(advice.question.context)
    out.line(
        tr("Models for {use} on {machine}, at {context} tokens of context:", **_names(use, machine, context))
    )
    out.line()
    if advice.recommendations:
        for line in _table([_row(item) for item in advice.recommendations]):
            out.line(line)
        out.line()
        for item in advice.recommendations:
            out.line(f"{item.name}: {why_sentence(item)}")
            for passed in item.instead_of[:1]:
                out.line("    " + tr("rather than {that}", that=passed_over_sentence(passed)))
    if advice.passed_over:
        out.line()
        out.line(tr("Not on the list:"))
        for passed in advice.passed_over:
            out.line("  " + passed_over_sentence(passed))
    out.line()
    if advice.api.advised:
        out.line(api_sentence(advice))
    out.line(
        trn("{count} model of the catalogue of {date} is meant for this.",
            "{count} models of the catalogue of {date} are meant for this.",
            advice.eligible, date=short_date(advice.catalogue_date))
    )  # fmt: skip
    if any(not item.download_exact for item in advice.recommendations):
        out.line(tr("~ marks a download of which only the rounded size is listed."))
    for line in read_again_lines(advice):
        out.line(line)


def _names(use: str, machine: str, context: str) -> dict[str, str]:
    return {"use": use, "machine": machine, "context": context}


def _row(item: Recommendation) -> tuple[str, ...]:
    largest = item.largest_full_gpu_context
    return (
        item.name,
        verdict_name(item.verdict),
        gib(item.spare_bytes),
        number(largest),
        tokens_per_second(item.speed.low, item.speed.high),
        ("" if item.download_exact else "~") + gb(item.download_bytes),
        item.entry.license or number(None),
        confidence_name(item.confidence),
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    head = (
        tr("model"), tr("runs"), tr("spare"), tr("most context"), tr("speed"), tr("download"), tr("licence"),
        tr("memory figures"),
    )  # fmt: skip
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(COLUMNS)]
    right = {2, 3, 4, 5}
    return [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    ]


def _language(text: str) -> str:
    code = text.strip().lower().replace("_", "-").split("-")[0]
    if not (len(code) in {2, 3} and code.isascii() and code.isalpha()):
        raise argparse.ArgumentTypeError("a language is two letters, such as de or ja")
    return code
