"""Whether there is a screen, whether the program starts on it, and one that nobody sees (Xvfb) for checks.

A variable alone says little: the socket behind it is asked. And since Qt aborts where it cannot start, which
no program can catch in itself, a child tries what the program will do first.
"""

import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .places import ELSEWHERE, python_of
from .say import StepError, child, last_line, say

IMPORTS = "import wattlight, ollama, httpx, psutil, pynvml, platformdirs, babel, tzlocal"
WINDOW = "from PySide6.QtWidgets import QApplication; print(QApplication([]).platformName())"
COMMAND_LINE = "command line"  # the key of a run that needs no screen
_REPORT = "Run again; if it stays so, report it."
_SCREENLESS = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs")


@dataclass(frozen=True, slots=True)
class Displays:
    """The Qt platforms that can work here, and why there is none."""

    platforms: tuple[str, ...]
    key: str
    why_none: str = ""


def wants_a_window(arguments: Sequence[str]) -> bool:
    """True for the tray face (the same rule as in wattlight.__main__)."""
    return not arguments or arguments[0] in {"tray", "--hidden", "--window"}


def x11_addresses(display: str) -> list[tuple[int, str | tuple[str, int]]]:
    """Where an X server with this name would listen: (family, address) in the order to try."""
    found = re.fullmatch(r"(?:unix/?)?([^:/]*):(\d+)(?:\.\d+)?", display)
    if found is None:
        return []
    host, number = found[1], int(found[2])
    if host and host != "unix":
        return [(socket.AF_INET, (host, 6000 + number))]
    path, local = f"/tmp/.X11-unix/X{number}", ("127.0.0.1", 6000 + number)
    return [(socket.AF_UNIX, "\0" + path), (socket.AF_UNIX, path), (socket.AF_INET, local)]


def wayland_address(name: str, runtime_folder: str) -> str | None:
    """The socket of a Wayland display, or None when its folder is not known."""
    if name.startswith("/"):
        return name
    return os.path.join(runtime_folder, name) if runtime_folder else None


def answers(family: int, address: "str | tuple[str, int]", timeout_s: float = 1.0) -> bool:
    """True when something accepts a connection there."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(address)
            return True
    except OSError:
        return False


def find_displays(
    environ: Mapping[str, str] | None = None,
    platform: str = sys.platform,
    connects: Callable[[int, "str | tuple[str, int]"], bool] = answers,
) -> Displays:
    """The platforms to ask libraries for, with a key that names this very screen."""
    env = os.environ if environ is None else environ
    if platform in {"win32", "darwin"}:
        return Displays((), "native")
    chosen = env.get("QT_QPA_PLATFORM", "")
    if chosen.split(":")[0].split(";")[0] in _SCREENLESS:
        return Displays((), f"QT_QPA_PLATFORM={chosen}")
    x11, wayland = env.get("DISPLAY", ""), env.get("WAYLAND_DISPLAY", "")
    platforms: list[str] = []
    faults: list[str] = []
    if wayland:
        address = wayland_address(wayland, env.get("XDG_RUNTIME_DIR", ""))
        if address is not None and connects(socket.AF_UNIX, address):
            platforms.append("wayland")
        else:
            faults.append(f"WAYLAND_DISPLAY is {wayland}, but nothing answers there")
    if x11:
        if any(connects(*address) for address in x11_addresses(x11)):
            platforms.append("xcb")
        else:
            faults.append(f"DISPLAY is {x11}, but nothing answers there")
    if not platforms and not faults:
        faults.append("neither DISPLAY nor WAYLAND_DISPLAY is set")
    user = os.getuid() if hasattr(os, "getuid") else 0
    key = "|".join((x11, wayland, env.get("XAUTHORITY", ""), str(user), chosen))
    return Displays(tuple(platforms), key, "" if platforms else "; ".join(faults))


def try_imports(venv: Path) -> None:
    """Load the program and its libraries, without Qt's window parts."""
    try:
        done = child(python_of(venv), "-I", "-c", IMPORTS, limit_s=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"The new environment does not start: {error}", ELSEWHERE) from error
    if done.returncode != 0:
        raise explain_import(done.stderr)


def explain_import(stderr: str) -> StepError:
    """What a failed import means."""
    if "failed to map segment" in stderr:
        return StepError(
            "This disk does not allow programs to run from it (mounted noexec).",
            "Give a place on another disk with: --venv DIR",
        )
    said = last_line(stderr, "it said nothing")
    return StepError(f"What was installed does not load: {said}", _REPORT)


def try_window(venv: Path) -> StepError | None:
    """Start Qt on the present screen and stop; None when that went well, else why not."""
    try:
        done = child(python_of(venv), "-I", "-c", WINDOW, limit_s=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return StepError(f"A trial start of the window did not end: {error}", _REPORT)
    return None if done.returncode == 0 else explain_window(done.stderr)


def explain_window(stderr: str) -> StepError:
    """What Qt's own words mean. Its line about xcb-cursor comes with every failure of X11: not believed."""
    library = re.search(r"ImportError: ([^\s:]+\.so[.\d]*): cannot open shared object", stderr)
    if library:
        step = "Install the package that holds it, then run again."
        return StepError(f"The system library {library[1]} is missing.", step)
    if "could not connect to display" in stderr or "Failed to create wl_display" in stderr:
        return StepError(
            "There is a screen, but this account may not use it.",
            "Run as the user who is logged in at the screen (not through su or sudo).",
        )
    said = "\n".join(line for line in stderr.splitlines() if "xcb-cursor0" not in line)
    return StepError(
        f"The window system does not start: {last_line(said, 'Qt said nothing')}",
        "Log in at a desktop and run again, or use the command line: wattlight --help",
    )


def _read_number(descriptor: int, process: "subprocess.Popen[bytes]", limit_s: float) -> str:
    number = b""
    # Up to the line's end: the server writes it apart, and dies when nobody reads any more.
    while not number.endswith(b"\n") and select.select([descriptor], [], [], limit_s)[0]:
        part = os.read(descriptor, 32)
        if not part:
            break
        number += part
    if not number.endswith(b"\n"):
        process.kill()
        process.wait()
        step = "Look whether Xvfb is installed completely."
        raise StepError("The virtual screen (Xvfb) did not start.", step)
    return number.decode().strip()


@contextlib.contextmanager
def virtual_screen(size: str = "1600x1200x24", limit_s: float = 30) -> Iterator[str]:
    """Run Xvfb on a free number for the time of the block and give its DISPLAY."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            f"Xvfb -displayfd {writing} -screen 0 {size} -nolisten tcp -noreset".split(),
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        number = _read_number(reading, process, limit_s)
    finally:
        os.close(reading)
    try:
        yield f":{number}"
    finally:
        ended = process.poll()
        if ended is not None:
            say(f"The virtual screen ended by itself with code {ended}.")
        process.terminate()
        process.wait()


def on_a_bus(command: list[str]) -> list[str]:
    """``command`` with a session bus of its own, where the tool for that is there."""
    return ["dbus-run-session", "--", *command] if shutil.which("dbus-run-session") else command
