"""The disk that models take, and removing the files that belong to none of them."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zlib import crc32

from wattlight.catalog.disk import (
    DiskProblem,
    FolderUse,
    LooseFile,
    cannot_look,
    digests_in_use,
    folder_use,
    hold_parts,
    identity_of,
)
from wattlight.catalog.download import kept_downloads
from wattlight.domain.values import from_us
from wattlight.i18n import clock_time, gb, short_date, tr, trn
from wattlight.store import MeterLock

MOST_ASKED = 6
"""Lines of a question."""
LOOK_AGAIN_S = 0.02
"""The manifests are read again for a removal when they were read longer ago."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed of a folder, and what was left with the reason."""

    folder: Path
    files: tuple[LooseFile, ...] = ()
    left: tuple[tuple[LooseFile, str], ...] = ()

    @property
    def freed_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def disk_use(folders: Iterable[Path], now: datetime) -> tuple[FolderUse, ...]:
    """What lies in each folder of models that is here; one that has several names is told once.

    Raises:
        DiskProblem: one of them cannot be looked into.
    """
    once = dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders)
    found = (folder_use(folder, now.timestamp(), kept_downloads(folder)) for folder in once)
    return tuple(use for use in found if use is not None)


def remove_orphans(
    listed: FolderUse, lock: MeterLock, now: Callable[[], datetime], in_use: Callable[[], bool] = bool
) -> Removed:
    """Remove the files of ``listed`` that still belong to no model and are what they were then.

    The folder is looked at anew under ``lock``, and its manifests again before each file, so that a model
    that came meanwhile keeps what it needs. ``in_use``: whether a pull of ours is under way.

    Raises:
        DiskProblem: nothing may be removed now; nothing was.
        LedgerProblem: the lock cannot be made.
    """
    if not lock.acquire():
        raise _pulling(
            tr("Another Wattlight works on the files of models."), tr("Try again when it is done.")
        )
    try:
        if in_use():
            raise _pulling(tr("A model is being downloaded."), tr("Try again when it is here."))
        again = folder_use(listed.folder, now().timestamp(), kept_downloads(listed.folder))
        if again is None:
            raise cannot_look(listed.folder, FileNotFoundError(2, os.strerror(2)))
        refusal = cannot_remove(again)
        if refusal is not None:
            raise refusal
        before = {file.path: file.identity for file in listed.orphans}
        wanted = [file for file in again.orphans if before.get(file.path) == file.identity]
        with ExitStack() as held:
            if not hold_parts(again.folder, held):
                raise _pulling(tr("A model is being downloaded."), tr("Try again when it is here."))
            # what holds the parts goes last, once it is let go: Windows removes no file that is open
            locks = [file for file in wanted if file.path.suffix == ".lock"]
            removed = _remove(again.folder, [file for file in wanted if file not in locks])
        after = _remove(again.folder, locks)
        return Removed(again.folder, removed.files + after.files, removed.left + after.left)
    finally:
        lock.release()


def cannot_remove(use: FolderUse) -> DiskProblem | None:
    """Why nothing of ``use`` can be removed now; None where it can."""
    if use.unsure:
        return DiskProblem(
            use.unsure, tr("Pull or remove the model that is damaged, then try again."), "unsure"
        )
    if use.not_ours:
        way = tr("An administrator can, too: sudo wattlight disk --remove-orphans")
        return DiskProblem(use.not_ours, way, "not_yours")
    if use.busy_until_s is not None:
        until = clock_time(from_us(round(use.busy_until_s * 1e6)))
        return _pulling(
            tr(
                "Files of {folder} changed less than an hour ago: a model may be on its way.",
                folder=use.folder,
            ),
            tr("Try again after {time}.", time=until),
        )
    return None


@dataclass(frozen=True, slots=True)
class DiskNote:
    """How the disk stands, for a page. ``question`` lists what would be removed, "" where nothing would;
    ``refusal`` is why not now. ``mark`` stands for what is listed."""

    line: str
    question: str = ""
    refusal: str = ""
    mark: int = 0
    uses: tuple[FolderUse, ...] = field(default=(), compare=False, repr=False)


def disk_note(folders: Iterable[Path], now: datetime) -> DiskNote | None:
    """None without any folder of models.

    Raises:
        DiskProblem: one of them cannot be looked into.
    """
    uses = disk_use(folders, now)
    if not uses:
        return None
    refusal = next((p for use in uses if use.orphans or use.unsure if (p := cannot_remove(use))), None)
    free = [use for use in uses if use.orphans and cannot_remove(use) is None]
    count, size = sum(len(use.orphans) for use in free), gb(sum(use.orphan_bytes for use in free))
    question = trn(
        "Remove {count} file ({size}) that belongs to no model?",
        "Remove {count} files ({size}) that belong to no model?",
        count,
        size=size,
    )
    listed = [line for use in free for line in orphan_lines(use, MOST_ASKED)]
    mark = crc32("\n".join(str(file.path) for use in free for file in use.orphans).encode(errors="replace"))
    return DiskNote(
        disk_line(uses),
        "\n".join((question, *listed)) if free else "",
        "" if refusal is None else str(refusal),
        mark,
        uses,
    )


def clean_up(note: DiskNote, lock: MeterLock, now: Callable[[], datetime], in_use: Callable[[], bool]) -> str:
    """Remove what ``note`` lists, as :func:`remove_orphans` does; a sentence about it.

    Raises:
        DiskProblem: nothing may be removed now.
    """
    free = [use for use in note.uses if use.orphans and cannot_remove(use) is None]
    return " ".join(removed_text(remove_orphans(use, lock, now, in_use)) for use in free)


def removed_text(removed: Removed) -> str:
    """ "3 files removed, 2.1 GB freed. 1 was left: it has changed."."""
    count, left = len(removed.files), removed.left
    text = trn(
        "{count} file removed, {size} freed.",
        "{count} files removed, {size} freed.",
        count,
        size=gb(removed.freed_bytes),
    )
    if not left:
        return text
    why = left[0][1]
    return f"{text} {trn('{count} was left: {why}.', '{count} were left: {why}.', len(left), why=why)}"


def disk_line(uses: Iterable[FolderUse]) -> str:
    """ "41.2 GB in 7 models, 3.1 GB belong to none"; "" without any folder."""
    known = tuple(uses)
    if not known:
        return ""
    count, loose = sum(len(use.models) for use in known), sum(use.orphan_bytes for use in known)
    size = gb(sum(use.used_bytes for use in known))
    text = trn("{size} in {count} model", "{size} in {count} models", count, size=size)
    if not any(use.orphans for use in known):
        return text
    return tr("{models}, {size} belong to none", models=text, size=gb(loose))


def orphan_lines(use: FolderUse, most: int = 20) -> list[str]:
    """What belongs to no model, a line for a file, the largest first; what is left goes into the last."""
    shown = use.orphans[:most]
    lines = [f"{file.path.name[:19]}…  {gb(file.size_bytes)}  {_what(file)}" for file in shown]
    if more := use.orphans[most:]:
        size = gb(sum(file.size_bytes for file in more))
        lines.append(trn("and {count} more, {size}", "and {count} more, {size}", len(more), size=size))
    return lines


def _what(file: LooseFile) -> str:
    day = short_date(from_us(round(file.changed_s * 1e6)).astimezone().date())
    if file.kind == "part":
        return tr("part of a download, {day}", day=day)
    return tr("file of a model that is gone, {day}", day=day)


def _pulling(message: str, next_step: str) -> DiskProblem:
    return DiskProblem(message, next_step, "pull_running")


def _remove(folder: Path, orphans: list[LooseFile]) -> Removed:
    done: list[LooseFile] = []
    left: list[tuple[LooseFile, str]] = []
    needed: frozenset[str] = frozenset()
    read_at = float("-inf")
    for index, file in enumerate(orphans):
        if time.monotonic() - read_at > LOOK_AGAIN_S:
            try:
                needed = digests_in_use(folder)
            except DiskProblem as problem:
                left += [(other, problem.message) for other in orphans[index:]]
                break
            read_at = time.monotonic()
        if file.kind == "file" and file.path.name.removeprefix("sha256-") in needed:
            left.append((file, tr("a model came that needs it")))
            continue
        try:
            if identity_of(file.path.lstat()) != file.identity:
                left.append((file, tr("it has changed")))
                continue
            file.path.unlink()
        except OSError as error:
            left.append((file, error.strerror or str(error)))
        else:
            done.append(file)
    return Removed(folder, tuple(done), tuple(left))
