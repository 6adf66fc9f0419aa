"""The only writer: commits, keeps what it cannot write, begins anew after damage."""

import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fakes.metering import START, Clock
from wattlight.domain.energy import Batch, EnergyRow, State
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import LedgerFile, Recorder
from wattlight.store import LedgerWriter, OpenedLedger, Pending, open_reader

MINUTE = to_us(START) // 60_000_000


def batch(minute: int = MINUTE, mj: int = 10) -> Batch:
    return Batch(
        rows=(EnergyRow(LOCAL_HOST, minute, "gpu", None, State.BASE, mj, 1000, Quality.COUNTER),),
        presence=((LOCAL_HOST, minute, 1000),),
    )


def energy(file: Path) -> int:
    with open_reader(file) as reader:
        return sum(b.energy_mj for b in reader.buckets(0, 2**60))


@dataclass
class Told:
    """Notices, in order."""

    said: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, kind: str, text: str) -> None:
        self.said.append((kind, text))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.said]


def test_the_thread_commits_and_stop_flushes_within_a_second(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, commit_s=3600)
    recorder.open()
    recorder.start()
    for _ in range(100):
        recorder.put(batch())
    assert recorder.flush()
    assert energy(file) == 1000
    recorder.put(batch(mj=1))
    assert recorder.stop(1.0)
    assert energy(file) == 1001
    assert not [t for t in threading.enumerate() if t.name == "recorder"]


def test_a_flush_during_a_commit_waits_for_what_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, answers, release = tmp_path / "ledger.sqlite3", list[bool](), threading.Event()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, commit_s=3600)
    recorder.open()
    asking = threading.Thread(target=lambda: answers.append(recorder.flush(0.2)))
    write, writes, begun = LedgerWriter.write, list[Pending](), threading.Event()

    def slowly(writer: LedgerWriter, pending: Pending) -> None:
        writes.append(pending)
        if len(writes) == 1:
            recorder.put(batch(mj=1))
            asking.start()
            begun.set()
            assert recorder._hurry.wait(5)  # the flush has begun while this commit is under way
        else:
            release.wait(5)
        write(writer, pending)

    monkeypatch.setattr(LedgerWriter, "write", slowly)
    recorder.start()
    recorder.put(batch())
    recorder.flush(0.0)
    assert begun.wait(5)
    asking.join(5)
    assert answers == [False]
    release.set()
    assert recorder.flush(5)
    assert energy(file) == 11
    assert recorder.stop()


def test_an_idle_recorder_sleeps_until_it_is_stopped(tmp_path: Path) -> None:
    recorder = Recorder(LedgerFile(tmp_path / "x.sqlite3", Clock().now), Clock().now, commit_s=3600)
    recorder.start()
    assert recorder.stop(2.0)
    assert not (tmp_path / "x.sqlite3").exists()


def limit_pages(recorder: Recorder, pages: int | None) -> None:
    connection = recorder.open().connection
    now = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {now if pages is None else pages}")


def test_a_full_disk_keeps_an_hour_and_catches_up(tmp_path: Path) -> None:
    file, clock, told = tmp_path / "ledger.sqlite3", Clock(), Told()
    recorder = Recorder(LedgerFile(file, clock.now), clock.now, told)
    recorder.open()
    (tmp_path / "ledger.sqlite3.reserve").unlink()
    limit_pages(recorder, None)
    for minute in range(90 * 20):  # an hour and a half, twenty devices' worth of rows
        recorder.accept(
            Batch(
                rows=(
                    EnergyRow(
                        LOCAL_HOST, MINUTE + minute // 20, f"d{minute % 20}", None, State.BASE, 1, 1,
                        Quality.COUNTER,
                    ),
                )
            )
        )  # fmt: skip
    clock.move(90 * 60)
    assert not recorder.commit()
    assert not recorder.commit()
    assert told.kinds == ["disk_full"]
    assert "hour" in told.said[0][1]
    limit_pages(recorder, 100_000)
    assert recorder.commit()
    assert energy(file) == 60 * 20
    assert told.kinds == ["disk_full", "ledger"]
    recorder.stop()


class Reserved(LedgerFile):
    """A disk on which giving back the reserve makes room."""

    recorder: Recorder | None = None

    def release_reserve(self) -> bool:
        there = super().release_reserve()
        if there and self.recorder is not None:
            limit_pages(self.recorder, 100_000)
        return there


def test_the_reserve_lets_a_full_disk_commit_once_more(tmp_path: Path) -> None:
    file, clock, told = tmp_path / "ledger.sqlite3", Clock(), Told()
    ledger = Reserved(file, clock.now)
    recorder = ledger.recorder = Recorder(ledger, clock.now, told)
    recorder.open()
    assert (tmp_path / "ledger.sqlite3.reserve").stat().st_size == 1 << 20
    limit_pages(recorder, None)
    for minute in range(3000):
        recorder.accept(batch(MINUTE + minute))
    assert recorder.commit()
    assert energy(file) == 30_000
    assert told.kinds == ["disk_full"]
    assert not (tmp_path / "ledger.sqlite3.reserve").exists()
    recorder.stop()


def test_damage_while_running_moves_the_file_aside_and_goes_on(tmp_path: Path) -> None:
    file, clock, told = tmp_path / "ledger.sqlite3", Clock(), Told()

    @dataclass
    class Broken:
        inner: LedgerFile
        broken: bool = False

        def open(self) -> OpenedLedger:
            return self.inner.open()

        def release_reserve(self) -> bool:
            return False

    recorder = Recorder(Broken(LedgerFile(file, clock.now)), clock.now, told)
    writer = recorder.open()
    for minute in range(2000):
        recorder.accept(batch(MINUTE + minute))
    recorder.commit()
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * (file.stat().st_size - 4096))
    writer.connection.execute("PRAGMA shrink_memory")
    recorder.accept(batch(MINUTE + 5000, 77))
    assert recorder.commit()
    assert energy(file) == 77
    assert [p.name for p in tmp_path.glob("*.corrupt-*") if "-wal" not in p.name and "-shm" not in p.name]
    assert "damaged" in told.said[0][1]
    recorder.stop()


def test_a_file_held_by_another_program_loses_nothing(tmp_path: Path) -> None:
    file, clock, told = tmp_path / "ledger.sqlite3", Clock(), Told()
    recorder = Recorder(LedgerFile(file, clock.now), clock.now, told)
    recorder.open().connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recorder.accept(batch())
    assert not recorder.commit()
    recorder.accept(batch())
    other.execute("ROLLBACK")
    other.close()
    assert recorder.commit()
    assert energy(file) == 20
    assert told.kinds == ["ledger_busy", "ledger"]
    recorder.stop()


def test_where_nothing_can_be_written_it_counts_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = Told()
    recorder = Recorder(LedgerFile(tmp_path / "file" / "l.sqlite3", Clock().now), Clock().now, told)
    recorder.open()
    recorder.accept(batch())
    assert recorder.commit()
    assert "in memory" in told.said[0][1]
    recorder.stop()


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    from wattlight.store import LedgerProblem

    file = tmp_path / "ledger.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE future (x)")
    connection.close()
    with pytest.raises(LedgerProblem, match="newer"):
        Recorder(LedgerFile(file, Clock().now), Clock().now).open()


def test_once_a_day_old_minutes_are_rolled_up_and_days_closed(tmp_path: Path) -> None:
    file, clock = tmp_path / "ledger.sqlite3", Clock()
    closed: list[int] = []
    recorder = Recorder(LedgerFile(file, clock.now), clock.now, daily=lambda _w: closed.append(1))
    recorder.open()
    recorder.accept(batch(MINUTE - 20 * 1440))
    recorder.commit()
    for _ in range(5):
        recorder.maintain()
        clock.move(6 * 3600)
    assert closed == [1, 1]
    with open_reader(file) as reader:
        assert [b.length_us for b in reader.buckets(0, 2**60)] == [900_000_000]
    recorder.stop()
