"""One program for each user: the lock decides, the socket only says "show"."""

import os
import shutil
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from fakes.systems import needs_removing_open_files
from wattlight.paths import Places
from wattlight.ui.single import SingleInstance

from .desk import Desk, TrayApp, wait_until

pytestmark = [pytest.mark.qt, pytest.mark.timeout(110)]


def socket_of(desk: Desk) -> Path:
    """Where the living program of this desk listens."""
    return desk.folder / "home" / "run" / "tray.sock"


def test_fault_51_twenty_at_once_leave_exactly_one(bare_desk: Desk) -> None:
    """Fault 51: twenty are started at the same moment; one lives, the others show it and end with 0."""
    apps = [TrayApp(bare_desk, "evening", "--hidden") for _ in range(20)]
    wait_until(lambda: sum(a.process.poll() is not None for a in apps) >= 19, 60)
    alive = [a for a in apps if a.process.poll() is None]
    assert len(alive) == 1
    assert [a.process.returncode for a in apps if a not in alive] == [0] * 19
    alive[0].wait_call("watch")
    assert sum(["running"] in a.calls() for a in apps) == 1


def test_fault_51_second_start_shows_the_first(bare_desk: Desk) -> None:
    """Fault 51: a second start raises the window of the first and ends with 0."""
    first = TrayApp(bare_desk, "evening", "--hidden")
    first.wait_call("running")
    second = TrayApp(bare_desk, "evening")
    assert second.process.wait(15) == 0
    assert second.calls() == [["second"]]
    first.wait_call("watch")
    assert first.process.poll() is None


def test_fault_52_lock_of_a_killed_program_is_taken_over(bare_desk: Desk) -> None:
    first = TrayApp(bare_desk, "evening", "--hidden")
    first.wait_call("running")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(5)
    second = TrayApp(bare_desk, "evening")
    second.wait_call("running")
    third = TrayApp(bare_desk, "evening")
    assert third.process.wait(15) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sockets of another kind")
def test_fault_53_garbage_on_the_socket_changes_nothing(bare_desk: Desk) -> None:
    app = TrayApp(bare_desk, "evening", "--hidden")
    app.wait_call("running")
    path = socket_of(bare_desk)
    wait_until(path.exists)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for rubbish in (b"\n", b"show me\x00\n", b"quit\n", b"x" * 100_000, b"show " + b"y" * 5000 + b"\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(5)
            link.connect(str(path))
            try:
                link.sendall(rubbish)
                assert link.recv(10) == b""
            except (ConnectionError, BrokenPipeError):
                pass
    assert ["watch"] not in app.calls()
    assert app.process.poll() is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        link.connect(str(path))
        link.sendall(b"show\n")
        assert link.recv(10) == b"ok\n"
    app.wait_call("watch")
    assert "Traceback" not in app.errors()
    assert os.path.exists(path)  # noqa: PTH110 - a socket


@needs_removing_open_files
def test_a_lock_that_is_removed_is_taken_again(tmp_path: Path, qapp: object) -> None:
    places = Places(*(tmp_path / name for name in ("config", "data", "state", "cache", "run")))
    first, second = SingleInstance(places), SingleInstance(places)
    assert first.take()
    shutil.rmtree(places.data)
    first.mind()
    assert places.instance_lock.exists()
    assert not second._lock.tryLock(0)
    first.close()
    assert second.take()
    second.close()
