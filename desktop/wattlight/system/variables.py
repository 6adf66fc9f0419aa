"""Variables of this account that programs started later inherit: the registry of Windows, launchctl of macOS.

The first was tried under Wine, neither on a real Windows or Mac.
"""

import ctypes
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from .windows import NO_WINDOW

_KEY = "Environment"
_BROADCAST, _SETTING_CHANGED, _ABORT_IF_HUNG = 0xFFFF, 0x001A, 0x0002
_WAIT_MS = 2000
_LAUNCHCTL_S = 10.0


def user_variables() -> dict[str, str]:
    """The variables of this account (``HKCU\\Environment``), as they are written there.

    Raises:
        OSError: they cannot be read; ImportError: this is not Windows.
    """
    import winreg

    api: Any = winreg
    found: dict[str, str] = {}
    try:
        with api.OpenKey(api.HKEY_CURRENT_USER, _KEY) as key:
            for index in range(api.QueryInfoKey(key)[1]):
                name, value, _ = api.EnumValue(key, index)
                found[name] = str(value)
    except FileNotFoundError:
        return {}
    return found


def set_user_variables(values: Mapping[str, str], unset: Sequence[str]) -> None:
    """Write and remove variables of this account, and tell the desktop, so that programs started by it from
    now on see them.

    Raises:
        OSError: the registry refuses.
    """
    import winreg

    api: Any = winreg
    with api.CreateKeyEx(api.HKEY_CURRENT_USER, _KEY, 0, api.KEY_SET_VALUE) as key:
        for name, value in values.items():
            kind = api.REG_EXPAND_SZ if "%" in value else api.REG_SZ
            api.SetValueEx(key, name, 0, kind, value)
        for name in unset:
            try:
                api.DeleteValue(key, name)
            except FileNotFoundError:
                continue
    _tell_windows()


def _tell_windows() -> None:
    """WM_SETTINGCHANGE to every window; one that does not answer is not waited for."""
    loader = getattr(ctypes, "WinDLL", None)
    if loader is None:
        return
    answer = ctypes.c_size_t()
    loader("user32").SendMessageTimeoutW(
        ctypes.c_void_p(_BROADCAST),
        _SETTING_CHANGED,
        ctypes.c_void_p(0),
        ctypes.c_wchar_p(_KEY),
        _ABORT_IF_HUNG,
        _WAIT_MS,
        ctypes.byref(answer),
    )


def set_login_variables(values: Mapping[str, str], unset: Sequence[str]) -> None:
    """Let programs that are started from now on, until the next login, inherit these (macOS).

    Raises:
        OSError: launchctl is not there or failed.
    """
    calls = [["setenv", name, value] for name, value in values.items()]
    calls += [["unsetenv", name] for name in unset]
    for arguments in calls:
        try:
            done = subprocess.run(
                ["launchctl", *arguments],
                capture_output=True,
                timeout=_LAUNCHCTL_S,
                check=False,
                creationflags=NO_WINDOW,
            )
        except subprocess.TimeoutExpired as error:
            raise OSError("launchctl does not answer") from error
        if done.returncode:
            raise OSError(done.returncode, f"launchctl {arguments[0]}")
