"""What lies in a server's folder of models: the files of each model, and those that belong to none."""

import errno
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import open_own, read_small, try_lock

from .installed import PARTS
from .registry import MAX_MANIFEST_BYTES, ModelAddress, RegistryProblem, parse_manifest

if TYPE_CHECKING:
    from .download import KeptDownload

GRACE_S = 3600.0
"""What changed less than so long ago may be part of a pull; the server's own clearing up waits as long."""
_AHEAD_S = 86_400.0
_DIGEST = re.compile(rb"sha256[:-]([0-9a-f]{64})")
_BLOB = re.compile(r"sha256-([0-9a-f]{64})")
_PART = re.compile(r"sha256-[0-9a-f]{64}-partial(?:-[0-9]+)?")
_OWN_PART = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:part|json|lock|new))?")
_NOTE = re.compile(r"model-[0-9a-f]{16}\.json")
_LISTS = frozenset({"manifests", "manifests-v2"})
"""Folders that servers keep the lists of their models' files in."""
_OF_DESKTOPS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_DEPTH = 4
"""host/namespace/model/tag"""


class DiskProblem(Problem):
    """A folder of models cannot be cleared up now; nothing was removed."""

    code = "disk"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """``size_bytes`` of its files, each once; ``freed_bytes`` of those that no other model uses."""

    name: str
    size_bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class LooseFile:
    """A file that belongs to no model. ``kind``: ``file`` of a model, ``part`` of a download, or ``other``.

    ``size_bytes`` is what it takes on the disk; ``kept`` says why it is left where it is, "" if it need not.
    """

    path: Path
    kind: str
    size_bytes: int
    changed_s: float
    identity: tuple[int, ...]
    """What tells whether it is still the same file."""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class FolderUse:
    """``used_bytes`` of the models' files, each once. ``unsure``: why no file here is taken for an orphan;
    ``not_ours``: why none may be removed from this account."""

    folder: Path
    models: tuple[ModelFiles, ...] = ()
    used_bytes: int = 0
    waiting: "tuple[KeptDownload, ...]" = ()
    """Downloads of our own that have not ended; what has arrived of them is no orphan."""
    loose: tuple[LooseFile, ...] = ()
    unsure: str = ""
    not_ours: str = ""
    busy_until_s: float | None = None
    """Until then a file that changed lately may be part of a pull (seconds since 1970); None: quiet."""

    @property
    def orphans(self) -> tuple[LooseFile, ...]:
        """What belongs to no model and need not be left, the largest first."""
        found = () if self.unsure else (file for file in self.loose if not file.kept)
        return tuple(sorted(found, key=lambda file: (-file.size_bytes, file.path.name)))

    @property
    def orphan_bytes(self) -> int:
        return sum(file.size_bytes for file in self.orphans)


def folder_use(folder: Path, now_s: float, waiting: "tuple[KeptDownload, ...]" = ()) -> FolderUse | None:
    """What lies in ``folder``; None where there is no folder of models. Reads names and manifests alone.

    ``waiting``: downloads of our own whose parts are in it.

    Raises:
        DiskProblem: it cannot be looked into.
    """
    blobs = folder / "blobs"
    try:
        if not blobs.is_dir():
            return None
        owner = blobs.stat().st_uid
        files, parts = _files(blobs), _own_parts(folder)
    except OSError as error:
        raise cannot_look(folder, error) from error
    names = Counter((i.st_dev, i.st_ino) for i in (*files.values(), *parts.values()))
    used, unsure = _in_use(folder)
    users = Counter(digest for digests in used.values() for digest in digests)
    sizes = {digest: _size(blobs / f"sha256-{digest}", files.get(f"sha256-{digest}")) for digest in users}
    models = tuple(
        ModelFiles(
            name,
            sum(sizes[digest] for digest in digests),
            sum(sizes[digest] for digest in digests if users[digest] == 1),
        )
        for name, digests in sorted(used.items())
    )
    unused = {
        blobs / name: info
        for name, info in sorted(files.items())
        if name.removeprefix("sha256-") not in users and name not in _OF_DESKTOPS
    }
    needed = {layer.digest.partition(":")[2] for download in waiting for layer in download.layers}
    unused |= {
        folder / PARTS / name: info for name, info in sorted(parts.items()) if not _waits(name, needed)
    }
    loose = tuple(
        _loose(path, info, owner, now_s, info.st_nlink > names[info.st_dev, info.st_ino])
        for path, info in unused.items()
    )
    young = [file.changed_s for file in loose if now_s - GRACE_S < file.changed_s <= now_s + _AHEAD_S]
    busy = max(young) + GRACE_S if young else None
    return FolderUse(
        folder, models, sum(sizes.values()), waiting, loose, unsure, _not_ours(blobs, owner), busy
    )


def digests_in_use(folder: Path) -> frozenset[str]:
    """SHA-256 of all files that models in ``folder`` use, as its manifests say now.

    Raises:
        DiskProblem: that cannot be told (code ``unsure``).
    """
    used, unsure = _in_use(folder)
    if unsure:
        raise DiskProblem(unsure, code="unsure")
    return frozenset(digest for digests in used.values() for digest in digests)


def hold_parts(folder: Path, held: ExitStack) -> bool:
    """Keep pulls of our own from the parts in ``folder`` until ``held`` is closed; False where one runs."""
    for lock in sorted((folder / PARTS).glob("*.lock")):
        if not try_lock(held.enter_context(open_own(lock, append=True))):
            return False
    return True


def identity_of(info: os.stat_result) -> tuple[int, ...]:
    """What changes when a file is written or replaced."""
    return info.st_mode, info.st_size, info.st_mtime_ns


def cannot_look(folder: Path, error: OSError) -> DiskProblem:
    return DiskProblem(
        tr("The folder {folder} cannot be looked into ({reason}).", folder=folder, reason=error.strerror),
        tr("Check that its disk is there, and whose it is."),
        "no_folder",
    )


def _files(folder: Path) -> dict[str, os.stat_result]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}


def _waits(name: str, needed: set[str]) -> bool:
    """Whether a file of our own folder is for a download that has not ended, or a note of one."""
    part = _OWN_PART.fullmatch(name)
    return part[1] in needed if part else _NOTE.fullmatch(name) is not None


def _own_parts(folder: Path) -> dict[str, os.stat_result]:
    """What pulls of our own have left; none where there is no such folder, or a link in its place."""
    parts = folder / PARTS
    return _files(parts) if parts.is_dir() and not parts.is_symlink() else {}


def _in_use(folder: Path) -> tuple[dict[str, frozenset[str]], str]:
    """The digests of each model, and why they may not be all ("" if they are)."""
    used: dict[str, frozenset[str]] = {}
    doubts = []
    if (folder / "blobs").is_symlink():
        doubts.append(tr("Its files lie in a folder that others may share."))
    try:
        lists = {entry.name for entry in folder.iterdir() if entry.name.startswith("manifests")}
        if not lists or lists - _LISTS:
            doubts.append(tr("How it keeps the lists of its models' files is not known here."))
        for name, file in itertools.chain.from_iterable(
            _manifests(folder / known) for known in sorted(lists)
        ):
            raw = read_small(file, MAX_MANIFEST_BYTES + 1)
            found = {sha256(raw).hexdigest(), *(digest.decode() for digest in _DIGEST.findall(raw))}
            used[name] = used.get(name, frozenset()) | found
            try:
                parse_manifest(raw)
            except RegistryProblem:
                doubts.append(tr("The list of files of {name} is damaged.", name=clean_text(name, 120)))
    except OSError as error:
        reason = error.strerror or str(error)
        doubts.append(tr("The lists of its models' files cannot be read ({reason}).", reason=reason))
    unsure = (
        tr("{why} So no file is taken for one that belongs to no model.", why=doubts[0]) if doubts else ""
    )
    return used, unsure


def _manifests(folder: Path, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Path]]:
    """Name and file of each manifest; folders that lie deeper than any the server reads are an error."""
    for file in sorted(folder.iterdir()):
        parts = (*above, file.name)
        if file.name in _OF_DESKTOPS or file.name.startswith("._"):
            continue
        if file.is_dir():
            if len(parts) == _DEPTH:
                raise NotADirectoryError(errno.ENOTDIR, tr("a folder in place of a file"))
            yield from _manifests(file, parts)
        else:
            yield str(ModelAddress(*parts)) if len(parts) == _DEPTH else "/".join(parts), file


def _size(path: Path, info: os.stat_result | None) -> int:
    """Of a model's file; what a link leads to counts, what is missing does not."""
    try:
        return 0 if info is None else path.stat().st_size if stat.S_ISLNK(info.st_mode) else info.st_size
    except OSError:
        return 0


def _loose(path: Path, info: os.stat_result, owner: int, now_s: float, linked: bool) -> LooseFile:
    ours = path.parent.name == PARTS
    kind = "file" if _BLOB.fullmatch(path.name) and not ours else "other"
    if (_OWN_PART if ours else _PART).fullmatch(path.name):
        kind = "part"
    changed_s = max(info.st_mtime, info.st_ctime)
    kept = ""
    if not stat.S_ISREG(info.st_mode):
        kept = tr("a link") if stat.S_ISLNK(info.st_mode) else tr("not a file")
    elif kind == "other":
        kept = tr("not named like a file of a model")
    elif linked:
        kept = tr("has a second name elsewhere")
    elif info.st_uid != owner:
        kept = tr("belongs to another account")
    elif changed_s > now_s + _AHEAD_S:
        kept = tr("its date lies ahead")
    # a part is as long as the whole file from its first byte on, and takes only what has arrived
    taken = min(info.st_size, getattr(info, "st_blocks", info.st_size) * 512)
    return LooseFile(path, kind, taken, changed_s, identity_of(info), kept)


def _not_ours(blobs: Path, owner: int) -> str:
    account = os.geteuid() if hasattr(os, "geteuid") else owner
    if account in {0, owner} and os.access(blobs, os.W_OK | os.X_OK):
        return ""
    return tr("Its files belong to the account that the server runs as; that account can remove them.")
