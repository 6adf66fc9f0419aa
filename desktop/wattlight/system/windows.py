"""What Windows alone asks of a desktop program: no console windows, no orphans, a last word."""

import ctypes
import struct
import subprocess
from typing import Any

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For every program that is started: without it a console program opens a window of its own."""

_EXTENDED_LIMITS, _KILL_ON_CLOSE = 9, 0x2000
_WARNING = 0x30
_ASK_LITTLE, _DENIED, _STILL_ACTIVE = 0x1000, 5, 259


def _library(name: str) -> Any:
    loader = getattr(ctypes, "WinDLL", None)
    if loader is None:
        raise OSError("not Windows")
    return loader(name)


class Job:
    """Processes that end when this program does, however it ends: Windows closes the job with it.

    Raises:
        OSError, AttributeError: from the constructor, anywhere but on Windows.
    """

    def __init__(self) -> None:
        self._kernel = _library("kernel32")
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle = self._kernel.CreateJobObjectW(None, None)
        if not self._handle:
            raise OSError("no job object")
        pointer = struct.calcsize("P")
        limits = ctypes.create_string_buffer(144 if pointer == 8 else 112)
        struct.pack_into("<I", limits, 16, _KILL_ON_CLOSE)  # after two times of eight bytes
        if not self._kernel.SetInformationJobObject(
            ctypes.c_void_p(self._handle), _EXTENDED_LIMITS, limits, len(limits)
        ):
            self.close()
            raise OSError("the job object takes no limits")

    def take(self, child: "subprocess.Popen[bytes]") -> bool:
        """Put ``child``, and whatever it will start, into the job; False where Windows refuses."""
        process = ctypes.c_void_p(int(getattr(child, "_handle", 0)))
        return bool(self._kernel.AssignProcessToJobObject(ctypes.c_void_p(self._handle), process))

    def close(self) -> None:
        """End every process of it."""
        if self._handle:
            self._kernel.CloseHandle(ctypes.c_void_p(self._handle))
            self._handle = None


def windows_process_runs(pid: int) -> bool:
    """Whether there is a process of this number; one that may not be asked is there. Elsewhere False."""
    try:
        kernel = _library("kernel32")
    except OSError:
        return False
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_ASK_LITTLE, 0, pid)
    if not handle:
        return bool(kernel.GetLastError() == _DENIED)
    code = ctypes.c_uint32()
    asked = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return not asked or code.value == _STILL_ACTIVE


def show_box(text: str) -> None:
    """A box with ``text``, for a program without a console; elsewhere nothing. Waits until it was read."""
    try:
        _library("user32").MessageBoxW(None, text, "Wattlight", _WARNING)
    except (OSError, AttributeError):
        return


def name_for_the_taskbar(app_id: str) -> None:
    """Tell the shell which shortcut this process belongs to, for its windows and messages."""
    try:
        _library("shell32").SetCurrentProcessExplicitAppUserModelID(ctypes.c_wchar_p(app_id))
    except (OSError, AttributeError):
        return
