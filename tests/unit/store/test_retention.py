"""Rows older than the person wants to keep."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from wattlight.domain.energy import Batch, EnergyRow, State
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import Recorder
from wattlight.store import LedgerFile, open_reader

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def batch(at: datetime, energy_mj: int) -> Batch:
    minute = to_us(at) // 60_000_000
    row = EnergyRow(LOCAL_HOST, minute, "gpu", None, State.BASE, energy_mj, 60_000, Quality.COUNTER)
    return Batch(rows=(row,))


def total_mj(file: Path) -> int:
    with open_reader(file) as reader:
        buckets = reader.buckets(0, to_us(NOW + timedelta(days=1)), LOCAL_HOST)
        return sum(bucket.energy_mj for bucket in buckets)


def recorder(file: Path) -> Recorder:
    return Recorder(LedgerFile(file, lambda: NOW), lambda: NOW)


def test_older_rows_go_and_newer_ones_stay_also_after_the_roll_up(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writing = recorder(file)
    for days, energy_mj in ((500, 1), (420, 10), (380, 100), (20, 1000), (1, 10_000)):
        writing.accept(batch(NOW - timedelta(days=days), energy_mj))
        writing.commit()
    writing.open().roll_up(to_us(NOW))
    assert total_mj(file) == 11_111
    assert writing.open().forget_before(to_us(NOW - timedelta(days=396))) == 2
    assert total_mj(file) == 11_100
    writing.stop()


def test_the_thread_of_the_recorder_does_an_errand_after_its_commit(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writing = recorder(file)
    writing.open()
    writing.start()
    writing.put(batch(NOW, 5))
    assert writing.flush()
    assert total_mj(file) == 5
    writing.put(batch(NOW, 7))
    assert writing.ask(lambda writer: writer.purge(NOW))
    assert total_mj(file) == 0
    writing.put(batch(NOW, 9))
    assert writing.flush()
    assert total_mj(file) == 9
    assert writing.stop()
