"""Variables of the account: the registry of Windows and launchctl of macOS, on paper."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fakes.systems import needs_posix
from wattlight.domain.values import Problem
from wattlight.system import restart_user_service, set_login_variables, set_user_variables, user_variables


class Account(ModuleType):
    """``winreg`` with the one key of the account's variables; ``key`` None: the key is not there yet."""

    HKEY_CURRENT_USER, REG_SZ, REG_EXPAND_SZ, KEY_SET_VALUE = "HKCU", 1, 2, 2

    def __init__(self, **values: str) -> None:
        super().__init__("winreg")
        self.key: dict[str, tuple[str, int]] | None = {k: (v, 1) for k, v in values.items()} or None
        self.refuses = False

    @contextmanager
    def OpenKey(self, root: str, name: str) -> Iterator[dict[str, tuple[str, int]]]:
        assert (root, name) == ("HKCU", "Environment")
        if self.key is None:
            raise FileNotFoundError(2, name)
        yield self.key

    @contextmanager
    def CreateKeyEx(
        self, root: str, name: str, reserved: int, access: int
    ) -> Iterator[dict[str, tuple[str, int]]]:
        if self.refuses:
            raise PermissionError(13, "Access is denied")
        self.key = {} if self.key is None else self.key
        yield self.key

    def QueryInfoKey(self, key: dict[str, Any]) -> tuple[int, int, int]:
        return 0, len(key), 0

    def EnumValue(self, key: dict[str, tuple[str, int]], index: int) -> tuple[str, str, int]:
        name = list(key)[index]
        return name, *key[name]

    def SetValueEx(self, key: dict[str, Any], name: str, reserved: int, kind: int, value: str) -> None:
        key[name] = value, kind

    def DeleteValue(self, key: dict[str, Any], name: str) -> None:
        if name not in key:
            raise FileNotFoundError(2, name)
        del key[name]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What windows were told."""
    calls: list[tuple[Any, ...]] = []

    class User:
        def SendMessageTimeoutW(self, *arguments: Any) -> int:
            calls.append(arguments)
            return 1

    monkeypatch.setattr(ctypes, "WinDLL", lambda name: {"user32": User()}[name], raising=False)
    return calls


def test_windows_keeps_them_and_tells_every_window(
    monkeypatch: pytest.MonkeyPatch, told: list[tuple[Any, ...]]
) -> None:
    account = Account(PATH="C:\\bin", OLLAMA_MAX_QUEUE="9")
    monkeypatch.setitem(sys.modules, "winreg", account)
    assert user_variables() == {"PATH": "C:\\bin", "OLLAMA_MAX_QUEUE": "9"}
    set_user_variables(
        {"OLLAMA_MODELS": "%USERPROFILE%\\m", "OLLAMA_DEBUG": "1"}, ("OLLAMA_MAX_QUEUE", "OLLAMA_X")
    )
    assert account.key == {
        "PATH": ("C:\\bin", 1),
        "OLLAMA_MODELS": ("%USERPROFILE%\\m", account.REG_EXPAND_SZ),
        "OLLAMA_DEBUG": ("1", account.REG_SZ),
    }
    (call,) = told
    assert (call[0].value, call[1], call[3].value) == (0xFFFF, 0x1A, "Environment")


def test_an_account_without_any_gets_the_key(
    monkeypatch: pytest.MonkeyPatch, told: list[tuple[Any, ...]]
) -> None:
    account = Account()
    monkeypatch.setitem(sys.modules, "winreg", account)
    assert user_variables() == {}
    set_user_variables({"OLLAMA_DEBUG": "1"}, ())
    assert user_variables() == {"OLLAMA_DEBUG": "1"}
    account.refuses = True
    with pytest.raises(OSError, match="denied"):
        set_user_variables({"OLLAMA_DEBUG": "0"}, ())
    assert len(told) == 1


def program(folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of this name that notes how it was called."""
    said = folder / f"{name}.calls"
    file = folder / name
    file.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{said}"\n{body}\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return said


@needs_posix
def test_launchctl_is_asked_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = program(tmp_path, "launchctl", "", monkeypatch)
    set_login_variables({"OLLAMA_MODELS": "/Volumes/it's here"}, ("OLLAMA_DEBUG",))
    assert said.read_text().splitlines() == [
        "setenv OLLAMA_MODELS /Volumes/it's here",
        "unsetenv OLLAMA_DEBUG",
    ]
    program(tmp_path, "launchctl", "exit 3", monkeypatch)
    with pytest.raises(OSError, match="launchctl setenv"):
        set_login_variables({"OLLAMA_DEBUG": "1"}, ())


@needs_posix
def test_a_service_of_the_account_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = program(tmp_path, "systemctl", "", monkeypatch)
    restart_user_service("ollama", {"PATH": f"{tmp_path}:/bin"})
    assert said.read_text().splitlines() == ["--user daemon-reload", "--user restart ollama"]


@pytest.mark.parametrize("body", ['echo "Unit ollama.service not found." >&2; exit 5', None])
def test_why_it_was_not_is_said(body: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if body is not None:
        program(tmp_path, "systemctl", body, monkeypatch)
    with pytest.raises(Problem) as caught:
        restart_user_service("ollama", {"PATH": str(tmp_path)})
    assert caught.value.code == "not_restarted"
    assert ("not found" if body else "No such file") in str(caught.value) or "systemctl" in str(caught.value)
    assert "systemctl --user restart ollama" in caught.value.next_step
