"""``compare``: two models on the person's own prompts, figures and answers side by side."""

import textwrap
from argparse import ArgumentParser, Namespace
from itertools import zip_longest
from pathlib import Path

from wattlight.domain.values import clean_text
from wattlight.i18n import percent, tr, trn
from wattlight.paths import read_text
from wattlight.services.benchmark import Benchmark, ComparedModel, SideBySide, compare
from wattlight.services.prompts import (
    MOST_BYTES,
    PromptsProblem,
    keep_prompts,
    kept_prompts,
    prompts_file,
    read_prompts,
)
from wattlight.viewmodels.side_by_side import figure_rows, notes

from .options import add_host_option, typed
from .output import Call, Document, ProgressLine, aligned, pick
from .verb_benchmark import DIGITS, subjects, watched_power

SIDE = 48
"""Columns of an answer beside the other, at most."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("first", metavar="MODEL", nargs="?", help="an installed model")
    parser.add_argument("second", metavar="OTHER", nargs="?", help="the one beside it")
    parser.add_argument("--prompts", metavar="FILE", help="prompts, a line of --- between two; - for input")
    parser.add_argument("--keep", action="store_true", help="keep these prompts on this computer")
    parser.add_argument("--forget", action="store_true", help="remove the prompts that were kept")
    add_host_option(parser)


def run(args: Namespace, call: Call) -> None:
    file = prompts_file(call.workshop.places)
    if args.forget:
        keep_prompts(file, ())
    prompts = kept_prompts(file)
    if args.prompts:
        with typed():
            prompts = read_prompts(read_text(Path(args.prompts), MOST_BYTES, PromptsProblem))
        if args.keep:
            keep_prompts(file, prompts)
    if args.second is None:
        _without_models(args, call, prompts)
        return
    if not prompts:
        raise PromptsProblem(
            tr("No prompts were kept to compare models on."),
            tr("Name a file with your own: --prompts FILE; --keep keeps them on this computer."),
            "no_prompts",
        )
    made = _compared(args, call, prompts)
    call.answer(document(made), *lines(made, call.out.room))


def _without_models(args: Namespace, call: Call, prompts: tuple[str, ...]) -> None:
    if args.first is not None or not (args.forget or args.keep):
        raise PromptsProblem(
            tr("Two models are needed."), tr("Name both: 'wattlight compare MODEL OTHER'."), "wrong_use"
        )
    kept = len(prompts)
    text = trn("{count} prompt is kept on this computer.", "{count} prompts are kept on this computer.", kept)
    call.answer({"kept": kept}, text)


def _compared(args: Namespace, call: Call, prompts: tuple[str, ...]) -> SideBySide:
    server = call.workshop.server(args.host)
    first, second = subjects(call, server, args.host, args.first, args.second)
    progress = ProgressLine(not call.as_json and not call.out.quiet)
    with watched_power(call, first) as history:
        benchmark = Benchmark(server, history, None, call.workshop.now)
        try:
            return compare(
                benchmark,
                server,
                (first, second),
                prompts,
                lambda share: progress.show(tr("{share} measured", share=percent(share))),
            )
        finally:
            progress.end()


def document(made: SideBySide) -> Document:
    return {
        "models": [_side_document(side) for side in (made.first, made.second)],
        "same_answers": made.same_answers,
        "answers": [
            {"prompt": prompt, "first": first, "second": second}
            for prompt, first, second in zip(
                made.prompts, made.first.answers, made.second.answers, strict=True
            )
        ],
    }


def _side_document(side: ComparedModel) -> Document:
    figures = "tokens tokens_per_s first_token_s joules_per_token energy_error_fraction energy_reason"
    return {
        **pick(side.subject, "model digest device driver context server_version"),
        **pick(side, f"{figures} size_bytes gpu_bytes", DIGITS),
    }


def lines(made: SideBySide, room: int | None) -> list[str]:
    """The figures, then the answers to each prompt beside each other."""
    text = [*aligned(figure_rows(made), {1, 2}), "", *notes(made)]
    wide = SIDE if room is None else max(20, (room - 2) // 2)
    for index, prompt in enumerate(made.prompts):
        text += ["", f"> {textwrap.shorten(clean_text(prompt, 4 * wide), 2 * wide, placeholder=' …')}"]
        one, other = (_folded(side.answers[index], wide) for side in (made.first, made.second))
        text += [f"{a:<{wide}}  {b}".rstrip() for a, b in zip_longest(one, other, fillvalue="")]
    return text


def _folded(text: str, wide: int) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, wide) or [""]]
