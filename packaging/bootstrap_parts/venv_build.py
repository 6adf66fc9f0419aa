"""Makes the virtual environment: always afresh, with the old one put aside until the new one has started."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import pip_run
from .environment import child_environment
from .places import CHECKOUT
from .say import StepError, say
from .stamp import MARK, claim, discard, python_of


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into an environment."""

    requirements: Path
    wheels: Path | None
    fetched: str = "once; about 100 MB to fetch"


def pip_wheel(wheels: Path | None) -> Path | None:
    """A wheel of pip in the folder of wheels: runs from there, for a Python without ensurepip."""
    if wheels is None:
        return None
    return next(iter(sorted(wheels.glob("pip-*-py3-none-any.whl"), reverse=True)), None)


def own_pip_is_usable() -> bool:
    """True when this Python's own pip can install into another environment (``--python``, since 22.3)."""
    if importlib.util.find_spec("pip") is None:
        return False
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = re.match(r"(\d+)\.(\d+)", version("pip"))
    except PackageNotFoundError:
        return False
    return found is not None and (int(found[1]), int(found[2])) >= (22, 3)


def pip_for(venv: Path, with_ensurepip: bool, wheels: Path | None) -> list[str]:
    """How to call pip for ``venv``: its own, or one from outside that is pointed at it."""
    python = str(python_of(venv))
    if with_ensurepip:
        return [python, "-I", "-m", "pip"]
    wheel = pip_wheel(wheels)
    if wheel is not None:
        return [sys.executable, "-I", str(wheel / "pip"), "--python", python]
    return [sys.executable, "-I", "-m", "pip", "--python", python]


def make_venv(venv: Path, with_ensurepip: bool) -> None:
    """Run the standard library's venv (on a half-made folder it repairs it).

    Raises:
        StepError: with its own last line.
    """
    command = [sys.executable, "-I", "-m", "venv", *([] if with_ensurepip else ["--without-pip"]), str(venv)]
    done = subprocess.run(
        command, env=child_environment(), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        if any("No space left" in line for line in lines):
            raise StepError("The disk is full.", "Nothing was changed. Make room and run again.")
        raise StepError(
            f"Python could not make a virtual environment: {lines[-1][:300]}", "Nothing was changed."
        )


def point_at_checkout(venv: Path, checkout: Path = CHECKOUT) -> None:
    """Let the environment find the program in the checkout (a path file: nothing to build or to fetch)."""
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    done = subprocess.run([str(python_of(venv)), "-I", "-c", ask], capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip()) / "wattlight-checkout.pth"
    path.write_text(f"{checkout / 'desktop'}\n", encoding="utf-8", errors="surrogateescape")


@contextmanager
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


def fill(venv: Path, recipe: Recipe, with_ensurepip: bool) -> None:
    """Make ``venv`` and install everything into it (the stamp is the caller's, after a trial start).

    Raises:
        StepError: with the cause and the way out.
    """
    claim(venv)
    say(f"Setting up in {venv}{'' if recipe.wheels else f' ({recipe.fetched})'} ...")
    make_venv(venv, with_ensurepip)
    scratch = venv / "setup-scratch"
    scratch.mkdir(exist_ok=True)
    text = recipe.requirements.read_text(encoding="utf-8")
    command = pip_run.install_command(
        pip_for(venv, with_ensurepip, recipe.wheels), recipe.requirements, recipe.wheels
    )
    try:
        pip_run.install(command, scratch, pip_run.packages_in(text, sys.platform))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    point_at_checkout(venv)
