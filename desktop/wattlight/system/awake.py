"""Keeps the computer from going to sleep by itself while something long is done."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import util
from typing import Any

from .programs import clean_environment
from .windows import NO_WINDOW

_INHIBITORS = ("systemd-inhibit", "elogind-inhibit")
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001
_UTF8, _ASSERTION_ON = 0x08000100, 255


@contextmanager
def kept_awake(why: str, platform: str = sys.platform) -> Iterator[None]:
    """Within the block the computer does not go to sleep by itself, where the system can be asked for that.

    Enter and leave it on one thread. However this program ends, the request ends with it.
    """
    if platform == "win32":
        way = _by_windows()
    elif platform == "darwin":
        way = _by_power_manager(why)
    else:
        way = _by_login_manager(why)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, AttributeError, ValueError):
            stack.enter_context(way)
        yield


@contextmanager
def _by_login_manager(why: str) -> Iterator[None]:
    """logind's lock, held by its own small program as long as our end of a pipe is open."""
    program = next(filter(None, map(shutil.which, _INHIBITORS)), None)
    if program is None:
        raise FileNotFoundError(_INHIBITORS[0])
    child = subprocess.Popen(
        [program, "--what=sleep:idle", "--who=Wattlight", f"--why={why}", "--mode=block", "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean_environment(os.environ),
        start_new_session=True,  # Ctrl+C is for us
        creationflags=NO_WINDOW,
    )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(2.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def _by_windows(kernel: Any = None) -> Iterator[None]:
    """Windows keeps the wish of a thread until it is taken back or the thread ends."""
    library = ctypes.WinDLL("kernel32") if kernel is None else kernel  # type: ignore[attr-defined, unused-ignore]
    library.SetThreadExecutionState(ctypes.c_uint32(_CONTINUOUS | _SYSTEM_REQUIRED))
    try:
        yield
    finally:
        library.SetThreadExecutionState(ctypes.c_uint32(_CONTINUOUS))


@contextmanager
def _by_power_manager(why: str, kit: Any = None, core: Any = None) -> Iterator[None]:
    """An assertion of macOS, which goes with its process."""
    kit = kit or ctypes.CDLL(util.find_library("IOKit") or "IOKit")
    core = core or ctypes.CDLL(util.find_library("CoreFoundation") or "CoreFoundation")
    core.CFStringCreateWithCString.restype = ctypes.c_void_p
    words = [
        ctypes.c_void_p(core.CFStringCreateWithCString(None, text.encode(), ctypes.c_uint32(_UTF8)))
        for text in ("PreventUserIdleSystemSleep", why)
    ]
    number = ctypes.c_uint32(0)
    refused = kit.IOPMAssertionCreateWithName(
        words[0], ctypes.c_uint32(_ASSERTION_ON), words[1], ctypes.byref(number)
    )
    try:
        yield
    finally:
        if not refused:
            kit.IOPMAssertionRelease(number)
        for word in words:
            core.CFRelease(word)
