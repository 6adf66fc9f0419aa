"""What Windows alone asks of a desktop program: no console windows, no orphans, a last word."""

import ctypes
import struct
import subprocess
from typing import Any
from uuid import UUID

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For every program that is started: without it a console program opens a window of its own."""

_EXTENDED_LIMITS, _KILL_ON_CLOSE = 9, 0x2000
_WARNING = 0x30
_ASK_LITTLE, _DENIED, _STILL_ACTIVE = 0x1000, 5, 259
_NETWORK_LIST = UUID("dcb00c01-570f-4a9b-8d69-199fdba5723b").bytes_le
_NETWORK_COST = UUID("dcb00008-570f-4a9b-8d69-199fdba5723b").bytes_le
"""INetworkCostManager of netlistmgr.h: GetCost stands behind the three of IUnknown."""
_RELEASE, _GET_COST = 2, 3
_ANY_SERVER = 23
_FIXED, _VARIABLE, _OVER_LIMIT, _ROAMING = 0x2, 0x4, 0x10000, 0x40000
"""Of NLM_CONNECTION_COST; 0 is unknown, 1 unrestricted."""


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


def network_is_metered() -> bool | None:
    """Whether Windows calls the way to the internet metered; None where it does not say, and elsewhere."""
    try:
        ole = _library("ole32")
    except OSError:
        return None
    begun = ole.CoInitializeEx(None, 0)  # fails on a thread that has begun otherwise: that is as good
    try:
        manager = ctypes.c_void_p()
        if ole.CoCreateInstance(_NETWORK_LIST, None, _ANY_SERVER, _NETWORK_COST, ctypes.byref(manager)) < 0:
            return None
        methods = ctypes.cast(manager, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
        method = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
        get_cost = method(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
            methods[_GET_COST]
        )
        release = method(ctypes.c_uint32, ctypes.c_void_p)(methods[_RELEASE])
        cost = ctypes.c_uint32()
        failed = get_cost(manager, ctypes.byref(cost), None) < 0
        release(manager)
    finally:
        if begun >= 0:
            ole.CoUninitialize()
    if failed or not cost.value:
        return None
    return bool(cost.value & (_FIXED | _VARIABLE | _OVER_LIMIT | _ROAMING))


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
