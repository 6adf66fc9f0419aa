"""System packages: what is missing in all, the one command that adds it, and running it when asked to."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from .environment import child_environment
from .libraries import Library, PackageManager, package_manager
from .say import StepError, say


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that the checks call, and its package (or several) for each package manager."""

    program: str
    apt: str
    dnf: str
    pacman: str


TEST_TOOLS = (
    Tool("git", "git", "git", "git"),
    Tool("Xvfb", "xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb"),
    Tool("dbus-run-session", "dbus", "dbus-daemon", "dbus"),
    Tool("desktop-file-validate", "desktop-file-utils", "desktop-file-utils", "desktop-file-utils"),
    Tool("appstreamcli", "appstream", "appstream", "appstream"),
    Tool("mandoc", "mandoc", "mandoc", "mandoc"),
    Tool("cc", "gcc libc6-dev", "gcc glibc-devel", "gcc"),  # stands in for a vendor's library in tests
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Everything that is missing, in the names of this system's package manager."""

    what: tuple[str, ...]
    packages: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.what)


def can_make_venv() -> bool:
    """True when this Python can make a virtual environment with pip in it (Debian splits that part off)."""
    return importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None


def venv_package(manager: PackageManager) -> str:
    """The package that completes this Python's venv."""
    if manager.name != "apt":
        return "python3"
    default = os.path.realpath("/usr/bin/python3").endswith(f"python3.{sys.version_info[1]}")
    return "python3-venv" if default else f"python3.{sys.version_info[1]}-venv"


def gather(
    libraries: tuple[Library, ...],
    tools: tuple[Tool, ...],
    venv_is_missing: bool,
    manager: PackageManager | None,
) -> Missing:
    """Put all that is missing into one list, every package named once."""
    what: list[str] = []
    packages: list[str] = []
    if venv_is_missing:
        what.append("Python's venv and ensurepip")
        packages += [venv_package(manager)] if manager else []
    for library in libraries:
        what.append(library.soname)
        packages += [manager.package(library)] if manager else []
    for tool in tools:
        what.append(tool.program)
        if manager:
            packages += {"apt": tool.apt, "dnf": tool.dnf, "pacman": tool.pacman}[manager.name].split()
    return Missing(tuple(what), tuple(dict.fromkeys(packages)))


def missing_tools(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    """Those programs that are not on the path."""
    return tuple(tool for tool in tools if shutil.which(tool.program) is None)


def demand(lacking: Missing, manager: PackageManager | None, again: str) -> StepError:
    """The error that names everything at once and the one command that adds it."""
    message = f"This system lacks: {', '.join(lacking.what)}."
    if manager is None or not lacking.packages:
        return StepError(message, "Install these with your system's package manager, then run again.")
    command = " ".join((*manager.install, *lacking.packages))
    return StepError(
        message, f"Install them, then run again:\n  sudo {command}\nor let it be done now:\n  {again}"
    )


def install(lacking: Missing, manager: PackageManager) -> None:
    """Install the packages, as root or through sudo; only ever called for ``--system``.

    Raises:
        StepError: the package manager failed, or there is no way to become root.
    """
    prefix: tuple[str, ...] = ()
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise StepError(
                "Installing system packages needs root, and there is no sudo here.",
                f"Run as root: {' '.join((*manager.install, *lacking.packages))}",
            )
        prefix = ("sudo",)
    confirmed = {"apt": ("-y",), "dnf": ("-y",), "pacman": ("--noconfirm",)}[manager.name]
    commands = [manager.refresh] if manager.refresh else []
    commands.append((*manager.install, *confirmed, *lacking.packages))
    env = {**child_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        say("$ " + " ".join((*prefix, *command)))
        done = subprocess.run(
            (*prefix, *command), env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode != 0:
            raise StepError(
                f"'{' '.join(command)}' failed with code {done.returncode}.",
                "Read its last lines above, put that right, and run again.",
            )


def settle(
    libraries: tuple[Library, ...],
    tools: tuple[Tool, ...],
    venv_is_missing: bool,
    with_system: bool,
    again: str,
) -> bool:
    """Say or install what is missing; True when something was installed (so look again).

    Raises:
        StepError: something is missing and ``--system`` was not given, or installing it failed.
    """
    manager = package_manager()
    lacking = gather(libraries, tools, venv_is_missing, manager)
    if not lacking:
        return False
    if not with_system or manager is None:
        raise demand(lacking, manager, again)
    install(lacking, manager)
    return True
