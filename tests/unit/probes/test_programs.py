"""Processor time by program from a recorded ``/proc``, and from the real one."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wattlight.probes import ProgramTimes
from wattlight.probes import programs as module
from wattlight.probes.programs import TICKS
from wattlight.probes.reader import Reader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are the files of Linux")


class Proc:
    """A made-up ``/proc`` of two cores."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine(0)

    def machine(self, seconds: float) -> None:
        ticks = round(seconds * TICKS)
        text = f"cpu  {ticks} 0 0 99999 5 0 0 7 0 0\ncpu0 1 0 0\ncpu1 1 0 0\nintr 5\n"
        self.write("stat", text)

    def process(self, pid: int, name: str, seconds: float, exe: str = "", started: int = 77) -> None:
        ticks = round(seconds * TICKS)
        fields = f"S 1 1 1 0 -1 4194560 0 0 0 0 {ticks - ticks // 3} {ticks // 3} 0 0 20 0 1 0 {started} 0 0"
        self.write(f"{pid}/stat", f"{pid} ({name}) {fields}\n")
        link = self.root / "proc" / str(pid) / "exe"
        if exe and not link.is_symlink():
            link.symlink_to(exe)

    def write(self, name: str, text: str) -> None:
        file = self.root / "proc" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_programs_are_told_by_the_file_that_runs(proc: Proc) -> None:
    times = ProgramTimes(Reader(proc.root))
    for seconds in (0.0, 2.0):
        proc.machine(seconds * 2)
        proc.process(10, "Isolated Web Co", 5 + seconds / 4, "/usr/lib/firefox/firefox-bin")
        proc.process(11, "WebExtensions", 1 + seconds / 4, "/usr/lib/firefox/firefox-bin")
        proc.process(12, "train.py", 7 + seconds / 2, "/usr/bin/python3.12")
        proc.process(13, "Game (1).exe", 3 + seconds / 2, "/opt/wine/bin/wine64-preloader")
        use = times.look()
        assert (use is None) == (seconds == 0.0)
    assert use is not None
    assert use.seconds == pytest.approx({"firefox-bin": 1.0, "train.py": 1.0, "Game (1)": 1.0}, abs=0.03)
    assert use.busy_s == pytest.approx(4.0)
    assert use.cores == 2
    assert use.names[13] == "Game (1)"


def test_a_process_that_came_between_counts_whole_and_a_reused_id_anew(proc: Proc) -> None:
    times = ProgramTimes(Reader(proc.root))
    proc.process(20, "old", 50.0)
    times.look()
    proc.machine(9)
    proc.process(20, "new", 2.0, started=900)
    proc.process(21, "young", 3.0, started=950)
    use = times.look()
    assert use is not None
    assert use.seconds == pytest.approx({"new": 2.0, "young": 3.0}, abs=0.03)


@pytest.mark.parametrize(
    "text", ["", "garbage", "30 (x", "30 (x) S 1 2", "30 (x) S " + "nan " * 30, "30 () S " + "1 " * 30]
)
def test_a_line_that_cannot_be_read_is_passed_over(proc: Proc, text: str) -> None:
    times = ProgramTimes(Reader(proc.root))
    proc.write("30/stat", text)
    proc.process(31, "good", 1.0)
    times.look()
    proc.machine(4)
    proc.process(31, "good", 3.0)
    use = times.look()
    assert use is not None
    assert use.seconds["good"] == pytest.approx(2.0, abs=0.03)


def test_without_the_machines_own_times_nothing_is_told(proc: Proc) -> None:
    times = ProgramTimes(Reader(proc.root))
    times.look()
    proc.write("stat", "cpu  1 2\n")
    assert times.look() is None


def test_a_real_program_is_seen_at_work() -> None:
    times = ProgramTimes()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            times.look()
            time.sleep(0.6)
            use = times.look()
        finally:
            busy.kill()
    assert use is not None
    assert use.seconds[use.names[busy.pid]] > 0.05
    assert use.busy_s >= 0.05


def test_a_look_is_cheap() -> None:
    times = ProgramTimes()
    times.look()
    begun = time.process_time()
    use = times.look()
    took = time.process_time() - begun
    assert use is not None
    assert took < 0.05 + 0.0002 * len(use.names)


def test_elsewhere_the_library_tells(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    (proc.root / "proc" / "stat").unlink()
    spent = {"game.exe": 1.0, "ollama.exe": 5.0}

    def process_iter(_fields: list[str]) -> list[Any]:
        return [
            SimpleNamespace(
                pid=i,
                info={
                    "name": name,
                    "cpu_times": SimpleNamespace(user=seconds, system=0.5),
                    "create_time": 5.0,
                },
            )
            for i, (name, seconds) in enumerate(spent.items())
        ]

    library = SimpleNamespace(
        process_iter=process_iter,
        cpu_times=lambda: SimpleNamespace(user=sum(spent.values()) + 2, system=1.0),
        cpu_count=lambda: 8,
    )
    monkeypatch.setitem(sys.modules, "psutil", library)
    times = ProgramTimes(Reader(proc.root))
    assert times.look() is None
    spent["game.exe"] += 3.0
    use = times.look()
    assert use is not None
    assert use.seconds == {"game": 3.0}
    assert (use.busy_s, use.cores) == (3.0, 8)
    assert module.TICKS > 0
