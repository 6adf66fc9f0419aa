"""A screen that nobody sees (Xvfb) and a session bus of its own, for checks of windows and trays."""

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterator

from .say import StepError, say


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
        raise StepError(
            "The virtual screen (Xvfb) did not start.", "Look whether Xvfb is installed completely."
        )
    return number.decode().strip()


@contextlib.contextmanager
def virtual_screen(size: str = "1600x1200x24", limit_s: float = 30) -> Iterator[str]:
    """Run Xvfb on a free number for the time of the block and give its DISPLAY.

    Raises:
        StepError: it did not start.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                str(writing),
                "-screen",
                "0",
                size,
                "-nolisten",
                "tcp",
                "-noreset",
            ],
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
