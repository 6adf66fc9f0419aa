"""``run``: set up if need be, then start the tray; without a screen, print what the tray would show."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import libraries, places, stamp, system_packages, trial
from .display import COMMAND_LINE, Displays, find_displays, wants_a_window
from .environment import child_environment
from .own_command import link_command, write_command
from .preparation import Plan, Wish, prepare
from .say import say

REQUIREMENTS = places.CHECKOUT / "packaging" / "requirements.lock"
SPACE_BYTES = 500_000_000
REPORT = (
    ("What this computer is", ["hardware"]),
    ("Models that fit it", ["recommend"]),
    ("What today cost", ["cost"]),
)


def run(wish: Wish) -> int:
    """Set up, then start; returns the exit code where the program does not take this process over.

    Raises:
        StepError: with what to do.
    """
    window = wants_a_window(wish.arguments)
    screen = find_displays() if window else Displays((), COMMAND_LINE)
    venv = places.venv_folder(wish.venv)
    prepare(venv, Plan(REQUIREMENTS, SPACE_BYTES, screen), wish)
    if write_command(venv) and wish.link:
        say(link_command(venv))
    if not window:
        return start(venv, wish.arguments)
    if screen.why_none:
        return report(venv, screen.why_none)
    if not stamp.started_with(venv, screen.key):
        check_window(venv, screen, wish)
    return start(venv, wish.arguments)


def check_window(venv: Path, screen: Displays, wish: Wish) -> None:
    """Trial start of a window on this screen, remembered when it went well.

    Raises:
        StepError: naming all missing libraries, or what Qt says.
    """
    lacking = libraries.missing(libraries.wanted(screen.platforms))
    system_packages.settle(lacking, (), False, wish.with_system, wish.again)
    problem = trial.try_window(venv)
    if problem is not None:
        raise problem
    stamp.remember_start(venv, screen.key)


def start(venv: Path, arguments: Sequence[str]) -> int:
    """Become the program (on Windows: run it and wait, since a process cannot be replaced there)."""
    command = [str(stamp.python_of(venv)), "-I", "-m", "wattlight", *arguments]
    if sys.platform == "win32":
        return subprocess.call(command, env=child_environment())
    sys.stdout.flush()
    return os.execve(command[0], command, child_environment())


def report(venv: Path, why: str) -> int:
    """Print hardware, recommendations and today's cost in place of a window; returns the worst exit code."""
    say(f"There is no screen to open a window on: {why}.")
    say("This is what the window would show. All verbs: " + f"{stamp.python_of(venv)} -m wattlight --help")
    worst = 0
    for title, arguments in REPORT:
        print(f"\n== {title} ==", flush=True)
        command = [str(stamp.python_of(venv)), "-I", "-m", "wattlight", *arguments]
        code = subprocess.call(command, env=child_environment(), stdin=subprocess.DEVNULL)
        worst = max(worst, abs(code))
    return worst
