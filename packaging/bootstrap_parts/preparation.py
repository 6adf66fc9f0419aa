"""Brings an environment to the state that is asked for: at once if it is there, else built anew."""

import sys
from dataclasses import dataclass
from pathlib import Path

from . import libraries, places, stamp, system_packages, trial, venv_build
from .display import COMMAND_LINE, Displays
from .one_at_a_time import held
from .say import StepError, say


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for; ``again`` is the command that also installs system packages."""

    venv: str | None
    wheels: Path | None
    with_system: bool
    arguments: tuple[str, ...]
    again: str
    link: bool = True  # the command into ~/.local/bin


@dataclass(frozen=True, slots=True)
class Plan:
    """What the environment is for."""

    requirements: Path
    space_bytes: int
    screen: Displays
    tools: tuple[system_packages.Tool, ...] = ()


def prepare(venv: Path, plan: Plan, wish: Wish) -> None:
    """Make sure that ``venv`` is complete for the plan.

    Raises:
        StepError: with what to do; nothing was changed then.
    """
    wanted = stamp.fingerprint(plan.requirements.read_text(encoding="utf-8"))
    if system_packages.missing_tools(plan.tools):
        preflight(plan, wish)
    if stamp.is_complete(venv, wanted):
        return
    stamp.check_ours(venv)
    places.check_folder(venv)
    with_ensurepip = preflight(plan, wish)
    with held(venv, lambda: say("Another setup in this folder is under way; waiting for it ...")):
        if stamp.is_complete(venv, wanted):
            return
        with venv_build.replaced(venv):
            places.check_space(venv, plan.space_bytes)
            venv_build.fill(venv, venv_build.Recipe(plan.requirements, wish.wheels), with_ensurepip)
            trial.try_imports(venv)
            stamp.write_stamp(venv, wanted)


def preflight(plan: Plan, wish: Wish) -> bool:
    """Check the system before anything is fetched; True when this Python brings its own pip.

    Raises:
        StepError: naming everything that is missing at once.
    """
    if sys.platform.startswith("linux"):
        problem = libraries.glibc_problem(libraries.read_glibc())
        if problem:
            raise StepError(problem, "Nothing was changed. There is no way around it on this system.")
    screenless = plan.screen.why_none or plan.screen.key == COMMAND_LINE
    for _ in range(2):
        lacking = () if screenless else libraries.missing(libraries.wanted(plan.screen.platforms))
        has_venv = system_packages.can_make_venv()
        other_pip = venv_build.pip_wheel(wish.wheels) is not None or venv_build.own_pip_is_usable()
        no_venv = not has_venv and not other_pip
        tools = system_packages.missing_tools(plan.tools)
        if not system_packages.settle(lacking, tools, no_venv, wish.with_system, wish.again):
            return has_venv
    raise StepError("Something is still missing after the system packages were installed.", wish.again)
