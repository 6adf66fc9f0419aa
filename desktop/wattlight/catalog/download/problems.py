"""What can go wrong with a download of our own, in words."""

import errno
from pathlib import Path

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import gb, tr


class DownloadProblem(Problem):
    """A download ended; what has arrived is kept, and nothing that was installed changed."""

    code = "download"


class AlreadyPulled(DownloadProblem):
    """Another process of ours fetches the same file."""

    code = "already_pulled"

    def __init__(self) -> None:
        super().__init__(
            tr("Another Wattlight is downloading a part of this model."),
            tr("Wait until it is done, or stop it there."),
        )


def mismatch(model: str) -> DownloadProblem:
    return DownloadProblem(
        tr("What arrived for {model} is damaged, so it was not installed.", model=clean_text(model, 120)),
        tr("Pull it again; if that fails too, try another network."),
        "digest_mismatch",
    )


def no_room(folder: Path, need_bytes: int, free_bytes: int) -> DownloadProblem:
    return DownloadProblem(
        tr(
            "There is not enough room in {folder}: {need} are needed, {free} are free.",
            folder=clean_text(str(folder)),
            need=gb(need_bytes),
            free=gb(free_bytes),
        ),
        tr("Free some space and try again: what has arrived is kept."),
        "no_room",
    )


def disk_problem(error: OSError, folder: Path) -> DownloadProblem:
    """What an error of the disk means."""
    where = clean_text(str(folder))
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DownloadProblem(
            tr("There is no room left in {folder}.", folder=where),
            tr("Free some space and try again: what has arrived is kept."),
            "no_room",
        )
    if error.errno == errno.EFBIG:
        return DownloadProblem(
            tr("The file system of {folder} cannot hold a file as large as this model.", folder=where),
            tr("Put the folder of models (OLLAMA_MODELS) on a disk with NTFS, APFS, ext4 or exFAT."),
            "file_too_large",
        )
    return DownloadProblem(
        tr("The folder {folder} cannot be used ({reason}).", folder=where, reason=error.strerror or error),
        tr("Make it writable and try again."),
        "no_folder",
    )
