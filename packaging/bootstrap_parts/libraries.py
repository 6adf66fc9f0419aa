"""Which system libraries Qt needs, which packages hold them, and which are missing here.

The list is the NEEDED entries of the Qt modules and plugins that Wattlight loads, less the wheel's own
files; a test compares the two, so that a new Qt is noticed.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

GLIBC_NEEDED = (2, 34)  # the wheels are tagged manylinux_2_34


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library and the package that holds it for each package manager."""

    soname: str
    apt: str
    dnf: str
    pacman: str


def _table(*rows: str) -> tuple[Library, ...]:
    return tuple(Library(*row.split()) for row in rows)


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

# One child, because a library that loads stays loaded; the loader itself is asked, because every cache
# (ldconfig, find_library) can be missing or old.
_CHILD = """\
import ctypes, json, sys
bad = []
for name in json.load(sys.stdin):
    try:
        ctypes.CDLL(name)
    except OSError:
        bad.append(name)
json.dump(bad, sys.stdout)
"""


def wanted(platforms: tuple[str, ...]) -> tuple[Library, ...]:
    """The libraries for the Qt platforms named (``xcb``, ``wayland``); Qt's core is always among them."""
    return CORE + tuple(lib for name in platforms for lib in GROUPS.get(name, ()))


def missing(libraries: tuple[Library, ...], python: str = sys.executable) -> tuple[Library, ...]:
    """Those of ``libraries`` that the loader does not find, all at once (about 30 ms)."""
    if not sys.platform.startswith("linux"):
        return ()
    names = [lib.soname for lib in libraries]
    try:
        done = subprocess.run(
            [python, "-I", "-c", _CHILD],
            input=json.dumps(names),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        bad = set(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()  # the trial start after the installation still tells the truth
    return tuple(lib for lib in libraries if lib.soname in bad)


def missing_here(libraries: tuple[Library, ...]) -> tuple[Library, ...]:
    """As :func:`missing`, but in this process (those found stay loaded): for a program about to load them."""
    import ctypes

    bad = []
    for library in libraries if sys.platform.startswith("linux") else ():
        try:
            ctypes.CDLL(library.soname)
        except OSError:
            bad.append(library)
    return tuple(bad)


def glibc_problem(confstr: str | None) -> str | None:
    """The sentence for a C library that the wheels do not run on (``confstr`` as of CS_GNU_LIBC_VERSION)."""
    if not confstr or not confstr.startswith("glibc "):
        return "This system's C library is not glibc (musl, as in Alpine?); Qt is not published for it."
    try:
        parts = tuple(int(part) for part in confstr.split()[1].split(".")[:2])
    except ValueError:
        return None
    if parts < GLIBC_NEEDED:
        have, need = ".".join(map(str, parts)), ".".join(map(str, GLIBC_NEEDED))
        return (
            f"This system's C library is glibc {have}; Qt needs {need} or newer "
            "(Debian 12, Ubuntu 22.04, Fedora 35, RHEL 9)."
        )
    return None


def read_glibc() -> str | None:
    """What the C library says about itself, or None where it says nothing (musl)."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class PackageManager:
    """A way to install system packages."""

    name: str
    refresh: tuple[str, ...]
    install: tuple[str, ...]

    def package(self, library: Library) -> str:
        """The package of ``library`` here."""
        return {"apt": library.apt, "dnf": library.dnf, "pacman": library.pacman}[self.name]


_MANAGERS = (
    (
        "apt-get",
        PackageManager("apt", ("apt-get", "update"), ("apt-get", "install", "--no-install-recommends")),
    ),
    ("dnf", PackageManager("dnf", (), ("dnf", "install"))),
    ("pacman", PackageManager("pacman", (), ("pacman", "-S", "--needed"))),
)


def package_manager() -> PackageManager | None:
    """The package manager of this system, if it is one of the three known here."""
    return next((manager for tool, manager in _MANAGERS if shutil.which(tool)), None)
