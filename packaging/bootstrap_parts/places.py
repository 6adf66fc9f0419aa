"""The folder of the virtual environment: where it goes, whose it is, whether it is complete, who works on it.

Everything that cannot be is a :class:`StepError`.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from .say import StepError, say

CHECKOUT = Path(__file__).resolve().parents[2]
MARK = "made-by-wattlight"
STAMP = "wattlight-stamp.json"  # written last: what was cut short has none
ELSEWHERE = "Give another place with: --venv DIR"


def can_write(folder: Path) -> bool:
    """True when new files can be made in ``folder`` (a read-only mount says no, even to root)."""
    return os.access(folder, os.W_OK | os.X_OK)


def user_data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where this user's programs keep data; an empty variable counts as unset."""
    env = os.environ if environ is None else environ
    override = env.get("WATTLIGHT_HOME", "").strip()
    if override:
        return Path(override).absolute() / "data"
    variable, below = {
        "win32": ("LOCALAPPDATA", "AppData/Local"),
        "darwin": ("", "Library/Application Support"),
    }.get(sys.platform, ("XDG_DATA_HOME", ".local/share"))
    base = env.get(variable, "").strip()
    if not base:
        home = env.get("HOME", "").strip() or _home_of_account()
        base = str(Path(home, below)) if home else ""
    if not Path(base).is_absolute():
        raise StepError("Your home folder is not known, and the folder of Wattlight is read-only.", ELSEWHERE)
    return Path(base, "wattlight")


def _home_of_account() -> str:
    """The home that the system knows: empty for an account that has none."""
    if sys.platform == "win32":
        return os.path.expanduser("~")
    import pwd

    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_dir
    return ""


def venv_folder(asked: str | None, name: str = ".venv", checkout: Path = CHECKOUT) -> Path:
    """The folder of the virtual environment: as asked, in the checkout, or in the user's data folder."""
    if asked:
        return Path(asked).absolute()
    if can_write(checkout):
        return checkout / name
    key = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:10]
    return user_data_folder() / "environments" / (key + name)


def check_folder(folder: Path) -> None:
    """Refuse a place where no virtual environment can be."""
    if os.pathsep in str(folder):
        said = f"A virtual environment cannot lie in a folder with '{os.pathsep}' in its name: {folder}"
        raise StepError(said, ELSEWHERE)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = f"The folder {folder.parent} cannot be made ({error.strerror})."
        raise StepError(said, ELSEWHERE) from error
    if not can_write(folder.parent):
        raise StepError(f"The folder {folder.parent} is not writable.", ELSEWHERE)


def check_space(folder: Path, needed_bytes: int) -> None:
    """Refuse when the disk is too full: a half-unpacked Qt is worse than none."""
    free = shutil.disk_usage(folder.parent).free
    if free < needed_bytes:
        raise StepError(
            f"{free / 1e6:.0f} MB are free where {folder} would be; {needed_bytes / 1e6:.0f} MB are needed.",
            f"Nothing was changed. Make room and run again. {ELSEWHERE}",
        )


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def fingerprint(requirements: str, checkout: Path = CHECKOUT) -> str:
    """What an environment was made for: the locked list, this Python, this machine, this checkout."""
    parts = (requirements, sys.version, sys.base_prefix, platform.machine(), str(checkout))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _read(venv: Path) -> dict[str, object]:
    try:
        document = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _replace(venv: Path, document: dict[str, object]) -> None:
    fresh = (venv / STAMP).with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(document), encoding="utf-8")
    os.replace(fresh, venv / STAMP)


def is_complete(venv: Path, wanted: str) -> bool:
    """True when the environment was finished for exactly this and its interpreter is still there."""
    return _read(venv).get("fingerprint") == wanted and os.access(python_of(venv), os.X_OK)


def write_stamp(venv: Path, made_for: str) -> None:
    """Declare the environment complete (atomically)."""
    _replace(venv, {"fingerprint": made_for, "started": []})


def screens_tried(venv: Path) -> list[object]:
    """The keys of the screens on which a trial start went well before."""
    started = _read(venv).get("started")
    return started if isinstance(started, list) else []


def remember_start(venv: Path, display: str) -> None:
    """Note that a trial start went well; only saves a third of a second, so failing to write is fine."""
    with contextlib.suppress(OSError):
        _replace(venv, {**_read(venv), "started": [*screens_tried(venv), display][-8:]})


def claim(venv: Path) -> None:
    """Make the folder ours before anything is put into it."""
    venv.mkdir(parents=True, exist_ok=True)
    (venv / MARK).write_text("This folder is made and removed by packaging/bootstrap.py.\n", encoding="utf-8")


def check_ours(venv: Path) -> None:
    """Refuse to touch a folder that this program did not make."""
    if not os.path.lexists(venv) or (venv / MARK).is_file() or (venv.is_dir() and not any(venv.iterdir())):
        return
    step = "Move it away, or give another place with: --venv DIR"
    raise StepError(f"{venv} is there already and was not made by this command.", step)


def discard(venv: Path) -> None:
    """Delete an environment of ours; whatever cannot be deleted now is overwritten later."""
    if (venv / MARK).is_file():
        shutil.rmtree(venv, ignore_errors=True)
    elif venv.is_dir() and not any(venv.iterdir()):
        venv.rmdir()


@contextlib.contextmanager
def replaced(venv: Path) -> Iterator[None]:
    """Put an environment of ours aside for the time of the block; on any failure it comes back.

    A virtual environment cannot be used at another path, but it can return to its own.
    """
    aside = venv.with_name(venv.name + ".old")
    discard(aside)
    had_one = (venv / MARK).is_file()
    if had_one:
        os.replace(venv, aside)
    try:
        yield
    except BaseException:
        discard(venv)
        if had_one and not venv.exists():
            os.replace(aside, venv)
        raise
    discard(aside)


def _try_lock(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def held(
    venv: Path, limit_s: float = 1800, pause_s: float = 0.2, clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Hold a lock beside ``venv``, which a killed setup lets go; wait for another setup, and say so once."""
    path = venv.with_name(venv.name + ".lock")
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise StepError(f"{path} cannot be written ({error.strerror}).", ELSEWHERE) from error
    with file:
        begin_s = None
        while not _try_lock(file):
            if begin_s is None:
                say("Another setup in this folder is under way; waiting for it ...")
                begin_s = clock()
            if clock() - begin_s > limit_s:
                raise StepError("Another setup in the same folder does not end.", "End it, then run again.")
            time.sleep(pause_s)
        yield
