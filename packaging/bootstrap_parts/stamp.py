"""The stamp says that an environment is complete; it is written last, so anything cut short has none."""

import hashlib
import json
import os
import platform
import shutil
import sys
from pathlib import Path

from .places import CHECKOUT
from .say import StepError

MARK = "made-by-wattlight"
STAMP = "wattlight-stamp.json"


def fingerprint(requirements: str, checkout: Path = CHECKOUT) -> str:
    """What an environment was made for: the locked list, this Python, this machine, this checkout."""
    parts = (requirements, sys.version, sys.base_prefix, platform.machine(), str(checkout))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _read(venv: Path) -> dict[str, object]:
    try:
        document = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def is_complete(venv: Path, wanted: str) -> bool:
    """True when the environment was finished for exactly this and its interpreter is still there."""
    return _read(venv).get("fingerprint") == wanted and os.access(python_of(venv), os.X_OK)


def write_stamp(venv: Path, made_for: str) -> None:
    """Declare the environment complete (atomically)."""
    _replace(venv / STAMP, {"fingerprint": made_for, "started": []})


def started_with(venv: Path, display: str) -> bool:
    """True when a trial start on this display went well before."""
    started = _read(venv).get("started")
    return isinstance(started, list) and display in started


def remember_start(venv: Path, display: str) -> None:
    """Note that a trial start went well; only saves a third of a second, so failing to write is fine."""
    document = _read(venv)
    started = document.get("started")
    known = started if isinstance(started, list) else []
    try:
        _replace(venv / STAMP, {**document, "started": [*known, display][-8:]})
    except OSError:
        pass


def _replace(path: Path, document: dict[str, object]) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(document), encoding="utf-8")
    os.replace(fresh, path)


def claim(venv: Path) -> None:
    """Make the folder ours before anything is put into it."""
    venv.mkdir(parents=True, exist_ok=True)
    (venv / MARK).write_text("This folder is made and removed by packaging/bootstrap.py.\n", encoding="utf-8")


def check_ours(venv: Path) -> None:
    """Refuse to touch a folder that this program did not make.

    Raises:
        StepError: the folder holds something else.
    """
    if not venv.exists() and not venv.is_symlink():
        return
    if (venv / MARK).is_file() or (venv.is_dir() and not any(venv.iterdir())):
        return
    raise StepError(
        f"{venv} is there already and was not made by this command.",
        "Move it away, or give another place with: --venv DIR",
    )


def discard(venv: Path) -> None:
    """Delete an environment of ours; whatever cannot be deleted now is overwritten later."""
    if (venv / MARK).is_file():
        shutil.rmtree(venv, ignore_errors=True)
    elif venv.is_dir() and not any(venv.iterdir()):
        venv.rmdir()
