"""A program with windows as somebody at the screen has it: its windows found, its icon's menu used."""

import ctypes
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

USER: Any = ctypes.WinDLL("user32") if hasattr(ctypes, "WinDLL") else None
ICON_MESSAGE, CONTEXT_MENU, KEY_DOWN, UP, RETURN = 0x8000 + 101, 0x7B, 0x100, 0x26, 0x0D
CLOSE = 0x10
DETACHED = 0x8
PATIENCE_S = 400.0
"""How long anything may take: far more than it does, so that a busy computer fails no test."""


class TrayProgram:
    """Started with a home of its own; ``command`` before its arguments."""

    def __init__(self, command: list[str], home: Path, *arguments: str, console: bool = True) -> None:
        env = {**os.environ, "WATTLIGHT_HOME": str(home)}
        streams: dict[str, Any] = {"creationflags": DETACHED}
        if console:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen([*command, *arguments], env=env, **streams)

    def windows(self, visible: bool = True) -> dict[int, tuple[str, str]]:
        """Top windows of the process: (class, title) by handle."""
        found: dict[int, tuple[str, str]] = {}
        kind = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)  # type: ignore[attr-defined, unused-ignore]

        def look(handle: int, _more: object) -> int:
            owner = ctypes.c_uint32()
            USER.GetWindowThreadProcessId(ctypes.c_void_p(handle), ctypes.byref(owner))
            if owner.value == self.process.pid and (
                not visible or USER.IsWindowVisible(ctypes.c_void_p(handle))
            ):
                texts = []
                for ask in (USER.GetClassNameW, USER.GetWindowTextW):
                    text = ctypes.create_unicode_buffer(256)
                    ask(ctypes.c_void_p(handle), text, 256)
                    texts.append(text.value)
                found[handle] = (texts[0], texts[1])
            return 1

        USER.EnumWindows(kind(look), None)
        return found

    def titles(self) -> list[str]:
        return [title for _, title in self.windows().values() if title]

    def wait_window(self, seconds: float = PATIENCE_S) -> None:
        wait_until(lambda: any("Wattlight" in title for title in self.titles()), seconds)

    def close_windows(self) -> None:
        """As by the cross of each."""
        for handle, (_, title) in self.windows().items():
            if title:
                post(handle, CLOSE, 0, 0)

    def quit_by_the_menu(self) -> None:
        """A right click on the icon, then the last entry."""
        (icon,) = [
            h for h, (kind, _) in self.windows(visible=False).items() if "TrayIconMessageWindow" in kind
        ]
        before = set(self.windows())
        post(icon, ICON_MESSAGE, 0, CONTEXT_MENU)
        wait_until(lambda: bool(set(self.windows()) - before), PATIENCE_S)
        (menu, *_) = set(self.windows()) - before
        for key in (UP, RETURN):
            time.sleep(0.3)
            post(menu, KEY_DOWN, key, 0)

    def end(self) -> str:
        """End it if it still runs; what it said."""
        if self.process.poll() is None:
            self.process.kill()
        return (self.process.communicate(timeout=PATIENCE_S)[0] or b"").decode("utf-8", "replace")


def post(handle: int, message: int, first: int, second: int) -> None:
    USER.PostMessageW(ctypes.c_void_p(handle), message, ctypes.c_void_p(first), ctypes.c_void_p(second))


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    """Look again and again until ``done`` or the time is over."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.1)
