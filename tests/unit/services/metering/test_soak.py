"""Sixteen days of the meter in a minute: memory, open files and the ledger stay small."""

import gc
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest

from fakes.metering import QWEN, Machine
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import to_us
from wattlight.services.metering import LiveMeter, Recorder, close_days
from wattlight.store import LedgerFile, open_reader

BEAT_S = 5
DAY_TICKS = 86_400 // BEAT_S


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def soak(folder: Path, days: int) -> None:
    machine = Machine()
    clock, file, tariff = machine.clock, folder / "ledger.sqlite3", flat_tariff("0.3", "EUR", "Europe/Berlin")
    recorder = Recorder(
        LedgerFile(file, clock.now),
        clock.now,
        daily=lambda w: close_days(w, tariff, to_us(clock.at), ZoneInfo("UTC")),
        clock=lambda: clock.monotonic_s,
    )
    recorder.open()
    number = 0
    meter = LiveMeter(
        recorder.accept, lambda: (QWEN,) if number % 700 > 300 else (), lambda: tariff, clock.now
    )
    meter.expect(BEAT_S)
    start_mj = machine.counter_mj
    memory, files = [], []
    for day in range(days):
        for _ in range(DAY_TICKS):
            number += 1
            machine.power_w = 20.0 if number % 700 <= 300 else 45.0 + number % 7 * 30
            machine.run(BEAT_S)
            meter.take(machine.look())
            if number % 2 == 0:
                recorder.commit()
        recorder.maintain()
        gc.collect()
        memory.append(resident_bytes())
        files.append(len(list(Path("/proc/self/fd").iterdir())))
        if day == 0:
            start_mj += round(20.0 * 1000 * BEAT_S)  # the first look only begins
    meter.finish()
    recorder.stop()
    assert len(set(files)) == 1
    assert memory[-1] - memory[len(memory) // 2] < (1 << 20) * max(1, days // 2)
    with open_reader(file) as reader:
        buckets = list(reader.buckets(0, 2**60))
        closed = reader.closed_days(f"Europe/Berlin/{tariff.fingerprint}", "2026-01-01", "2027-01-01")[0]
    assert sum(b.energy_mj for b in buckets) == machine.counter_mj - start_mj
    minutes = {b.start_us for b in buckets if b.length_us == 60_000_000}
    assert len(minutes) < 16 * 1440  # 14 days, and the day by which the ledger holds its own time back
    assert len(closed) >= days - 1
    assert file.stat().st_size < 8_000_000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_fault_60_a_day(tmp_path: Path) -> None:
    soak(tmp_path, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_fault_60_sixteen_days(tmp_path: Path) -> None:
    soak(tmp_path, 16)
