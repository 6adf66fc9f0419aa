"""The trial start: a child that does what the program will do first. Qt aborts where it cannot start,
which no program can catch in itself."""

import re
import subprocess
from pathlib import Path

from .environment import child_environment
from .say import StepError
from .stamp import python_of

IMPORTS = "import wattlight, ollama, httpx, psutil, pynvml, platformdirs, babel, tzlocal"
WINDOW = "from PySide6.QtWidgets import QApplication; print(QApplication([]).platformName())"


def _child(venv: Path, code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(python_of(venv)), "-I", "-c", code],
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


def try_imports(venv: Path) -> None:
    """Load the program and its libraries, without Qt's window parts.

    Raises:
        StepError: what was installed does not load here.
    """
    try:
        done = _child(venv, IMPORTS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(
            f"The new environment does not start: {error}", "Give another place with: --venv DIR"
        ) from error
    if done.returncode != 0:
        raise explain_import(done.stderr)


def explain_import(stderr: str) -> StepError:
    """What a failed import means."""
    last = (stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
    if "failed to map segment" in stderr:
        return StepError(
            "This disk does not allow programs to run from it (mounted noexec).",
            "Give a place on another disk with: --venv DIR",
        )
    return StepError(f"What was installed does not load: {last}", "Run again; if it stays so, report it.")


def try_window(venv: Path) -> StepError | None:
    """Start Qt on the present screen and stop; None when that went well, else why not."""
    try:
        done = _child(venv, WINDOW)
    except (OSError, subprocess.TimeoutExpired) as error:
        return StepError(
            f"A trial start of the window did not end: {error}", "Run again; if it stays so, report it."
        )
    return None if done.returncode == 0 else explain_window(done.stderr)


def explain_window(stderr: str) -> StepError:
    """What Qt's own words mean. Its line about xcb-cursor comes with every failure of X11: not believed."""
    library = re.search(r"ImportError: ([^\s:]+\.so[.\d]*): cannot open shared object", stderr)
    if library:
        return StepError(
            f"The system library {library[1]} is missing.",
            "Install the package that holds it, then run again.",
        )
    if "could not connect to display" in stderr or "Failed to create wl_display" in stderr:
        return StepError(
            "There is a screen, but this account may not use it.",
            "Run as the user who is logged in at the screen (not through su or sudo).",
        )
    lines = [line for line in stderr.strip().splitlines() if line.strip() and "xcb-cursor0" not in line]
    return StepError(
        f"The window system does not start: {(lines or ['Qt said nothing'])[-1][:300]}",
        "Log in at a desktop and run again, or use the command line: wattlight --help",
    )
