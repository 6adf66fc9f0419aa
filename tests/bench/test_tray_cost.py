"""What the tray costs, as ratios against a floor that runs beside it: CPU to the icon, memory, idle.

pytest -m bench tests/bench/test_tray_cost.py -s
"""

import compileall
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.sni_probe import TrayProbe
from qt.desk import Desk, missing_tools

HERE = Path(__file__).parent
FLOOR = [sys.executable, str(HERE / "floor_tray.py")]
PROGRAM = [sys.executable, "-m", "wattlight", "--hidden"]
ROUNDS = 7
SETTLE_S = 25.0
"""Time for everything that happens once after the start."""
IDLE_S = 60.0

ICON_RATIO = 1.2
MEMORY_RATIO = 1.15
IDLE_CORE = 0.001
IDLE_WAKEUPS = 1.0

pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(bool(missing_tools()), reason="needs Xvfb and dbus-daemon"),
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A screen and a bus; the model server's address is a closed port. What runs was compiled before."""
    compileall.compile_dir(HERE.parents[1] / "desktop" / "wattlight", quiet=2)
    made = Desk(tmp_path).open()
    made.env["OLLAMA_HOST"] = "http://127.0.0.1:9"
    yield made
    made.close()


@contextlib.asynccontextmanager
async def tray_host(desk: Desk):
    """A tray host on the desk's bus."""
    async with TrayProbe(desk.address) as probe:
        yield probe


def cpu_to_icon(desk: Desk, *commands: list[str]) -> list[float]:
    """CPU seconds of each command until its icon was shown: turn about, files warm, the best of each.

    The best, since everything else the machine does only adds.
    """
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(ROUNDS + 1):
        for index, command in enumerate(commands):
            done = subprocess.run(
                command, env=desk.env, capture_output=True, text=True, timeout=60, check=True
            )
            times[index].append(float(done.stdout.split()[0]))
    return [min(row[1:]) for row in times]


def memory_kib(pid: int) -> int:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise LookupError(pid)


Used = tuple[float, int, int]


def used(pid: int) -> Used:
    """(CPU seconds, waits, preemptions) of all threads: only a wait ends in a wake-up."""
    seconds, waits, preempted = 0.0, 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                waits += int(line.split()[1])
            elif line.startswith("nonvoluntary_ctxt_switches"):
                preempted += int(line.split()[1])
    return seconds, waits, preempted


def test_cpu_to_icon(desk: Desk) -> None:
    import asyncio

    async def go() -> list[float]:
        ours = [sys.executable, str(HERE / "program_to_icon.py")]
        async with tray_host(desk):
            return await asyncio.to_thread(cpu_to_icon, desk, [*FLOOR, "bare", "once"], ours)

    floor, ours = asyncio.run(go())
    print(
        f"CPU to icon: bare tray {floor * 1000:.0f} ms, ours {ours * 1000:.0f} ms, ratio {ours / floor:.2f}"
    )
    assert ours <= ICON_RATIO * floor


def test_memory_and_idle(desk: Desk) -> None:
    import asyncio

    async def go() -> None:
        async with tray_host(desk) as probe:
            floor = desk.spawn(FLOOR)
            await probe.wait_item()
            ours = desk.spawn(PROGRAM)
            await probe.wait_item()
            await asyncio.sleep(SETTLE_S)
            assert ours.poll() is None, "the program has ended"
            ledger = Path(desk.env["WATTLIGHT_HOME"]) / "data" / "ledger.sqlite3"
            assert ledger.is_file(), "an icon alone: what records behind it did not start"
            before, start = used(ours.pid), time.monotonic()
            await asyncio.sleep(IDLE_S)
            after, span = used(ours.pid), time.monotonic() - start
            report(memory_kib(floor.pid), memory_kib(ours.pid), before, after, span)

    asyncio.run(go())


def report(floor_kib: int, ours_kib: int, before: Used, after: Used, span: float) -> None:
    """Print the figures and hold them to their limits."""
    core, wakeups, preempted = ((b - a) / span for a, b in zip(before, after, strict=True))
    ratio = ours_kib / floor_kib
    print(
        f"memory: floor {floor_kib / 1024:.0f} MiB, ours {ours_kib / 1024:.0f} MiB, ratio {ratio:.2f}; "
        f"idle: {core * 100:.3f} % of a core, {wakeups:.2f} wake-ups a second "
        f"(and preempted {preempted:.2f} times a second by other programs)"
    )
    faults = []
    if ratio > MEMORY_RATIO:
        faults.append(f"memory ratio {ratio:.2f}")
    if core > IDLE_CORE:
        faults.append(f"{core * 100:.3f} % of a core")
    if wakeups > IDLE_WAKEUPS:
        faults.append(f"{wakeups:.2f} wake-ups a second")
    assert not faults, faults


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-m", "bench", "-s", "-q", *sys.argv[1:]]))
