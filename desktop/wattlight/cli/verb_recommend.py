"""``wattlight recommend``: models that fit this computer, best first."""

import argparse

from wattlight.domain.advice import (
    DEFAULT_CONTEXT,
    DEFAULT_LIMIT,
    Advice,
    PassedOver,
    Question,
    Recommendation,
    Use,
)
from wattlight.domain.values import MachineProfile
from wattlight.i18n import gb, gib, number, short_date, tokens_per_second, tr, trn
from wattlight.services.fit_words import (
    confidence_name,
    machine_sentences,
    marks_meaning,
    speed_mark,
    verdict_name,
)
from wattlight.services.offers import (
    api_sentence,
    passed_over_sentence,
    why_sentence,
)
from wattlight.services.refreshing import RefreshReport
from wattlight.viewmodels.words import ability_name

from .options import MAX_CONTEXT, add_machine_option, machine_of, whole
from .output import SPEED, Call, Document, Output, pick, plain


def print_refresh(out: Output, report: RefreshReport) -> None:
    """What was read, what had changed, what could not be read."""
    if report.read:
        out.line(
            trn(
                "The registry was asked about {count} model on {date}; its size is exact now.",
                "The registry was asked about {count} models on {date}; their sizes are exact now.",
                len(report.read),
                date=short_date(report.read_on),
            )
        )
    for item in report.read:
        if item.changed:
            size, was = gb(item.download_bytes), ("" if item.was_exact else "~") + gb(item.was_bytes)
            text = tr("{model} is another file now: {size} (was {was})", model=item.name, size=size, was=was)
            out.line(f"  {text}")
    for name, problem in report.problems:
        out.line(f"  {name}: {problem.message}")
    if report.stopped:
        out.line("  " + tr("Then it stopped: {problem}", problem=str(report.stopped)))
    out.line()


def refresh_document(report: RefreshReport) -> Document:
    return {
        "read_on": plain(report.read_on),
        "models": [
            {"model": item.name, **pick(item, "download_bytes was_bytes was_exact changed")}
            for item in report.read
        ],
        "problems": [
            {"model": name, "code": problem.code, "sentence": problem.message}
            for name, problem in report.problems
        ],
        "stopped": None if report.stopped is None else report.stopped.message,
    }


def read_again_lines(advice: Advice) -> list[str]:
    """Which figures of the list are from the registry, and of which day."""
    days: dict[str, list[str]] = {}
    for item in advice.recommendations:
        if item.tag.read_on is not None:
            days.setdefault(short_date(item.tag.read_on), []).append(item.name)
    return [
        tr("Sizes read from the registry on {date}: {models}.", date=day, models=", ".join(names))
        for day, names in days.items()
    ]


def recommend_document(
    advice: Advice, profile: MachineProfile, report: RefreshReport | None = None
) -> Document:
    """The whole answer; ``report`` says what was read from the registry just before."""
    return {
        "machine": profile.name,
        **pick(advice.question, "use context language"),
        **pick(advice, "catalogue_date eligible"),
        "recommendations": [
            _recommendation(item, place) for place, item in enumerate(advice.recommendations, start=1)
        ],
        "not_recommended": [_passed(item) for item in advice.passed_over],
        "api": {
            "advised": advice.api.advised,
            "code": advice.api.reason.code if advice.api.reason else None,
            "sentence": api_sentence(advice) or None,
        },
        "machine_notes": list(machine_sentences(profile)),
        "refresh": None if report is None else refresh_document(report),
    }


def _recommendation(item: Recommendation, place: int) -> Document:
    return {
        "rank": place,
        "model": item.name,
        **pick(item.entry, "title publisher params_total params_active license released"),
        **pick(
            item, "use verdict context spare_bytes largest_full_gpu_context download_bytes download_exact"
        ),
        **pick(item.fit, "needed_bytes gpu_bytes host_bytes layers_total layers_on_gpu"),
        "trained_context": item.entry.context,
        "tokens_per_second": pick(item.speed, SPEED, 2),
        "download_read_on": plain(item.tag.read_on),
        "quantization": item.tag.quant or None,
        "capabilities": sorted(item.capabilities),
        "confidence": item.confidence.value,
        "why": why_sentence(item),
        "instead_of": [_passed(passed) for passed in item.instead_of],
    }


def _passed(passed: PassedOver) -> Document:
    return {"model": passed.name, "code": passed.reason.code, "sentence": passed_over_sentence(passed)}


def arguments(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace, call: Call) -> None:
    profile = machine_of(args, call)
    question = Question(Use(args.use), args.context, args.limit, args.language, args.all)
    report = None
    advice = call.workshop.advisor().advice(profile, question)
    if args.refresh is not None:
        names = args.refresh or [item.name for item in advice.recommendations]
        report = call.workshop.refresher().refresh(names) if names else None
        advice = call.workshop.advisor().advice(profile, question)
    if call.as_json:
        call.out.document(recommend_document(advice, profile, report))
        return
    if call.out.quiet:
        call.out.lines(item.name for item in advice.recommendations)
        return
    if report is not None:
        print_refresh(call.out, report)
    _print(call.out, advice, profile)


def _print(out: Output, advice: Advice, machine: MachineProfile) -> None:
    question = advice.question
    out.line(
        tr(
            "Models for {use} on {machine}, at {context} tokens of context:",
            use=ability_name(question.use.value),
            machine=machine.name,
            context=number(question.context),
        )
    )
    for said in machine_sentences(machine):
        out.line(f"- {said}")
    out.line()
    if advice.recommendations:
        head = (
            tr("model"), tr("runs"), tr("needs"), tr("spare"), tr("most context"), tr("speed"),
            tr("download"), tr("licence"), tr("memory figures"),
        )  # fmt: skip
        out.table([head, *map(_row, advice.recommendations)], {2, 3, 4, 5, 6})
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
        trn("{count} model in the catalogue of {date} is made for this.",
            "{count} models in the catalogue of {date} are made for this.",
            advice.eligible, date=short_date(advice.catalogue_date))
    )  # fmt: skip
    if any(map(_mark, advice.recommendations)):
        out.line(marks_meaning())
    if any(not item.download_exact for item in advice.recommendations):
        out.line(tr("~ marks a download whose exact size is not listed."))
    out.lines(read_again_lines(advice))


def _mark(item: Recommendation) -> str:
    return speed_mark(item.speed.confidence.value) if item.speed.mid is not None else ""


def _row(item: Recommendation) -> tuple[str, ...]:
    largest = item.largest_full_gpu_context
    return (
        item.name,
        verdict_name(item.verdict),
        gib(item.fit.needed_bytes),
        gib(item.spare_bytes),
        number(largest),
        f"{tokens_per_second(item.speed.low, item.speed.high)} {_mark(item)}".rstrip(),
        ("" if item.download_exact else "~") + gb(item.download_bytes),
        item.entry.license or number(None),
        confidence_name(item.confidence),
    )


def _language(text: str) -> str:
    code = text.strip().lower().replace("_", "-").split("-")[0]
    if not (len(code) in {2, 3} and code.isascii() and code.isalpha()):
        raise argparse.ArgumentTypeError("a language is two letters, such as de or ja")
    return code
