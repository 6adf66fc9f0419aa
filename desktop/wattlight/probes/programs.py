"""Processor time by program, of the processes of this account; nothing is kept open between looks."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from wattlight.domain.values import clean_text

from .numbers import whole
from .reader import Reader

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_RUN_OTHERS = (
    "python", "pypy", "node", "java", "perl", "ruby", "bash", "dash", "sh", "zsh", "wine", "electron", "env",
    "bwrap", "qemu", "mono", "dotnet",
)  # fmt: skip
"""Programs that run others: there the process's own name says more than the file that is executed."""
_FIELDS_AFTER_NAME = 20
_USER, _SYSTEM, _STARTED = 11, 12, 19
"""Fields of ``/proc/PID/stat`` after the name in brackets."""


@dataclass(frozen=True, slots=True)
class ProgramUse:
    """Processor seconds since the look before: by program, and of everything that ran.

    ``names`` gives the program of each process of this account. ``cores`` is how many there are.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    busy_s: float = 0.0
    cores: int = 1
    names: dict[int, str] = field(default_factory=dict)


class ProgramTimes:
    """What each program of this account took of the processor between two looks."""

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader = reader or Reader()
        self._before: dict[int, tuple[int, float]] = {}
        self._busy_before: float | None = None
        self._names: dict[tuple[int, int], str] = {}
        self._linux = sys.platform != "win32" and self._reader.exists("/proc/stat")

    def look(self) -> ProgramUse | None:
        """Use since the last look; None the first time, and where nothing can be told. Never raises."""
        busy_s, cores = self._machine() if self._linux else _machine_by_library()
        now: dict[int, tuple[int, float]] = {}
        names: dict[int, str] = {}
        seconds: dict[str, float] = {}
        known: dict[tuple[int, int], str] = {}
        first = self._busy_before is None
        for pid, started, spent_s, name in self._own() if self._linux else _own_by_library():
            now[pid] = started, spent_s
            key = pid, started
            known[key] = names[pid] = self._names.get(key) or self._name(pid, name)
            was_started, was_s = self._before.get(pid, (started, 0.0))
            used_s = spent_s - was_s if was_started == started else spent_s
            if used_s > 0 and not first:
                seconds[names[pid]] = seconds.get(names[pid], 0.0) + used_s
        before, self._busy_before = self._busy_before, busy_s
        self._before, self._names = now, known
        if before is None or busy_s is None or not now:
            return None
        return ProgramUse(seconds, max(0.0, busy_s - before), cores, names)

    def _machine(self) -> tuple[float | None, int]:
        """Seconds in which any core worked since the start, and how many cores there are."""
        lines = (self._reader.text("/proc/stat") or "").splitlines()
        cores = sum(1 for line in lines if line.startswith("cpu")) - 1
        fields = [whole(word) for word in lines[0].split()[1:8]] if lines else []
        if len(fields) < 7 or None in fields:
            return None, 1
        user, nice, system, _idle, _waiting, irq, softirq = (value or 0 for value in fields)
        return (user + nice + system + irq + softirq) / TICKS, max(1, cores)

    def _own(self) -> Iterator[tuple[int, int, float, str]]:
        """(id, when it started, processor seconds, short name) of this account's processes."""
        for entry in self._reader.listdir("/proc"):
            if not entry.isdecimal() or not self._reader.is_mine(f"/proc/{entry}"):
                continue
            text = self._reader.text(f"/proc/{entry}/stat")
            name, _, rest = (text or "").partition("(")[2].rpartition(")")
            fields = rest.split()
            if len(fields) < _FIELDS_AFTER_NAME:
                continue
            user, system, started = (whole(fields[i]) for i in (_USER, _SYSTEM, _STARTED))
            if user is not None and system is not None and started is not None:
                yield int(entry), started, (user + system) / TICKS, name

    def _name(self, pid: int, short: str) -> str:
        """The program as a person knows it: the file that runs, or the name a script has given itself."""
        file = (
            (self._reader.readlink(f"/proc/{pid}/exe") or "").removesuffix(" (deleted)")
            if self._linux
            else ""
        )
        if not file or file.startswith(_RUN_OTHERS):
            file = short
        return clean_text(file.removesuffix(".exe"), 60) or str(pid)


def _machine_by_library() -> tuple[float | None, int]:
    import psutil

    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    return float(busy), psutil.cpu_count() or 1


def _own_by_library() -> Iterator[tuple[int, int, float, str]]:
    """Where the system has no ``/proc``: those whose times may be read."""
    import psutil

    for process in psutil.process_iter(["name", "cpu_times", "create_time"]):
        facts = process.info
        times = facts.get("cpu_times")
        if times is not None and (times.user or times.system):
            yield (
                process.pid,
                int(facts.get("create_time") or 0),
                times.user + times.system,
                facts["name"] or "",
            )
