"""The ``wattlight`` command that ``run`` leaves: in the environment, and linked where PATH looks."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .stamp import python_of


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
