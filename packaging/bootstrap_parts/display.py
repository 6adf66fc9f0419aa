"""Is there a screen? A variable alone says little: the socket behind it is asked."""

import os
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

COMMAND_LINE = "command line"  # the key of a run that needs no screen
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
    path = f"/tmp/.X11-unix/X{number}"
    return [
        (socket.AF_UNIX, "\0" + path),
        (socket.AF_UNIX, path),
        (socket.AF_INET, ("127.0.0.1", 6000 + number)),
    ]


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
    key = "|".join((x11, wayland, env.get("XAUTHORITY", ""), str(_user()), chosen))
    return Displays(tuple(platforms), key, "" if platforms else "; ".join(faults))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
