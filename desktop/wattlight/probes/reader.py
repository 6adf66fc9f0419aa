"""The only way probes touch the machine: files, folders, links and ioctls below one root."""

# Plain strings: a Path costs more than the read it names, and this runs in every tick.
# ruff: noqa: PTH115, PTH116, PTH118, PTH119, PTH208

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

MAX_READ = 65536
"""Bytes read of any file at most: sysfs attributes are one page, process tables a few."""
MAX_LINKS = 40
MAX_KEPT = 512

Trace = Callable[[str], None]
"""Gets one line for every open, listing, ioctl and library load ("open /proc/meminfo")."""


class Reader:
    """Reads below ``root``; the real machine when ``root`` is None.

    Paths are those of the machine ("/sys/class/drm"). With a root, links are followed as after a
    chroot, so that nothing outside is ever opened, mode 0000 means "permission denied" even for root, and
    ioctl answers come from ``root/ioctl/*.bin``. Threads may read different paths at the same time.

    Every method may raise OSError except those that say otherwise.
    """

    def __init__(self, root: Path | None = None, trace: Trace | None = None) -> None:
        self._root = None if root is None else os.path.realpath(root)
        self._trace = trace
        self._kept: dict[str, int] = {}
        self._lock = threading.Lock()
        self.generation = 0
        """Grows with every :meth:`move`: what was found out of the files before is void."""

    @property
    def live(self) -> bool:
        """True when this is the real machine and not a tree of files."""
        return self._root is None

    def note(self, line: str) -> None:
        """Add a line to the trace (library loads)."""
        if self._trace is not None:
            self._trace(line)

    def move(self, root: Path) -> None:
        """Use another tree from now on: the later sample of the same machine."""
        self.close()
        self._root = os.path.realpath(root)
        self.generation += 1

    def read_bytes(self, path: str, limit: int = MAX_READ) -> bytes:
        """At most ``limit`` bytes of a file, opened and closed."""
        handle = self._open(path)
        try:
            parts = []
            while limit > 0 and (part := os.read(handle, limit)):
                parts.append(part)
                limit -= len(part)
            return b"".join(parts)
        finally:
            os.close(handle)

    def again(self, path: str, limit: int = 4096, opener: Callable[[], int] | None = None) -> bytes:
        """Like :meth:`read_bytes` for a file that is read at every tick: its descriptor is kept.

        ``opener`` opens what has no path on the real machine (a counter of the kernel, a stream); ``path`` is
        then its name, and where its recorded bytes lie in a tree.
        """
        handle = self._kept.get(path)
        stream = opener if self._root is None else None
        if handle is None:
            if stream is None:
                handle = self._open(path)
            else:
                self.note(f"open {path}")
                handle = stream()
            with self._lock:
                if len(self._kept) >= MAX_KEPT:
                    os.close(self._kept.pop(next(iter(self._kept))))
                self._kept[path] = handle
        try:
            return os.pread(handle, limit, 0) if stream is None else os.read(handle, limit)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EBUSY, errno.EPERM, errno.EACCES, errno.EINTR}:
                self.drop(path)
            raise

    def drop(self, prefix: str = "") -> None:
        """Close the kept descriptors of all paths that begin with ``prefix``."""
        with self._lock:
            for path in [p for p in self._kept if p.startswith(prefix)]:
                os.close(self._kept.pop(path))

    def text(self, path: str) -> str | None:
        """The stripped text of a file, None when it cannot be read. Never raises."""
        try:
            return self.read_bytes(path).decode("utf-8", "replace").strip()
        except (OSError, ValueError):
            return None

    def listdir(self, path: str) -> list[str]:
        """Names in a folder, sorted; empty when it is absent or closed. Never raises."""
        try:
            place = self._place(path)
            self.note(f"list {path}")
            return sorted(os.listdir(place))
        except (OSError, ValueError):
            return []

    def exists(self, path: str) -> bool:
        """Whether the path leads to something; nothing is opened. Never raises."""
        try:
            os.stat(self._place(path))
        except (OSError, ValueError):
            return False
        return True

    def is_mine(self, path: str) -> bool:
        """Whether it belongs to this account; in a tree everything does. Never raises."""
        try:
            return self._root is not None or os.stat(path).st_uid == os.geteuid()
        except OSError:
            return False

    def readlink(self, path: str) -> str | None:
        """The last part of a link's target ("amdgpu" of a driver link). Never raises."""
        try:
            head, _, tail = path.rpartition("/")
            return os.path.basename(os.readlink(os.path.join(self._place(head or "/"), tail)))
        except (OSError, ValueError):
            return None

    def ioctl(self, path: str, request: int, buffer: bytearray, answer: str = "") -> bool:
        """Run an ioctl on a device file; ``buffer`` is changed in place.

        With a root nothing is run and False is returned: use :meth:`canned` there.
        """
        if self._root is not None:
            return False
        import fcntl

        self.note(f"ioctl {path} {answer}".rstrip())
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(handle, request, buffer, True)
        finally:
            os.close(handle)
        return True

    def canned(self, *names: str) -> bytes | None:
        """The first recorded ioctl answer of these names in a tree, None if there is none. Never raises."""
        for name in names if self._root is not None else ():
            try:
                return self.read_bytes(f"/ioctl/{name}.bin")
            except (OSError, ValueError):
                continue
        return None

    def close(self) -> None:
        """Close what is kept open; the reader can be used again."""
        self.drop()

    def _open(self, path: str) -> int:
        place = self._place(path)
        self.note(f"open {path}")
        if self._root is not None:
            found = os.stat(place)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EISDIR, "not a plain file", path)
            if not found.st_mode & 0o444:
                raise PermissionError(errno.EACCES, "permission denied", path)
        return os.open(place, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))

    def _place(self, path: str) -> str:
        """Where a path of the machine lies; with a root, links are resolved within it."""
        if "\0" in path:
            raise OSError(errno.EINVAL, "zero byte in a path", path)
        return path if self._root is None else self._inside(path)

    def _inside(self, path: str) -> str:
        assert self._root is not None
        todo = [part for part in path.split("/") if part not in {"", "."}][::-1]
        at: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del at[-1:]
                continue
            here = os.path.join(self._root, *at, part)
            mode = os.lstat(here).st_mode
            if stat.S_ISLNK(mode):
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, "too many links", path)
                target = os.readlink(here)
                if target.startswith("/"):
                    at = []
                todo += [p for p in target.split("/") if p not in {"", "."}][::-1]
                continue
            if stat.S_ISDIR(mode) and not mode & 0o111:
                raise PermissionError(errno.EACCES, "permission denied", path)
            at.append(part)
        return os.path.join(self._root, *at)
