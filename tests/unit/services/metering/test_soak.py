"""Weeks of the meter in minutes: memory, open files and the ledger stay small."""

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

DAY_S = 86_400


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def soak(folder: Path, days: int, beat_s: int = 5) -> None:
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
    meter.expect(beat_s)
    start_mj = machine.counter_mj
    memory, files = [], []
    for day in range(days):
        for _ in range(DAY_S // beat_s):
            number += 1
            machine.power_w = 20.0 if number % 700 <= 300 else 45.0 + number % 7 * 30
            machine.run(beat_s)
            meter.take(machine.look())
            if number % (10 // beat_s) == 0:
                recorder.commit()
        recorder.maintain()
        gc.collect()
        memory.append(resident_bytes())
        files.append(len(list(Path("/proc/self/fd").iterdir())))
        if day == 0:
            start_mj += round(20.0 * 1000 * beat_s)  # the first look only begins
    meter.finish()
    recorder.stop()
    assert len(set(files)) == 1
    mib_a_day = (memory[-1] - memory[len(memory) // 2]) / (1 << 20) / max(1, days // 2)
    print(f"{days} days at a beat of {beat_s} s: {mib_a_day:.3f} MiB a day, {max(memory) >> 20} MiB at most")
    assert mib_a_day < 1
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_week_while_somebody_looks(tmp_path: Path) -> None:
    soak(tmp_path, 7, beat_s=1)
