"""A small machine of files whose CPU package counter can be moved: something to meter where no sensor is."""

import threading
from collections.abc import Callable
from pathlib import Path

MEMINFO = """MemTotal:       32768000 kB
MemFree:        20000000 kB
MemAvailable:   26000000 kB
Buffers:          200000 kB
Cached:          5000000 kB
SwapTotal:             0 kB
SwapFree:              0 kB
"""
CPUINFO = """processor	: 0
vendor_id	: GenuineIntel
model name	: Intel(R) Core(TM) i7-13700K
flags		: fpu sse avx avx2
cpu cores	: 8
"""


class PowerTree:
    """Files below ``root``; :meth:`run` lets the package counter grow in a thread until :meth:`stop`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._energy_uj = 100_000_000_000
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        zone = root / "sys/class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        (zone / "name").write_text("package-0\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
        self._file = zone / "energy_uj"
        (root / "proc/sys/kernel/random").mkdir(parents=True)
        (root / "proc/sys/kernel/random/boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
        (root / "proc/meminfo").write_text(MEMINFO)
        (root / "proc/cpuinfo").write_text(CPUINFO)
        (root / "proc/version").write_text("Linux version 6.12.0\n")
        self.add(0)

    def add(self, joules: float) -> None:
        """Move the counter on, in place: the probes keep the file open. It keeps its number of digits."""
        self._energy_uj += round(joules * 1_000_000)
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as stream:
            stream.write(f"{self._energy_uj:012d}\n".encode())

    def run(self, watts: Callable[[], float], step_s: float = 0.1) -> "PowerTree":
        """Let the counter grow by what ``watts`` says."""

        def grow() -> None:
            while not self._end.wait(step_s):
                self.add(watts() * step_s)

        self._thread = threading.Thread(target=grow, name="power-tree", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(5)
