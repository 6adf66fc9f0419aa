"""``wattlight disk``: what each model takes, and the files that belong to none."""

import argparse

from wattlight.catalog.disk import DiskProblem, FolderUse, LooseFile
from wattlight.catalog.download import KeptDownload
from wattlight.domain.values import clean_text, from_us
from wattlight.i18n import gb, joined, tr, trn
from wattlight.services.models import (
    Removed,
    cannot_remove,
    disk_line,
    disk_use,
    orphan_lines,
    remove_orphans,
    removed_text,
)
from wattlight.store import MeterLock

from .options import add_host_option, require_yes
from .output import Call, Document, aligned, pick, plain

MOST_NAMED = 10
"""Files that are left are named up to so many."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--remove-orphans", action="store_true", help="remove what belongs to no model")
    parser.add_argument("--yes", action="store_true", help="do not ask before removing")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Look at the folders of models; with ``--remove-orphans`` remove what belongs to none after a yes."""
    url = call.workshop.server(args.host).url
    folders = call.workshop.model_folders(url)
    if not folders:
        raise DiskProblem(
            tr("The files of {url} lie on another computer.", url=url),
            tr("Run it there."),
            "another_computer",
        )
    uses = disk_use(folders, call.workshop.now())
    if not uses:
        names = joined(map(str, folders))
        raise DiskProblem(
            tr("There is no folder of models ({folders}).", folders=names),
            tr("Set OLLAMA_MODELS to where the server keeps them."),
            "no_folder",
        )
    if not args.remove_orphans:
        _answer(call, uses, None)
        return 0
    return _remove(args, call, uses)


def _remove(args: argparse.Namespace, call: Call, uses: tuple[FolderUse, ...]) -> int:
    """Remove what may be; 1 where something could not be."""
    refused = [problem for use in uses if (problem := cannot_remove(use)) and (use.orphans or use.unsure)]
    free = [use for use in uses if use.orphans and cannot_remove(use) is None]
    if refused and not free:
        raise refused[0]
    removed: list[Removed] = []
    if free:
        count, size = sum(len(use.orphans) for use in free), gb(sum(use.orphan_bytes for use in free))
        for use in free if not (args.yes or call.as_json) else ():
            call.out.lines((str(use.folder), *(f"  {line}" for line in orphan_lines(use))))
        require_yes(
            args,
            call,
            trn("Remove {count} file ({size})?", "Remove these {count} files ({size})?", count, size=size),
            trn(
                "{count} file ({size}) would be removed.",
                "{count} files ({size}) would be removed.",
                count,
                size=size,
            ),
        )
        lock = MeterLock(call.workshop.places.models_lock)
        removed = [remove_orphans(use, lock, call.workshop.now) for use in free]
    for problem in refused:
        call.out.note(str(problem))
    _answer(call, disk_use([use.folder for use in uses], call.workshop.now()), removed)
    return 1 if refused or any(item.left for item in removed) else 0


def _answer(call: Call, uses: tuple[FolderUse, ...], removed: list[Removed] | None) -> None:
    document: Document = {
        "folders": [_folder_document(use) for use in uses],
        "removed": None if removed is None else [_removed_document(item) for item in removed],
    }
    lines = [line for item in removed or () for line in _removed_lines(item)]
    if removed is None:
        lines = [line for use in uses for line in _lines(use)]
    elif not removed:
        lines = [tr("No file belongs to no model; nothing was removed.")]
    call.answer(document, *lines)


def _folder_document(use: FolderUse) -> Document:
    problem = cannot_remove(use)
    return {
        "folder": str(use.folder),
        "used_bytes": use.used_bytes,
        "models": [pick(model, "name size_bytes freed_bytes") for model in use.models],
        "waiting": [pick(item, "model have_bytes total_bytes") for item in use.waiting],
        "orphans": [_file_document(file) for file in use.orphans],
        "orphan_bytes": use.orphan_bytes,
        "left": [_file_document(file) | {"reason": file.kept} for file in use.loose if file.kept],
        "removable": problem is None,
        "reason": None if problem is None else str(problem),
    }


def _file_document(file: LooseFile) -> Document:
    changed = plain(from_us(round(file.changed_s * 1e6)))
    return pick(file, "kind size_bytes") | {"file": file.path.name, "changed_at": changed}


def _removed_document(item: Removed) -> Document:
    return {
        "folder": str(item.folder),
        "files": [_file_document(file) for file in item.files],
        "freed_bytes": item.freed_bytes,
        "left": [_file_document(file) | {"reason": reason} for file, reason in item.left],
    }


def _lines(use: FolderUse) -> list[str]:
    lines = [f"{use.folder}: {disk_line([use])}"]
    if use.models:
        head = (tr("MODEL"), tr("SIZE"), tr("REMOVING IT FREES"))
        rows = [(clean_text(m.name, 120), gb(m.size_bytes), gb(m.freed_bytes)) for m in use.models]
        lines += ["", *aligned([head, *rows], {1, 2})]
    lines += [_waiting_line(item) for item in use.waiting]
    if use.orphans:
        lines += ["", tr("Belongs to no model:"), *(f"  {line}" for line in orphan_lines(use))]
    if kept := [file for file in use.loose if file.kept]:
        words = joined(f"{clean_text(file.path.name, 40)} ({file.kept})" for file in kept[:MOST_NAMED])
        lines.append(
            trn(
                "{count} other file is left: {names}",
                "{count} others are left: {names}",
                len(kept),
                names=words,
            )
        )
    problem = cannot_remove(use)
    if problem is not None and (use.orphans or use.unsure):
        lines.append(str(problem))
    elif use.orphans:
        lines.append(tr("'wattlight disk --remove-orphans' removes it."))
    return [*lines, ""]


def _waiting_line(item: KeptDownload) -> str:
    return tr(
        "{model} is not whole yet: {have} of {size} are here and wait for its download.",
        model=clean_text(item.model, 120),
        have=gb(item.have_bytes),
        size=gb(item.total_bytes),
    )


def _removed_lines(item: Removed) -> list[str]:
    return [removed_text(item), *(f"{file.path.name[:19]}…: {why}" for file, why in item.left[:MOST_NAMED])]
