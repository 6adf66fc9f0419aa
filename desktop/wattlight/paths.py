"""Where Wattlight's files live: the user's own, and those shipped in wheel or checkout."""

import errno
import io
import os
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import platformdirs

from wattlight import SHIPPED
from wattlight.domain import Problem, clean_text
from wattlight.i18n import tr

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_APP = "wattlight"
_BESIDE = ("", "-wal", "-shm", "-journal", ".reserve", ".suspect")
"""Files of ours, and what SQLite and the recorder keep beside them."""
_KEPT = (".replaced", ".corrupt-", ".before-v", ".bad")
_SMALL = {"learned.json", "tariff.json", "secrets.json", "managed-server.json", "budget-told.txt"}
_SMALL |= {"prompts.json", "pulls.json", "pulls.lock", "queue.lock"}


class PlacesError(Problem):
    """A folder cannot be named or made; the message says what the user can do."""

    code = "no_folder"


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute folders; nothing is created until :meth:`make` is called."""

    config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.json"

    @property
    def ledger_file(self) -> Path:
        return self.data / "ledger.sqlite3"

    @property
    def jobs_file(self) -> Path:
        """Small database shared by all processes: shapes, comparisons, jobs."""
        return self.data / "jobs.sqlite3"

    @property
    def learned_file(self) -> Path:
        """What was learned of the computer's draw while its battery drove it."""
        return self.data / "learned.json"

    @property
    def meter_lock(self) -> Path:
        """Whoever holds it records; everyone else reads."""
        return self.data / "meter.lock"

    @property
    def models_lock(self) -> Path:
        """Held while files of models are removed."""
        return self.data / "models.lock"

    @property
    def instance_lock(self) -> Path:
        """Held by the one tray of this user."""
        return self.data / "tray.lock"

    @property
    def log_file(self) -> Path:
        return self.state / "wattlight.log"

    def owns(self, file: Path) -> bool:
        """Whether ``file`` is one of ours, or would be: never a place for what a person writes elsewhere."""
        whole = Path(os.path.realpath(file))
        locks = (self.meter_lock, self.models_lock, self.instance_lock)
        own = (self.ledger_file, self.jobs_file, self.settings_file, *locks)
        for name in own:
            with suppress(OSError):
                if name.samefile(whole):  # another spelling, or a second name
                    return True
        folders = (self.data, self.config, self.state)
        if not any(_is_same(whole.parent, folder) for folder in folders):
            return False
        kept = tuple(name.name + end for name in own for end in _KEPT)
        beside = {name.name + end for name in own for end in _BESIDE}
        # as Windows opens it: in any case, without a colon and what follows, without dots at the end
        opened = whole.name.partition(":")[0].rstrip(". ").lower()
        return opened in beside | _SMALL or opened.startswith((*kept, self.log_file.stem + "."))

    def make(self, folder: Path) -> Path:
        """Create ``folder`` (mode 0700) if needed and return it.

        Raises:
            PlacesError: it cannot be created.
        """
        try:
            make_folder(folder)
        except OSError as error:
            raise PlacesError(
                tr("The folder {folder} cannot be created ({reason}).", folder=folder, reason=error.strerror),
                tr("Make it writable or set WATTLIGHT_HOME to a folder that is."),
            ) from error
        return folder


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == Path(os.path.realpath(other))


def places_for_user(environ: dict[str, str] | None = None) -> Places:
    """The folders of this user; ``WATTLIGHT_HOME`` puts all of them below one folder.

    An empty variable counts as unset (an empty HOME would give ``/.local/share``).

    Raises:
        PlacesError: the home folder is not known.
    """
    env = os.environ if environ is None else environ
    override = env.get("WATTLIGHT_HOME", "").strip()
    if override:
        root = Path(override).expanduser().absolute()
        return Places(root / "config", root / "data", root / "state", root / "cache", root / "run")
    dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        folders = [
            Path(p)
            for p in (
                dirs.user_config_dir,
                dirs.user_data_dir,
                dirs.user_state_dir,
                dirs.user_cache_dir,
                dirs.user_runtime_dir,
            )
        ]
    if not all(folder.is_absolute() for folder in folders) or env.get("HOME", "x") == "":
        raise PlacesError(
            tr("Your home folder is not known."), tr("Set HOME or WATTLIGHT_HOME and start again.")
        )
    return Places(*folders)


def open_regular(path: Path) -> BinaryIO:
    """A file to read. A pipe, which may have no other end, and a device, which may have none at all, are not
    opened.

    Raises:
        OSError: it is not there, not ours to read, or no regular file.
    """
    handle = os.open(path, os.O_RDONLY | _NOT_WAITING)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise OSError(errno.EINVAL, tr("not a regular file"))
    return os.fdopen(handle, "rb")


def read_small(path: Path, limit_bytes: int) -> bytes:
    """The first ``limit_bytes`` of a regular file (``OSError`` as in :func:`open_regular`)."""
    with open_regular(path) as stream:
        return stream.read(limit_bytes)


def open_own(path: Path, append: bool = False) -> BinaryIO:
    """A file of our own to write; a link that somebody put in its place is taken away, never followed.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_symlink():
        path.unlink()
    way = os.O_APPEND if append else os.O_TRUNC
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | way | _NOT_FOLLOWING, 0o600)
    return os.fdopen(handle, "ab" if append else "wb")


_NOT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOT_FOLLOWING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def free_name(file: Path) -> Path:
    """``file``, or with a number behind it that no file has (the first, where none was removed between):
    what is kept is never written over, and a thousand kept ones cost ten looks."""

    def numbered(n: int) -> Path:
        return file if n == 1 else file.with_name(f"{file.name}-{n}")

    taken, free = 0, 1
    while os.path.lexists(numbered(free)):
        taken, free = free, free * 2
    while free - taken > 1:
        between = (taken + free) // 2
        if os.path.lexists(numbered(between)):
            taken = between
        else:
            free = between
    return numbered(free)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this user alone, whatever the umask is.

    Raises:
        OSError: it cannot be made, or a file has its name.
    """
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


Refusal = Callable[[str, str], Problem]
"""The error of the caller's family, from what happened and what to do next."""


def _source(path: Path) -> AbstractContextManager[BinaryIO]:
    """The file, or the standard input, which stays open, for ``-``."""
    return nullcontext(sys.stdin.buffer) if str(path) == "-" else open_regular(path.expanduser())


def read_text(path: Path, limit_bytes: int, refusal: Refusal) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; ``-`` is the standard input.

    Raises:
        Problem: by ``refusal``, for a file that is missing, not ours to read, too large or no text.
    """
    with _refused(path, refusal):
        with _source(path) as stream:
            raw = stream.read(limit_bytes + 1)
        if len(raw) > limit_bytes:
            raise _too_large(path, refusal)
        return raw.decode("utf-8-sig")


@contextmanager
def _refused(path: Path, refusal: Refusal) -> Iterator[None]:
    """Says why the file at ``path`` cannot be read, by ``refusal``."""
    name = clean_text(str(path))
    try:
        yield
    except UnicodeDecodeError as error:
        raise refusal(tr("The file {name} is not text.", name=name), tr("Save it as UTF-8.")) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else tr("not a file name")
        raise refusal(
            tr("The file {name} cannot be read ({reason}).", name=name, reason=reason),
            tr("Check the name of the file."),
        ) from error


def _too_large(path: Path, refusal: Refusal) -> Problem:
    return refusal(tr("The file {name} is too large.", name=clean_text(str(path))), tr("Name another file."))


LONGEST_LINE = 100_000


@contextmanager
def text_lines(path: Path, limit_bytes: int, refusal: Refusal) -> Iterator[Iterator[str]]:
    """The lines of a file as :func:`read_text` reads it, one after another; ends of lines stay.

    Raises:
        Problem: as :func:`read_text`, also while they are read.
    """
    with _refused(path, refusal), _source(path) as raw:
        if str(path) != "-" and os.fstat(raw.fileno()).st_size > limit_bytes:
            raise _too_large(path, refusal)
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as stream:
            yield iter(lambda: stream.readline(LONGEST_LINE), "")


def asset(name: str) -> "Traversable":
    """The shipped file ``name`` ("catalog/models.json").

    Plain paths come first: importing ``importlib.resources`` takes 9 ms of CPU before the first icon.

    Raises:
        FileNotFoundError: it is not shipped.
    """
    for folder in SHIPPED:
        if (folder / name).is_file():
            return folder / name
    from importlib import resources

    packaged = resources.files("wattlight").joinpath("resources", *name.split("/"))
    if packaged.is_file():
        return packaged
    raise FileNotFoundError(f"Shipped file {name} is missing; install Wattlight again.")


def asset_text(name: str) -> str:
    return asset(name).read_text(encoding="utf-8")


def asset_bytes(name: str) -> bytes:
    return asset(name).read_bytes()


def write_whole(file: Path, data: bytes) -> None:
    """Write a file whose folder may be missing: a crash leaves the old or the new one, never a mixture.

    Raises:
        OSError: the folder is not writable or the disk is full; the old file is unchanged.
    """
    make_folder(file.parent)
    with replacing(file) as part, part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8) if sys.platform == "win32" else ()
"""Windows replaces no file that somebody reads at this moment: another process of ours, a virus scanner."""


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """An empty file of our own beside ``file`` (mode 0600) to write into; it takes the place of ``file`` at
    the end, and after an error ``file`` is as it was.

    Raises:
        OSError: the folder is not writable, or what has the name is no regular file.
    """
    import tempfile

    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, tr("not a regular file"))
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}-")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        for pause_s in _PAUSES_S:
            with suppress(PermissionError):
                part.replace(file)
                return
            time.sleep(pause_s)
        part.replace(file)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30
    """Windows locks are mandatory: a byte far beyond the text, so that others can read it."""

    def try_lock(stream: BinaryIO | FileIO) -> bool:
        """Take the lock of a small file that is open to write; False while another process has it."""
        stream.seek(_FAR)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(stream: BinaryIO | FileIO) -> None:
        stream.seek(_FAR)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(stream: BinaryIO | FileIO) -> bool:
        """Take the lock of a small file that is open to write; False while another process has it."""
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def unlock(stream: BinaryIO | FileIO) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_UN)
