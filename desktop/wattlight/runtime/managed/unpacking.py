"""Unpacks a tar.zst that may be hostile: nothing is written outside its folder, nothing beyond its size.

The file was hashed before, so this is a second line of defence. Every member is checked before anything
of it is written: no absolute paths, no "..", no links that leave the folder, no devices, no second member
of a name, no setuid bits; nothing is ever written through a link.
"""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from threading import Event
from typing import IO

from wattlight.i18n import tr

from ..problems import RuntimeProblem
from .fetching import cancelled, disk_problem

MAX_MEMBERS = 20_000
MAX_WINDOW = 1 << 27
"""zstd's own limit for archives made without --long: 128 MiB of memory."""
_PIECE = 1 << 20
_RECORD_BYTES = 1 << 20
"""An entry's own records (long names, pax headers) are far smaller; tarfile keeps them in memory whole."""


class _Refused(Exception):
    pass


class _Capped:
    """Reads a decompressed stream up to a limit."""

    def __init__(self, stream: IO[bytes], limit: int, cancel: Event) -> None:
        self._stream = stream
        self._left = limit
        self._member_left = 0
        self._cancel = cancel

    def expect(self, size: int) -> None:
        """``size`` bytes may be read next, and what is read ahead."""
        self._member_left = size + 2 * _PIECE

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes."""
        if self._cancel.is_set():
            raise cancelled()
        data = self._stream.read(size)
        self._left -= len(data)
        self._member_left -= len(data)
        if self._left < 0 or self._member_left < 0:
            raise _Refused(tr("it is larger than it may be"))
        return data


def unpack(
    archive: Path,
    into: Path,
    limit_bytes: int,
    cancel: Event,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> int:
    """Unpack ``archive`` into the folder ``into`` and return how many bytes of files came out.

    ``limit_bytes`` caps all that comes out, with 1 % and 1 MiB for the archive's own records.
    ``on_bytes`` hears how much has been written. After an error the folder holds a part; the caller
    throws it away.

    Raises:
        RuntimeProblem: ``bad_archive``, ``no_room`` or ``cancelled``.
    """
    import zstandard

    limit = limit_bytes + limit_bytes // 100 + (1 << 20)
    try:
        with archive.open("rb") as raw:
            reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(
                raw, read_across_frames=True
            )
            capped = _Capped(reader, limit, cancel)
            capped.expect(_RECORD_BYTES)
            with tarfile.open(fileobj=capped, mode="r|", bufsize=_PIECE) as tar:  # type: ignore[call-overload]  # read is all it uses
                return _Unpacker(into, on_bytes).take(tar, capped)
    except (_Refused, tarfile.TarError, zstandard.ZstdError, EOFError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Refused) else tr("it is damaged or cut off")
        raise RuntimeProblem(
            tr("The archive was not unpacked, because {reason}.", reason=reason),
            tr("Nothing was changed; try again, or install Ollama as its own web page says."),
            "bad_archive",
        ) from error
    except OSError as error:
        raise disk_problem(error, into, limit_bytes) from error


class _Unpacker:
    def __init__(self, root: Path, on_bytes: Callable[[int], None]) -> None:
        self._root = root
        self._on_bytes = on_bytes
        self._folders = {PurePosixPath(): root}
        self._files: set[PurePosixPath] = set()
        self._written = 0

    def take(self, tar: tarfile.TarFile, capped: _Capped) -> int:
        for number, member in enumerate(tar):
            capped.expect(_RECORD_BYTES + (member.size if member.isreg() else 0))
            if number >= MAX_MEMBERS:
                raise _Refused(tr("it has too many files"))
            name = _safe(member.name)
            if member.isdir():
                self._folder(name)
            elif member.issym():
                self._symlink(name, member.linkname)
            elif member.islnk():
                self._hard_link(name, _safe(member.linkname))
            elif member.isreg() and not member.issparse():  # a hole is no byte of the archive
                self._file(name, tar, member)
            else:
                raise _Refused(tr("it contains a device or something else that is no file"))
        self._sync()
        return self._written

    def _folder(self, name: PurePosixPath) -> Path:
        """The folder, made if need be, never through a link."""
        known = self._folders.get(name)
        if known is not None:
            return known
        path = self._folder(name.parent) / name.name
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            raise _Refused(tr("two of its entries have one name")) from None
        self._folders[name] = path
        return path

    def _new(self, name: PurePosixPath) -> Path:
        if not name.name:
            raise _Refused(tr("an entry has no name"))
        return self._folder(name.parent) / name.name

    def _file(self, name: PurePosixPath, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._new(name)
        source = tar.extractfile(member)
        if source is None:
            raise _Refused(tr("an entry cannot be read"))
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        )
        try:
            handle = os.open(path, flags, 0o755 if member.mode & 0o111 else 0o644)
        except FileExistsError:
            raise _Refused(tr("two of its entries have one name")) from None
        with os.fdopen(handle, "wb", buffering=0) as target:
            shutil.copyfileobj(source, target, _PIECE)
            if target.tell() != member.size:
                raise _Refused(tr("it is cut off"))
        self._written += member.size
        self._files.add(name)
        self._on_bytes(self._written)

    def _symlink(self, name: PurePosixPath, target: str) -> None:
        path = self._new(name)
        parts = PurePosixPath(target).parts
        ups = 0
        while ups < len(parts) and parts[ups] == "..":
            ups += 1
        if not target or target.startswith("/") or "\\" in target or "\0" in target or ".." in parts[ups:]:
            raise _Refused(tr("a link in it leads elsewhere"))
        if ups > len(name.parent.parts):
            raise _Refused(tr("a link in it leads out of its folder"))
        try:
            path.symlink_to(PurePosixPath(*parts))
        except FileExistsError:
            raise _Refused(tr("two of its entries have one name")) from None

    def _hard_link(self, name: PurePosixPath, target: PurePosixPath) -> None:
        if target not in self._files:
            raise _Refused(tr("a link in it leads to something it does not contain"))
        path = self._new(name)
        try:
            path.hardlink_to(self._folders[target.parent] / target.name)
        except FileExistsError:
            raise _Refused(tr("two of its entries have one name")) from None
        self._files.add(name)

    def _sync(self) -> None:
        """Everything on the disk before the folder gets its name; folders last."""
        for name in self._files:
            sync_path(self._folders[name.parent] / name.name)
        for path in reversed(list(self._folders.values())):
            sync_path(path)


def sync_path(path: Path) -> None:
    """Bring a file or folder to the disk; where the system cannot do that for folders, nothing.

    Windows does it only for those who may write, and never for a folder.
    """
    try:
        handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _safe(name: str) -> PurePosixPath:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    bad = name.startswith("/") or "\\" in name or "\0" in name or ".." in parts
    if (
        bad
        or any(":" in part or len(part.encode(errors="replace")) > 255 for part in parts)
        or len(name) > 1000
    ):
        raise _Refused(tr("an entry of it would be written elsewhere"))
    return PurePosixPath(*parts)
