"""Where the virtual environment goes, and what can be wrong with that place."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .say import StepError

CHECKOUT = Path(__file__).resolve().parents[2]
_LEAVE = "Give another place with: --venv DIR"


def can_write(folder: Path) -> bool:
    """True when new files can be made in ``folder`` (a read-only mount says no, even to root)."""
    return os.access(folder, os.W_OK | os.X_OK)


def user_data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where this user's programs keep data; an empty variable counts as unset.

    Raises:
        StepError: the home folder is not known.
    """
    env = os.environ if environ is None else environ
    override = env.get("WATTLIGHT_HOME", "").strip()
    if override:
        return Path(override).absolute() / "data"
    if sys.platform == "win32":
        base = env.get("LOCALAPPDATA", "").strip()
    elif sys.platform == "darwin":
        base = ""
    else:
        base = env.get("XDG_DATA_HOME", "").strip()
    if not base:
        home = env.get("HOME", "").strip() or _home_of_account()
        below = {"win32": "AppData/Local", "darwin": "Library/Application Support"}
        base = str(Path(home) / below.get(sys.platform, ".local/share")) if home else ""
    folder = Path(base)
    if not base or not folder.is_absolute():
        raise StepError(
            "Your home folder is not known, and the folder of Wattlight is read-only.",
            _LEAVE,
        )
    return folder / "wattlight"


def _home_of_account() -> str:
    try:
        import pwd
    except ImportError:
        return os.path.expanduser("~")
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
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
    """Refuse a place where no virtual environment can be.

    Raises:
        StepError: with what to do.
    """
    if os.pathsep in str(folder):
        raise StepError(
            f"A virtual environment cannot lie in a folder with '{os.pathsep}' in its name: {folder}", _LEAVE
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StepError(f"The folder {folder.parent} cannot be made ({error.strerror}).", _LEAVE) from error
    if not can_write(folder.parent):
        raise StepError(f"The folder {folder.parent} is not writable.", _LEAVE)


def check_space(folder: Path, needed_bytes: int) -> None:
    """Refuse when the disk is too full: a half-unpacked Qt is worse than none.

    Raises:
        StepError: with both figures.
    """
    free = shutil.disk_usage(folder.parent).free
    if free < needed_bytes:
        raise StepError(
            f"{free / 1e6:.0f} MB are free where {folder} would be; {needed_bytes / 1e6:.0f} MB are needed.",
            f"Nothing was changed. Make room and run again. {_LEAVE}",
        )
