"""Programs of the desktop: ours at login, per platform, and the environment others are started with.

Whether ours starts at login is read each time, never remembered.
"""

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from xml.parsers.expat import ExpatError

import wattlight
from wattlight.domain.state import Package
from wattlight.domain.values import UNREADABLE, Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import read_small, write_whole

from .windows import NO_WINDOW, windows_process_runs

APP_ID = "io.github.wattlight.wattlight"
_LARGEST = 100_000
_RESTART_S = 60.0
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_OWN = ("PYTHONHOME", "PYTHONPATH", "QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH")


def not_installed(package: str) -> Problem:
    """An optional package is missing, and how it is installed for the Python that runs."""
    if getattr(sys, "frozen", False):
        how = tr("This package of Wattlight is without it: install Wattlight as its README says instead.")
    else:
        how = tr("Install it: {command}", command=f"{sys.executable} -m pip install '{package}'")
    name = package.partition(">")[0]
    return Problem(tr("The package {package} is not installed.", package=name), how, "not_installed")


def own_command(platform: str = sys.platform) -> list[str]:
    """What starts this very program hidden, for the start at login. On Windows one without a console."""
    python = Path(sys.executable)
    if getattr(sys, "frozen", False):
        tray = python.with_name("wattlight.exe")
        return [str(tray if platform == "win32" and tray.exists() else python), "--hidden"]
    name = "wattlight-tray.exe" if platform == "win32" else "wattlight"
    beside = python.with_name(name)
    script = str(beside) if beside.exists() else shutil.which(name)
    if script:
        return [script, "--hidden"]
    if platform == "win32" and python.with_name("pythonw.exe").exists():
        python = python.with_name("pythonw.exe")
    return [str(python), "-m", "wattlight", "--hidden"]


def process_runs(pid: int) -> bool:
    """Whether there is a process of this number, whoever's it is."""
    if sys.platform == "win32":
        return windows_process_runs(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def restart_user_service(unit: str, environ: Mapping[str, str]) -> None:
    """Read the units of this account anew and start ``unit`` again; waits for it.

    Raises:
        Problem: systemctl is not there, or the service did not start.
    """
    program = shutil.which("systemctl", path=environ.get("PATH", ""))
    for words in (["daemon-reload"], ["restart", unit]):
        try:
            if program is None:
                raise FileNotFoundError(2, "systemctl")
            command = [program, "--user", *words]
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=_RESTART_S,
                check=False,
                env=dict(environ),
                creationflags=NO_WINDOW,
            )
            said = "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace").strip()
            failed = done.returncode != 0
        except (OSError, subprocess.TimeoutExpired) as error:
            failed, said = True, getattr(error, "strerror", None) or tr("it takes too long")
        if failed:
            raise Problem(
                tr(
                    "The service {unit} was not started again ({reason}).",
                    unit=unit,
                    reason=clean_text(said, 200),
                ),
                tr("Try it in a terminal: systemctl --user restart {unit}", unit=unit),
                "not_restarted",
            )


class AutostartProblem(Problem):
    """The entry cannot be written or removed."""

    code = "autostart"


class Autostart(Protocol):
    """Whether Wattlight starts at login."""

    def enabled(self) -> bool:
        """The state on the system now."""

    def set_enabled(self, on: bool) -> None:
        """Write or remove the entry.

        Raises:
            AutostartProblem: the entry cannot be changed.
        """


def autostart_for_platform(command: Sequence[str], platform: str = sys.platform) -> Autostart:
    """The autostart of this platform for ``command`` (program and arguments)."""
    if platform == "darwin":
        return LaunchAgent(command, Path.home() / "Library" / "LaunchAgents")
    if platform == "win32":
        return RunKey(command)
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return DesktopEntry(command, Path(config) / "autostart")


class DesktopEntry:
    """``~/.config/autostart`` of the freedesktop specification."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = tuple(command)
        self._file = folder / f"{APP_ID}.desktop"

    def enabled(self) -> bool:
        """True when the entry exists, is not hidden and starts this very program."""
        try:
            text = read_small(self._file, _LARGEST).decode()
        except (OSError, UnicodeDecodeError):
            return False
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        hidden = lines.get("Hidden", "false").strip().lower() == "true"
        refused = lines.get("X-GNOME-Autostart-enabled", "true").strip().lower() == "false"
        return not hidden and not refused and lines.get("Exec") == self._exec()

    def set_enabled(self, on: bool) -> None:
        """Write or remove the entry; an entry of a moved program is rewritten."""
        try:
            if not on:
                self._file.unlink(missing_ok=True)
                return
            write_whole(Path(os.path.realpath(self._file)), self._text().encode())
        except OSError as error:
            raise AutostartProblem(
                tr(
                    "The entry {file} could not be changed ({reason}).",
                    file=self._file,
                    reason=error.strerror,
                ),
                tr("Make the folder writable and try again."),
            ) from error

    def _exec(self) -> str:
        return " ".join(_quote_exec(part) for part in self._command)

    def _text(self) -> str:
        return (
            "[Desktop Entry]\nType=Application\nName=Wattlight\n"
            f"Exec={self._exec()}\nTryExec={self._command[0]}\nIcon={APP_ID}\n"
            "X-GNOME-Autostart-Delay=10\nTerminal=false\n"
        )


def _quote_exec(part: str) -> str:
    """One argument of an Exec line.

    The freedesktop rule has two layers: inside double quotes a backslash goes before ``"``, backtick, ``$``
    and backslash; then the value is a string of the file, in which each backslash is doubled again.
    A per cent sign is doubled.
    """
    if part and all(ch.isalnum() or ch in "/._-+=:,@" for ch in part):
        return part
    quoted = "".join("\\" + ch if ch in '"`$\\' else ch for ch in part).replace("%", "%%")
    return '"' + quoted.replace("\\", "\\\\") + '"'


class LaunchAgent:
    """A per-user LaunchAgent (macOS without a signed bundle). Untested on a real Mac."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = list(command)
        self._file = folder / f"{APP_ID}.plist"

    def enabled(self) -> bool:
        """True when the agent exists and starts this very program."""
        try:
            agent = plistlib.loads(read_small(self._file, _LARGEST))
            return bool(agent.get("ProgramArguments") == self._command)
        except (*UNREADABLE, ExpatError):
            return False

    def set_enabled(self, on: bool) -> None:
        agent = {"Label": APP_ID, "ProgramArguments": self._command, "RunAtLoad": True}
        try:
            if on:
                write_whole(Path(os.path.realpath(self._file)), plistlib.dumps(agent))
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            raise AutostartProblem(
                tr(
                    "The agent {file} could not be changed ({reason}).",
                    file=self._file,
                    reason=error.strerror,
                ),
                tr("Check the folder's permissions."),
            ) from error


class RunKey:
    """``HKCU\\...\\Run`` (Windows). Untested on a real Windows."""

    _KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"

    def __init__(self, command: Sequence[str]) -> None:
        self._line = " ".join(f'"{part}"' if " " in part else part for part in command)

    def enabled(self) -> bool:
        """True when the value exists and starts this very program."""
        import winreg  # type: ignore[import-not-found, unused-ignore]

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, self._KEY) as key:  # type: ignore[attr-defined, unused-ignore]
                return bool(winreg.QueryValueEx(key, "Wattlight")[0] == self._line)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False

    def set_enabled(self, on: bool) -> None:
        import winreg

        access = winreg.KEY_SET_VALUE  # type: ignore[attr-defined, unused-ignore]
        # A new account may have no such key yet.
        reach = winreg.CreateKeyEx if on else winreg.OpenKey  # type: ignore[attr-defined, unused-ignore]
        try:
            with reach(winreg.HKEY_CURRENT_USER, self._KEY, 0, access) as key:  # type: ignore[attr-defined, unused-ignore]
                if on:
                    winreg.SetValueEx(key, "Wattlight", 0, winreg.REG_SZ, self._line)  # type: ignore[attr-defined, unused-ignore]
                else:
                    winreg.DeleteValue(key, "Wattlight")  # type: ignore[attr-defined, unused-ignore]
        except FileNotFoundError:
            return
        except OSError as error:
            raise AutostartProblem(
                tr("The start at login could not be changed in the registry."),
                tr("Try again or use Task Manager."),
            ) from error


def clean_environment(environ: Mapping[str, str], frozen: bool | None = None) -> dict[str, str]:
    """``environ`` without what a frozen bundle puts into it for itself.

    PyInstaller's launcher points LD_LIBRARY_PATH at the bundle and keeps the user's own value in
    LD_LIBRARY_PATH_ORIG; with the bundle's libraries openssl, curl, nvidia-smi and ollama fail.

    Args:
        environ: the environment of this process.
        frozen: whether this process is such a bundle; None asks the interpreter.
    """
    bundle = bool(getattr(sys, "frozen", False)) if frozen is None else frozen
    env = {key: value for key, value in environ.items() if not key.startswith("_PYI_")}
    for name in _LIBRARY_PATHS:
        original = env.pop(f"{name}_ORIG", None)
        if not bundle:
            continue
        env.pop(name, None)
        if original is not None:
            env[name] = original
    for name in _OWN:
        env.pop(name, None)
    return env


def installed_as(
    environ: Mapping[str, str],
    *,
    platform: str = sys.platform,
    frozen: bool = bool(getattr(sys, "frozen", False)),
    program: Path = Path(sys.executable),
    prefix: Path = Path(sys.prefix),
    package: Path = Path(wattlight.__file__).parent,
) -> Package:
    """Told by where the program lies: ``program`` of a bundle (``frozen``), ``prefix`` of an environment,
    the folder ``package`` of the code."""
    if environ.get("FLATPAK_ID"):
        return Package.FLATPAK
    if environ.get("APPIMAGE"):
        return Package.APPIMAGE
    if frozen and platform == "darwin":
        return Package.DMG
    if frozen and platform == "win32":
        return Package.SETUP
    if frozen:
        return Package.DEB if program.is_relative_to("/usr/lib") else Package.TAR
    if (package.parents[1] / "packaging" / "bootstrap.py").is_file():
        return Package.CHECKOUT
    parts = prefix.parts
    if "pipx" in parts:
        return Package.PIPX
    return Package.UV if "uv" in parts and "tools" in parts else Package.PIP
