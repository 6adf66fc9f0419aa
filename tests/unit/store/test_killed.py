"""A killed recorder loses no row that was acknowledged."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wattlight.domain.values import LOCAL_HOST
from wattlight.store import MeterLock, open_ledger, open_reader

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from wattlight.domain.energy import Batch, CounterBase, EnergyRow, State
from wattlight.domain.values import LOCAL_HOST, Quality
from wattlight.store import MeterLock, Pending, open_ledger
folder = Path(sys.argv[1])
lock = MeterLock(folder / "meter.lock")
assert lock.acquire()
writer = open_ledger(folder / "ledger.sqlite3", datetime.now(UTC)).writer
bases = writer.counters(LOCAL_HOST)
counter = bases[0].counter_mj if bases else 0
while True:
    counter += 7
    pending = Pending()
    row = EnergyRow(LOCAL_HOST, counter // 700, "gpu", None, State.BASE, 7, 1, Quality.COUNTER)
    base = CounterBase(LOCAL_HOST, "gpu", counter, counter, 0, "e", "b")
    pending.add(Batch(rows=(row,), counters=(base,)))
    writer.write(pending)
    sys.stdout.write(f"{counter}\\n")
    sys.stdout.flush()
"""


def kill_once(folder: Path, acknowledged: int) -> int:
    """Let a writer run until a few rows are acknowledged, kill it, return the last acknowledged counter."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    last = acknowledged
    for _ in range(1 + acknowledged % 40):
        line = process.stdout.readline()
        assert line, "the writer ended by itself"
        last = int(line)
    time.sleep((acknowledged % 13) / 1000)  # a random point within a transaction
    process.send_signal(signal.SIGKILL)
    tail = process.stdout.read().split(b"\n")
    process.wait(10)
    process.stdout.close()
    complete = [int(item) for item in tail[:-1] if item]
    return complete[-1] if complete else last


def check(folder: Path, rounds: int) -> None:
    acknowledged = 0
    for _ in range(rounds):
        acknowledged = max(acknowledged, kill_once(folder, acknowledged))
        with open_reader(folder / "ledger.sqlite3") as reader:
            energy = sum(bucket.energy_mj for bucket in reader.buckets(0, 2**60))
        assert energy >= acknowledged
        acknowledged = energy
    opened = open_ledger(folder / "ledger.sqlite3", datetime.now(UTC))
    assert opened.notices == ()
    # row and counter are one transaction: what the counter says is what the rows sum to
    assert opened.writer.counters(LOCAL_HOST)[0].counter_mj == acknowledged
    opened.writer.close()
    lock = MeterLock(folder / "meter.lock")
    assert lock.acquire()
    lock.release()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_fault_36_a_few_kills(tmp_path: Path) -> None:
    check(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_fault_36_two_hundred_kills(tmp_path: Path) -> None:
    check(tmp_path, 200)
