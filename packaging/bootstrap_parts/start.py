"""``run``: set up if need be, leave a ``wattlight`` command, then start the tray; without a screen, print
what the tray would show."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import needs, places, screen
from .install import Plan, Wish, prepare
from .places import python_of
from .say import child_environment, say
from .screen import COMMAND_LINE, Displays, find_displays, wants_a_window

REQUIREMENTS = places.CHECKOUT / "packaging" / "requirements.lock"
SPACE_BYTES = 500_000_000
REPORT = (
    ("What this computer is", ["hardware"]),
    ("Models that fit it", ["recommend"]),
    ("What today cost", ["cost"]),
)


def run(wish: Wish) -> int:
    """Set up, then start; returns the exit code where the program does not take this process over."""
    window = wants_a_window(wish.arguments)
    displays = find_displays() if window else Displays((), COMMAND_LINE)
    venv = places.venv_folder(wish.venv)
    prepare(venv, Plan(REQUIREMENTS, SPACE_BYTES, displays), wish)
    if write_command(venv) and wish.link:
        say(link_command(venv))
    if not window:
        return start(venv, wish.arguments)
    if displays.why_none:
        return report(venv, displays.why_none)
    if displays.key not in places.screens_tried(venv):
        check_window(venv, displays, wish)
    return start(venv, wish.arguments)


def check_window(venv: Path, displays: Displays, wish: Wish) -> None:
    """Trial start of a window on this screen, remembered when it went well."""
    lacking = needs.missing(needs.wanted(displays.platforms))
    needs.settle(lacking, wish.with_system, wish.again)
    problem = screen.try_window(venv)
    if problem is not None:
        raise problem
    places.remember_start(venv, displays.key)


def start(venv: Path, arguments: Sequence[str]) -> int:
    """Become the program (on Windows: run it and wait, since a process cannot be replaced there)."""
    command = [str(python_of(venv)), "-I", "-m", "wattlight", *arguments]
    if sys.platform == "win32":
        return subprocess.call(command, env=child_environment())
    sys.stdout.flush()
    return os.execve(command[0], command, child_environment())


def report(venv: Path, why: str) -> int:
    """Print hardware, recommendations and today's cost in place of a window; returns the worst exit code."""
    say(f"There is no screen to open a window on: {why}.")
    say("This is what the window would show. All verbs: " + f"{python_of(venv)} -m wattlight --help")
    worst = 0
    for title, arguments in REPORT:
        print(f"\n== {title} ==", flush=True)
        command = [str(python_of(venv)), "-I", "-m", "wattlight", *arguments]
        code = subprocess.call(command, env=child_environment(), stdin=subprocess.DEVNULL)
        worst = max(worst, abs(code))
    return worst


def command_of(venv: Path) -> Path:
    """The command inside an environment; it holds the full path, so it works from any folder and link."""
    return python_of(venv).with_name("wattlight.cmd" if sys.platform == "win32" else "wattlight")


def write_command(venv: Path) -> bool:
    """Put the command into the environment; False when it was there already or cannot be written."""
    path = command_of(venv)
    if path.exists():
        return False
    if sys.platform == "win32":
        text = '@"%~dp0python.exe" -I -m wattlight %*\n'
    else:  # a shell script, since the first line of a Python script may hold no blank
        text = f'#!/bin/sh\nexec {shlex.quote(str(python_of(venv)))} -I -m wattlight "$@"\n'
    try:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        path.chmod(0o755)
    except OSError:
        return False
    return True


def link_command(venv: Path, environ: Mapping[str, str] | None = None) -> str:
    """Link the command into ``~/.local/bin`` where that is on PATH and free; what was done, in one line."""
    env = os.environ if environ is None else environ
    command, home, path = command_of(venv), env.get("HOME", ""), env.get("PATH", "")
    otherwise = f"Call Wattlight from any folder with: {quoted(command)}"
    if sys.platform == "win32" or not os.path.isabs(home):
        return otherwise
    link = Path(home, ".local", "bin", "wattlight")
    if str(link.parent) not in (part.rstrip("/") for part in path.split(os.pathsep)):
        return f"{otherwise} ({link.parent} is not on your PATH, so no link was made.)"
    if not (link.is_symlink() and link.resolve() == command.resolve()):
        other = str(link) if os.path.lexists(link) else shutil.which("wattlight", path=path)
        if other:
            return f"{otherwise} ({other} is another wattlight and was left as it is.)"
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(command)
        except OSError as error:
            return f"{otherwise} ({link} could not be made: {error.strerror}.)"
    if shutil.which("wattlight", path=path) != str(link):
        return f"{otherwise} (Another wattlight comes before {link} on your PATH.)"
    return f"The command 'wattlight' is linked in {link.parent}; delete {link} to be rid of it."


def quoted(command: Path) -> str:
    """The path as a shell of this system wants it."""
    return f'"{command}"' if sys.platform == "win32" else shlex.quote(str(command))
