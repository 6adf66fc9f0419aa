"""What Qt, pip and the checks need of the system: libraries, programs, packages, and what is missing here.

The list of libraries is the NEEDED entries of the Qt modules and plugins that Wattlight loads, less the
wheel's own files; a test compares the two, so that a new Qt is noticed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from .say import StepError, child_environment, say

GLIBC_NEEDED = (2, 34)  # the wheels are tagged manylinux_2_34


@dataclass(frozen=True, slots=True)
class Need:
    """A shared library or a program, and the packages that hold it for each package manager."""

    name: str
    apt: str
    dnf: str
    pacman: str


def _table(*rows: str) -> tuple[Need, ...]:
    return tuple(Need(*row.split()) for row in rows)


CORE = _table(
    "libglib-2.0.so.0 libglib2.0-0 glib2 glib2",
    "libgthread-2.0.so.0 libglib2.0-0 glib2 glib2",
    "libz.so.1 zlib1g zlib-ng-compat zlib",
    "libzstd.so.1 libzstd1 libzstd zstd",
    "libdbus-1.so.3 libdbus-1-3 dbus-libs dbus",
    "libGL.so.1 libgl1 libglvnd-glx libglvnd",
    "libEGL.so.1 libegl1 libglvnd-egl libglvnd",
    "libX11.so.6 libx11-6 libX11 libx11",
    "libxkbcommon.so.0 libxkbcommon0 libxkbcommon libxkbcommon",
    "libfontconfig.so.1 libfontconfig1 fontconfig fontconfig",
    "libfreetype.so.6 libfreetype6 freetype freetype2",
    "libbrotlidec.so.1 libbrotli1 libbrotli brotli",
    "libbrotlicommon.so.1 libbrotli1 libbrotli brotli",
    "libgssapi_krb5.so.2 libgssapi-krb5-2 krb5-libs krb5",
)
XCB = _table(
    "libX11-xcb.so.1 libx11-xcb1 libX11-xcb libx11",
    "libxcb.so.1 libxcb1 libxcb libxcb",
    "libxcb-glx.so.0 libxcb-glx0 libxcb libxcb",
    "libxcb-randr.so.0 libxcb-randr0 libxcb libxcb",
    "libxcb-render.so.0 libxcb-render0 libxcb libxcb",
    "libxcb-shape.so.0 libxcb-shape0 libxcb libxcb",
    "libxcb-shm.so.0 libxcb-shm0 libxcb libxcb",
    "libxcb-sync.so.1 libxcb-sync1 libxcb libxcb",
    "libxcb-xfixes.so.0 libxcb-xfixes0 libxcb libxcb",
    "libxcb-xkb.so.1 libxcb-xkb1 libxcb libxcb",
    "libxcb-cursor.so.0 libxcb-cursor0 xcb-util-cursor xcb-util-cursor",
    "libxcb-icccm.so.4 libxcb-icccm4 xcb-util-wm xcb-util-wm",
    "libxcb-image.so.0 libxcb-image0 xcb-util-image xcb-util-image",
    "libxcb-keysyms.so.1 libxcb-keysyms1 xcb-util-keysyms xcb-util-keysyms",
    "libxcb-render-util.so.0 libxcb-render-util0 xcb-util-renderutil xcb-util-renderutil",
    "libxcb-util.so.1 libxcb-util1 xcb-util xcb-util",
    "libxkbcommon-x11.so.0 libxkbcommon-x11-0 libxkbcommon-x11 libxkbcommon-x11",
)
WAYLAND = _table(
    "libwayland-client.so.0 libwayland-client0 libwayland-client wayland",
    "libwayland-cursor.so.0 libwayland-cursor0 libwayland-cursor wayland",
    "libwayland-egl.so.1 libwayland-egl1 libwayland-egl wayland",
)
GROUPS = {"core": CORE, "xcb": XCB, "wayland": WAYLAND}

TEST_TOOLS = (
    Need("git", "git", "git", "git"),
    Need("Xvfb", "xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb"),
    Need("dbus-run-session", "dbus", "dbus-daemon", "dbus"),
    Need("desktop-file-validate", "desktop-file-utils", "desktop-file-utils", "desktop-file-utils"),
    Need("appstreamcli", "appstream", "appstream", "appstream"),
    Need("mandoc", "mandoc", "mandoc", "mandoc"),
    Need("cc", "gcc libc6-dev", "gcc glibc-devel", "gcc"),  # stands in for a vendor's library in tests
)


def wanted(platforms: tuple[str, ...]) -> tuple[Need, ...]:
    """The libraries for the Qt platforms named (``xcb``, ``wayland``); Qt's core is always among them."""
    return CORE + tuple(lib for name in platforms for lib in GROUPS.get(name, ()))


def missing(libraries: tuple[Need, ...]) -> tuple[Need, ...]:
    """Those of ``libraries`` that the loader does not find, all at once (30 ms; those found stay loaded).

    The loader itself is asked, because every cache (ldconfig, find_library) can be missing or old.
    """
    try:
        import ctypes  # only here: a start that lacks nothing does without
    except ImportError:
        return ()  # the trial start after the installation still tells the truth
    bad = []
    for library in libraries if sys.platform.startswith("linux") else ():
        try:
            ctypes.CDLL(library.name)
        except OSError:
            bad.append(library)
    return tuple(bad)


def glibc_problem(name: str, version: str) -> str | None:
    """The sentence for a C library that the wheels do not run on (as ``platform.libc_ver`` tells it)."""
    if name != "glibc":
        return "This system's C library is not glibc (musl, as in Alpine?); Qt is not published for it."
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= GLIBC_NEEDED:
        return None
    return (
        f"This system's C library is glibc {version}; Qt needs {'.'.join(map(str, GLIBC_NEEDED))} or newer "
        "(Debian 12, Ubuntu 22.04, Fedora 35, RHEL 9)."
    )


@dataclass(frozen=True, slots=True)
class PackageManager:
    """A way to install system packages."""

    name: str
    refresh: tuple[str, ...]
    install: tuple[str, ...]
    unasked: str  # the option with which it asks no questions

    def packages(self, needs: tuple[Need, ...]) -> tuple[str, ...]:
        """The packages of ``needs`` here, every one named once."""
        return tuple(dict.fromkeys(" ".join(getattr(need, self.name) for need in needs).split()))

    def line(self, packages: tuple[str, ...], become_root: str = "sudo ") -> str:
        """What a person types to install ``packages``; a bare system has no list of packages yet."""
        commands = filter(None, (self.refresh, (*self.install, *packages)))
        return " && ".join(become_root + " ".join(command) for command in commands)


_MANAGERS = {
    "apt-get": PackageManager(
        "apt", ("apt-get", "update"), ("apt-get", "install", "--no-install-recommends"), "-y"
    ),
    "dnf": PackageManager("dnf", (), ("dnf", "install"), "-y"),
    "pacman": PackageManager("pacman", (), ("pacman", "-S", "--needed"), "--noconfirm"),
}


def package_manager() -> PackageManager | None:
    """The package manager of this system, if it is one of the three known here."""
    return next((manager for tool, manager in _MANAGERS.items() if shutil.which(tool)), None)


def can_make_venv() -> bool:
    """True when this Python can make a virtual environment with pip in it (Debian splits that part off)."""
    return importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None


def venv_need() -> Need:
    """What completes this Python's venv."""
    default = os.path.realpath("/usr/bin/python3").endswith(f"python3.{sys.version_info[1]}")
    apt = "python3-venv" if default else f"python3.{sys.version_info[1]}-venv"
    return Need("Python's venv and ensurepip", apt, "python3", "python3")


def missing_tools(tools: tuple[Need, ...]) -> tuple[Need, ...]:
    """Those programs that are not on the path."""
    return tuple(tool for tool in tools if shutil.which(tool.name) is None)


def demand(lacking: tuple[Need, ...], manager: PackageManager | None, again: str) -> StepError:
    """The error that names everything at once and the one command that adds it."""
    message = f"This system lacks: {', '.join(need.name for need in lacking)}."
    if manager is None:
        return StepError(message, "Install these with your system's package manager, then run again.")
    line = manager.line(manager.packages(lacking))
    return StepError(message, f"Install them, then run again:\n  {line}\nor let it be done now:\n  {again}")


def install(packages: tuple[str, ...], manager: PackageManager) -> None:
    """Install the packages, as root or through sudo; only ever called for ``--system``."""
    prefix: tuple[str, ...] = ()
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise StepError(
                "Installing system packages needs root, and there is no sudo here.",
                f"Run as root: {manager.line(packages, '')}",
            )
        prefix = ("sudo",)
    env = {**child_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    for command in filter(None, (manager.refresh, (*manager.install, manager.unasked, *packages))):
        say("$ " + " ".join((*prefix, *command)))
        done = subprocess.run(
            (*prefix, *command), env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode != 0:
            raise StepError(
                f"'{' '.join(command)}' failed with code {done.returncode}.",
                "Read its last lines above, put that right, and run again.",
            )


def settle(lacking: tuple[Need, ...], with_system: bool, again: str) -> bool:
    """Install what is missing where ``--system`` was given, else name it in a :class:`StepError`; True when
    something was installed (so look again)."""
    if not lacking:
        return False
    manager = package_manager()
    if not with_system or manager is None:
        raise demand(lacking, manager, again)
    install(manager.packages(lacking), manager)
    return True
