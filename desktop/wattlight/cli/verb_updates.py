"""``wattlight updates``: which installed models have a newer version, and taking it."""

import argparse

from wattlight.domain.pulls import QueuedPull
from wattlight.domain.servers import Can, InstalledModel, same_model
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import gb, tr, trn
from wattlight.runtime import ModelServer
from wattlight.services.models import (
    ModelUpdate,
    UpdateReport,
    fetch_text,
    find_updates,
    layer_words,
    set_aside,
)

from .options import add_host_option, require_yes
from .output import Call, Document, pick
from .verb_pull import download


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="*", help="installed models (default: all)")
    parser.add_argument("--take", action="store_true", help="download what is newer")
    parser.add_argument(
        "--keep-old",
        action="store_true",
        help="keep the version that is here as MODEL-DATE; it takes its disk",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before downloading")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Ask the registries for the manifests of installed models; with ``--take`` fetch what is newer."""
    server = call.workshop.server(args.host)
    server.require(Can.PULL)
    chosen = _chosen(args.models, server.installed())
    folders = call.workshop.model_folders(server.url)
    report = find_updates(chosen, call.workshop.registry().manifest, folders)
    if not args.take or not report.updates:
        call.answer(_document(report), *_lines(report))
        return 0
    total = sum(item.fetch_bytes for item in report.updates)
    require_yes(
        args,
        call,
        tr("Download {size} for {names}?", size=gb(total), names=", ".join(m.model for m in report.updates)),
        tr("{size} would be downloaded.", size=gb(total)),
    )
    return _take(args, call, server, report)


def _take(args: argparse.Namespace, call: Call, server: ModelServer, report: UpdateReport) -> int:
    code = 0
    for item in report.updates:
        if args.keep_old:
            kept = set_aside(server, item.model, call.workshop.now().date())
            call.out.note(tr("The version that is here stays as {name}.", name=kept))
        code = download(call, server, QueuedPull(item.model)) or code
        if args.keep_old and not code:
            call.out.note(
                tr("To compare both: wattlight compare {model} {kept}", model=item.model, kept=kept)
            )
    return code


def _chosen(names: list[str], installed: tuple[InstalledModel, ...]) -> list[InstalledModel]:
    if not names:
        return list(installed)
    chosen = []
    for name in names:
        model = next((m for m in installed if same_model(m.name, name)), None)
        if model is None:
            raise Problem(
                tr("{model} is not installed.", model=clean_text(name, 120)),
                tr("'wattlight models' lists what is."),
                "unknown_model",
            )
        chosen.append(model)
    return chosen


def _document(report: UpdateReport) -> Document:
    return {
        "updates": [pick(item, "model fetch_bytes exact changes") for item in report.updates],
        "current": list(report.current),
        "not_in_registry": list(report.unknown),
        "problems": [
            {"model": name, "code": problem.code, "message": str(problem)}
            for name, problem in report.problems
        ],
        "stopped": None if report.stopped is None else str(report.stopped),
    }


def _lines(report: UpdateReport) -> list[str]:
    lines = [update_line(item) for item in report.updates]
    if report.updates:
        lines.append(tr("'wattlight updates --take' downloads them; --keep-old keeps what is here too."))
    if report.current:
        count = len(report.current)
        lines.append(trn("{count} model is the newest.", "{count} models are the newest.", count))
    if report.unknown:
        names = ", ".join(report.unknown)
        lines.append(tr("Not in their registry (made here, or no longer offered): {names}", names=names))
    lines += [f"{name}: {problem}" for name, problem in report.problems]
    if report.stopped is not None:
        lines.append(str(report.stopped))
    return lines or [tr("No models are installed.")]


def update_line(item: ModelUpdate) -> str:
    """ "llama3.2:3b: newer version, 1.2 GB to fetch (weights, template)"."""
    text = tr("{model}: newer version, {size} to fetch", model=item.model, size=fetch_text(item))
    return f"{text} ({layer_words(item.changes)})" if item.changes else text
