"""The computer stays awake while something long is done, and not a moment longer."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wattlight.system import awake, kept_awake

if TYPE_CHECKING:
    from fakes.fake_system_bus import FakeLogind

ROOT = Path(__file__).resolve().parents[3]
needs_logind = pytest.mark.skipif(
    not (shutil.which("systemd-inhibit") and shutil.which("dbus-daemon")), reason="needs systemd-inhibit"
)


@pytest.fixture
def logind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[FakeLogind]":
    from fakes.fake_system_bus import FakeLogind, own_bus  # its library is not for Windows

    with own_bus(tmp_path) as address, FakeLogind(address) as fake:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield fake


@needs_logind
def test_a_lock_is_held_within_the_block(logind: "FakeLogind") -> None:
    with kept_awake("downloading a"):
        logind.wait_for_held(1)
        assert logind.asked == [["sleep:idle", "Wattlight", "downloading a", "block"]]
        time.sleep(0.8)  # the copy of the one who gave it is closed
        assert logind.held() == 1
    logind.wait_for_held(0)


@needs_logind
def test_an_error_in_the_block_releases_it(logind: "FakeLogind") -> None:
    with pytest.raises(ZeroDivisionError), kept_awake("b"):
        logind.wait_for_held(1)
        raise ZeroDivisionError
    logind.wait_for_held(0)


@needs_logind
def test_killed_we_hold_it_no_longer(logind: "FakeLogind") -> None:
    code = "import time\nfrom wattlight.system import kept_awake\nwith kept_awake('c'): time.sleep(60)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "desktop")}
    child = subprocess.Popen([sys.executable, "-c", code], env=environ)
    logind.wait_for_held(1)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    logind.wait_for_held(0)


def test_where_nothing_can_be_asked_the_work_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = []
    for platform in ("linux", "freebsd14", "win32", "darwin"):
        with kept_awake("d", platform):
            done.append(platform)
    assert len(done) == 4


def test_a_lock_that_is_refused_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "systemd-inhibit"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    begun = time.monotonic()
    with kept_awake("e", "linux"):
        pass
    assert time.monotonic() - begun < 1.5


class Library:
    """Notes its calls."""

    def __init__(self, refuses: int = 0) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.refuses = refuses

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            first = arguments[0]
            self.calls.append((name, first.value if isinstance(first, ctypes.c_uint32) else first))
            if name == "IOPMAssertionCreateWithName":
                arguments[3]._obj.value = 77
                return self.refuses
            return 4096

        function: Any = call
        setattr(self, name, function)
        return function


def test_windows_is_told_and_told_back_on_one_thread() -> None:
    kernel = Library()
    with awake._by_windows(kernel):
        assert kernel.calls == [("SetThreadExecutionState", 0x80000001)]
    assert kernel.calls[1:] == [("SetThreadExecutionState", 0x80000000)]


@pytest.mark.parametrize("refuses", [0, 1])
def test_an_assertion_of_macos_is_released_if_it_was_given(refuses: int) -> None:
    kit, core = Library(refuses), Library()
    with awake._by_power_manager("f", kit, core):
        assert [name for name, _ in kit.calls] == ["IOPMAssertionCreateWithName"]
    released = [value for name, value in kit.calls if name == "IOPMAssertionRelease"]
    assert released == ([] if refuses else [77])
    assert [name for name, _ in core.calls].count("CFRelease") == 2
