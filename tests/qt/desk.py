"""A private screen and a private session bus for programs under test; ends only what it started."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def wait_until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    """Look again and again until ``done`` or the time is over."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)


@dataclass
class Desk:
    """``env`` makes a program use this screen and this bus."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    address: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def open(self, bus: bool = True, size: str = "1280x800") -> "Desk":
        """Start the X server and, if wanted, the bus."""
        reader, writer = os.pipe()
        screen = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
        self.spawn(screen, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as pipe:
            display = pipe.readline().strip()
        self.env = {**self.plain(), "DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"}
        if bus:
            self.open_bus()
        return self

    def plain(self) -> dict[str, str]:
        """What every program under test gets, before a screen and a bus."""
        config = self.folder / "xdg"
        config.mkdir(exist_ok=True)
        keep = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
        return {
            **keep,
            "XDG_CONFIG_HOME": str(config),
            "WATTLIGHT_HOME": str(self.folder / "home"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests"), str(HERE)]),
            "LC_ALL": "C.UTF-8",
            "GTK_A11Y": "none",
            "NO_AT_BRIDGE": "1",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }

    def open_bus(self) -> None:
        """Start the session bus at the address that was given to the programs."""
        self.address = f"unix:path={self.folder / 'bus'}"
        daemon = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={self.address}"]
        self.bus = self.spawn(daemon)
        wait_until(self._bus_answers)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.address

    def _bus_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            return link.connect_ex(str(self.folder / "bus")) == 0

    def spawn(self, command: list[str], **more: Any) -> subprocess.Popen[bytes]:
        """Start a program that is ended with the desk."""
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **{**quiet, "env": self.env or None, **more})
        self.started.append(process)
        return process

    def close(self) -> None:
        """End everything, the last first."""
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        self.started.clear()


def missing_tools() -> list[str]:
    """Programs the desk needs that are not here."""
    return [name for name in ("Xvfb", "dbus-daemon") if shutil.which(name) is None]


class TrayApp:
    """The real face over a made-up scene, in its own process; what its controller is asked for is logged."""

    def __init__(self, desk: Desk, scene: str = "evening", *arguments: str) -> None:
        self._log = desk.folder / f"calls-{len(desk.started)}.jsonl"
        self._errors = desk.folder / f"errors-{len(desk.started)}.txt"
        command = [sys.executable, "-X", "dev", str(HERE / "tray_app.py"), str(self._log), scene, *arguments]
        with self._errors.open("wb") as errors:
            self.process = desk.spawn(command, stdin=subprocess.PIPE, stderr=errors)

    def tell(self, *words: str) -> None:
        """Send a line: ``scene NAME``, ``storm SECONDS``, ``report``."""
        assert self.process.stdin is not None
        self.process.stdin.write((" ".join(words) + "\n").encode())
        self.process.stdin.flush()

    def calls(self) -> list[list[Any]]:
        """What was asked for so far."""
        if not self._log.exists():
            return []
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("]")]

    def last(self, name: str) -> list[Any]:
        """The last entry of a kind."""
        return [call for call in self.calls() if call[0] == name][-1]

    def wait_call(self, *wanted: Any, seconds: float = 15.0) -> None:
        """Wait for a call that begins with ``wanted``."""
        wait_until(lambda: any(call[: len(wanted)] == list(wanted) for call in self.calls()), seconds)

    async def wait_call_async(self, *wanted: Any, seconds: float = 15.0) -> None:
        """The same while a probe works."""
        end = time.monotonic() + seconds
        while not any(call[: len(wanted)] == list(wanted) for call in self.calls()):
            if time.monotonic() > end:
                raise TimeoutError(f"{wanted} did not come; there was {self.calls()}; {self.errors()}")
            await asyncio.sleep(0.02)

    def errors(self) -> str:
        """What was written to standard error."""
        return self._errors.read_text(encoding="utf-8", errors="replace")
