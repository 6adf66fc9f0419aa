"""Which process a number means: the number alone is reused, with its start time and program it is not."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PLATFORM: str = sys.platform


@dataclass(frozen=True, slots=True)
class Identity:
    """A process as the system tells it apart. ``start`` only means something when compared."""

    pid: int
    start: str
    program: str


def identity_of(pid: int) -> Identity | None:
    """The process with this number now; None if there is none, it is another user's, or it cannot be told."""
    if _PLATFORM == "linux":
        return _from_proc(pid)
    return _from_ps(pid) if _PLATFORM == "darwin" else None


def _from_proc(pid: int) -> Identity | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        if fields[0] == "Z":
            return None
        return Identity(pid, fields[19], str(Path(f"/proc/{pid}/exe").readlink()))
    except (OSError, IndexError):
        return None


def _from_ps(pid: int) -> Identity | None:
    try:
        done = subprocess.run(
            ["/bin/ps", "-p", str(pid), "-o", "lstart=,comm="], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.decode("utf-8", "replace").split()
    return Identity(pid, " ".join(words[:5]), " ".join(words[5:])) if len(words) > 5 else None


class Handle:
    """Holds a process so that a signal reaches this one or nobody, even when its number is reused.

    On Linux a pidfd does that. Elsewhere the identity is compared right before each signal.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._fd: int | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._fd = os.pidfd_open(identity.pid)

    @classmethod
    def open(cls, wanted: Identity) -> Self | None:
        """A handle on exactly ``wanted``; None when that process is not there any more."""
        handle = cls(wanted)
        if identity_of(wanted.pid) == wanted:
            return handle
        handle.close()
        return None

    def close(self) -> None:
        """Let go of it. Not while another thread waits for it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()

    def alive(self) -> bool:
        """True while it runs; with a pidfd also when it has become another program by exec."""
        if self._fd is not None:
            return not self.wait(0)
        return identity_of(self.identity.pid) == self.identity

    def send(self, number: int) -> bool:
        """Send a signal; False when the process is gone."""
        try:
            if self._fd is not None and sys.platform == "linux":
                signal.pidfd_send_signal(self._fd, number)
            elif self.alive():
                os.kill(self.identity.pid, number)
            else:
                return False
        except OSError:
            return False
        return True

    def kill_group(self) -> None:
        """Kill it and its own children at once; it was started as the leader of a group of its own."""
        if self.alive() and _PLATFORM != "win32":
            with contextlib.suppress(OSError):
                os.killpg(self.identity.pid, signal.SIGKILL)

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for its end; True when it has ended. Without a pidfd it looks twice a second."""
        if self._fd is not None:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self.alive():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(0.5)
        return True


def end_group(leader: Identity, proc: Path = Path("/proc")) -> int:
    """Kill what a managed server left behind that crashed while nobody watched; how many there were.

    Only processes that are in the group it led *and* run a program of the same installed version: a number
    that means something else by now matches neither. Linux only; elsewhere nothing is done.
    """
    program = Path(leader.program)
    if _PLATFORM != "linux" or program.name != "ollama" or program.parent.name != "bin":
        return 0
    ended = 0
    for folder in proc.iterdir():
        found = _from_proc(int(folder.name)) if folder.name.isascii() and folder.name.isdigit() else None
        if found is None or _group_of(found.pid) != leader.pid:
            continue
        if not Path(found.program).is_relative_to(program.parent.parent):
            continue
        handle = Handle.open(found)
        if handle is not None:
            ended += handle.send(signal.SIGKILL)
            handle.close()
    return ended


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None
