"""The only writer: commits, keeps what it cannot write, begins anew after damage."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.metering import START, Clock
from fakes.systems import needs_removing_open_files
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, State
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import Recorder, kept_since
from wattlight.store import LedgerDamaged, LedgerFile, LedgerWriter, OpenedLedger, Pending, open_reader

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

    def slowly(writer: LedgerWriter, pending: Pending, *time: int) -> None:
        writes.append(pending)
        if len(writes) == 1:
            recorder.put(batch(mj=1))
            asking.start()
            begun.set()
            assert recorder._hurry.wait(5)  # the flush has begun while this commit is under way
        else:
            release.wait(5)
        write(writer, pending, *time)

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


def test_fault_29_a_full_disk_keeps_an_hour_and_catches_up(tmp_path: Path) -> None:
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


def test_fault_31_damage_while_running_moves_the_file_aside_and_goes_on(tmp_path: Path) -> None:
    file, clock, told = tmp_path / "ledger.sqlite3", Clock(), Told()

    @dataclass
    class Broken:
        inner: LedgerFile
        broken: bool = False

        def open(self, damaged: bool = False) -> OpenedLedger:
            return self.inner.open(damaged)

        def lost(self) -> bool:
            return self.inner.lost()

        def let_go(self, writer: LedgerWriter) -> str:
            return self.inner.let_go(writer)

        def suspected(self) -> bool:
            return self.inner.suspected()

        @property
        def in_memory(self) -> bool:
            return self.inner.in_memory

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


def test_fault_33_a_file_held_by_another_program_loses_nothing(tmp_path: Path) -> None:
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


def test_fault_30_where_nothing_can_be_written_it_counts_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = Told()
    recorder = Recorder(LedgerFile(tmp_path / "file" / "l.sqlite3", Clock().now), Clock().now, told)
    recorder.open()
    recorder.accept(batch())
    assert not recorder.commit(), "it is not on disk"
    assert "in memory" in told.said[0][1]
    recorder.stop()


def test_what_was_counted_in_memory_is_written_as_soon_as_there_is_a_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    file, told, clock = tmp_path / "data" / "ledger.sqlite3", Told(), Clock()
    recorder = Recorder(LedgerFile(file, clock.now), clock.now, told, clock=lambda: clock.monotonic_s)
    card = DeviceInfo(LOCAL_HOST, "gpu", "Card", "gpu", "v", error_fraction=0.05)
    recorder.accept(replace(batch(), devices=(card,), models=(("sha256:a", "a:1b"),)))
    assert not recorder.commit()
    (tmp_path / "data").unlink()
    for _ in range(8):
        clock.move(10)
        recorder.accept(batch())
        recorder.commit()
    assert energy(file) == 90
    assert recorder.renewed
    with open_reader(file) as reader:
        assert reader.devices() == (card,)
        assert reader.observed_ms(0, 2**60) == 9000
    assert [text for _, text in told.said if "in memory" in text] == [told.said[0][1], told.said[-1][1]]
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
    recorder = Recorder(
        LedgerFile(file, clock.now),
        clock.now,
        daily=lambda _w: closed.append(1),
        clock=lambda: clock.monotonic_s,
    )
    recorder.open()
    recorder.accept(batch(MINUTE - 20 * 1440))
    recorder.commit()
    for _ in range(25 * 60):
        clock.move(60)
        recorder.accept(batch(MINUTE - 20 * 1440, 0))
        recorder.commit()
        recorder.maintain()
    assert closed == [1, 1]
    with open_reader(file) as reader:
        assert {b.length_us for b in reader.buckets(0, 2**60)} == {900_000_000, 60_000_000}
    recorder.maintain()
    recorder.stop()


def meter(recorder: Recorder, clock: Clock, hours: float) -> None:
    """So many hours of metering, a commit every minute."""
    for _ in range(round(hours * 60)):
        clock.move(60)
        recorder.accept(batch(to_us(clock.at) // 60_000_000, 0))
        recorder.commit()
        recorder.maintain()


@pytest.mark.parametrize(
    ("before", "ahead_days", "hours", "starts", "gone"),
    [
        (25, 400, 0.5, 1, False),
        (25, 400, 20, 1, False),
        (25, 30_000, 0.2, 40, False),
        (25, 400, 30, 1, True),  # the clock says so all through a day: it is the time
        (25, 400, 5, 6, True),
        (0, 400, 20, 1, False),  # of an earlier version, which noted no hours that say otherwise
    ],
)
def test_nothing_is_deleted_or_rolled_up_on_the_word_of_a_clock_that_was_wrong_for_hours(
    tmp_path: Path, before: float, ahead_days: int, hours: float, starts: int, gone: bool
) -> None:
    file, clock = tmp_path / "ledger.sqlite3", Clock()

    def daily(writer: LedgerWriter) -> None:
        own_us = writer.own_time_us()
        if own_us is not None:
            writer.forget_before(own_us - 365 * 86_400_000_000)

    def start() -> Recorder:
        fresh = Recorder(LedgerFile(file, clock.now), clock.now, daily=daily, clock=lambda: clock.monotonic_s)
        fresh.open()
        return fresh

    recorder = start()
    first = Pending()
    first.add(batch(MINUTE - 20, 7))
    recorder.open().write(first)
    meter(recorder, clock, before)
    recorder.stop()
    clock.at += timedelta(days=ahead_days)
    for _ in range(starts):
        recorder = start()
        meter(recorder, clock, hours)
        recorder.stop()
    recorder = start()
    clock.monotonic_s += 86_400
    recorder.accept(batch(mj=0))
    recorder.commit()
    recorder.maintain()
    recorder.stop()
    assert (energy(file) == 0) is gone
    if not gone:
        with open_reader(file) as reader:
            assert {b.length_us for b in reader.buckets(0, (MINUTE + 1) * 60_000_000)} == {60_000_000}


def removed(file: Path) -> None:
    file.unlink()


def folder_removed(file: Path) -> None:
    shutil.rmtree(file.parent)


def replaced(file: Path) -> None:
    other = file.with_name("other")
    recorder = Recorder(LedgerFile(other, Clock().now), Clock().now)
    recorder.accept(batch(mj=1000))
    recorder.stop()
    other.replace(file)


def renamed(file: Path) -> None:
    file.rename(file.with_name("kept.sqlite3"))


def log_removed(file: Path) -> None:
    file.with_name(file.name + "-wal").unlink()


@needs_removing_open_files
@pytest.mark.parametrize(
    ("happens", "found"),
    [(removed, 2), (folder_removed, 2), (replaced, 1002), (renamed, 2), (log_removed, 3)],
)
def test_a_ledger_that_is_taken_away_while_recording_is_noticed_and_made_again(
    tmp_path: Path, happens: Callable[[Path], None], found: int
) -> None:
    file, told = tmp_path / "data" / "ledger.sqlite3", Told()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    recorder.accept(batch(mj=1))
    assert recorder.commit()
    assert told.said == []
    happens(file)
    for _ in range(2):
        recorder.accept(batch(mj=1))
        assert recorder.commit()
    assert energy(file) == found
    assert recorder.stop()
    assert energy(file) == found
    assert [("removed or replaced" in text) for _, text in told.said] == [True]


@needs_removing_open_files
def test_what_was_written_into_a_file_that_just_lost_its_name_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told, write, left = tmp_path / "ledger.sqlite3", Told(), LedgerWriter.write, [2]

    def and_removed(writer: LedgerWriter, pending: Pending, *time: int) -> None:
        write(writer, pending, *time)
        if left[0]:
            left[0] -= 1
            file.unlink()

    monkeypatch.setattr(LedgerWriter, "write", and_removed)
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    card = DeviceInfo(LOCAL_HOST, "gpu", "Card", "gpu", "v")
    recorder.accept(replace(batch(mj=5), devices=(card,)))
    assert recorder.commit()
    assert energy(file) == 5
    left[0] = 1000
    recorder.accept(batch(mj=6))
    assert not recorder.commit()
    assert "again and again" in told.said[-1][1]
    left[0] = 0
    assert recorder.commit()
    assert energy(file) == 6
    with open_reader(file) as reader:
        assert reader.devices() == (card,)
    recorder.stop()


def test_damage_that_a_reader_found_is_moved_aside_while_recording(tmp_path: Path) -> None:
    file, told = tmp_path / "ledger.sqlite3", Told()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    recorder.accept(batch(MINUTE - 50_000))
    assert recorder.commit()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("UPDATE minute SET state = 31")
    other.close()
    recorder.accept(batch(mj=2))
    assert recorder.commit()
    with pytest.raises(LedgerDamaged):
        energy(file)
    recorder.accept(batch(mj=3))
    assert recorder.commit()
    assert energy(file) == 3
    assert recorder.renewed
    assert "damaged" in told.said[0][1]
    assert recorder.stop()
    assert not list(tmp_path.glob("*.suspect"))


@needs_removing_open_files
def test_a_ledger_that_cannot_be_made_again_is_kept_in_memory_and_said(tmp_path: Path) -> None:
    file, told = tmp_path / "data" / "ledger.sqlite3", Told()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    recorder.accept(batch(mj=1))
    assert recorder.commit()
    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")
    recorder.accept(batch(mj=1))
    assert not recorder.commit()
    assert "in memory" in told.said[-1][1]
    recorder.stop()


class Failing:
    """Raises an error that no room knows, as often as it is told to."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error = times, error

    def __call__(self, *_: object) -> None:
        if self.left:
            self.left -= 1
            raise self.error


@pytest.mark.parametrize("error", [ValueError("year -8331307"), IndexError("9"), OverflowError("int")])
def test_a_fault_of_its_own_never_ends_the_recorder(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told, write = tmp_path / "ledger.sqlite3", Told(), LedgerWriter.write
    fail = Failing(1, error)

    def sometimes(writer: LedgerWriter, pending: Pending, *time: int) -> None:
        fail()
        write(writer, pending, *time)

    monkeypatch.setattr(LedgerWriter, "write", sometimes)
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told, commit_s=3600)
    recorder.open()
    recorder.start()
    recorder.put(batch())
    assert not recorder.flush()
    assert type(error).__name__ in told.said[0][1]
    recorder.put(batch())
    assert recorder.flush()
    assert energy(file) == 20
    assert recorder.stop()


def test_what_is_done_once_a_day_may_fail_and_recording_goes_on(tmp_path: Path) -> None:
    file, told, clock = tmp_path / "ledger.sqlite3", Told(), Clock()
    recorder = Recorder(
        LedgerFile(file, clock.now), clock.now, told, 3600, daily=Failing(1, ValueError("year 0"))
    )
    recorder.open()
    recorder.start()
    for _ in range(2):
        recorder.put(batch())
        assert recorder.flush()
    assert energy(file) == 20
    assert recorder.stop()
    assert [kind for kind, text in told.said if "ValueError" in text] == ["ledger"]


def test_an_errand_that_fails_is_said_and_the_next_one_is_run(tmp_path: Path) -> None:
    file, told, done = tmp_path / "ledger.sqlite3", Told(), list[int]()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told, commit_s=3600)
    recorder.open()
    recorder.start()
    assert not recorder.ask(Failing(1, KeyError("x")), 5)
    assert recorder.ask(lambda _writer: done.append(1), 5)
    assert recorder.stop()
    assert done == [1]
    assert "KeyError" in told.said[0][1]


def test_damage_found_by_the_daily_work_moves_the_file_aside(tmp_path: Path) -> None:
    file, told, clock = tmp_path / "ledger.sqlite3", Told(), Clock()
    damaged = LedgerDamaged("The ledger is damaged.", "It is moved aside.")
    recorder = Recorder(LedgerFile(file, clock.now), clock.now, told, daily=Failing(1, damaged))
    recorder.accept(batch())
    assert recorder.commit()
    recorder.maintain()
    recorder.accept(batch(mj=3))
    assert recorder.commit()
    assert energy(file) == 3
    assert [p.name for p in tmp_path.glob("*.corrupt-*") if p.suffix[-1] not in "lm"] != []
    assert "damaged" in told.said[0][1]
    recorder.stop()


@pytest.mark.parametrize(
    ("now", "months", "since"),
    [
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2028, 3, 30, tzinfo=UTC), 1, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 12, datetime(2025, 1, 15, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 99_999_999, datetime(1, 1, 15, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 10**30, datetime(1, 1, 15, tzinfo=UTC)),
    ],
)
def test_months_are_counted_by_the_calendar_and_end_with_it(
    now: datetime, months: int, since: datetime
) -> None:
    assert kept_since(now, months) == since


@pytest.mark.skipif(os.name == "nt", reason="a file in use is not cut there")
@pytest.mark.parametrize("kept", [0, 100, 4096, 32 + 4 * 4120])  # the last: one commit and a part of the next
def test_a_log_that_is_cut_costs_what_it_held_and_never_the_ledger(tmp_path: Path, kept: int) -> None:
    file, told = tmp_path / "ledger.sqlite3", Told()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    recorder.accept(batch(mj=1))
    assert recorder.commit()
    recorder.open().connection.execute("PRAGMA wal_checkpoint(FULL)")
    for mj in (2, 3):
        recorder.accept(batch(mj=mj))
        assert recorder.commit()
    recorder.look()
    os.truncate(tmp_path / "ledger.sqlite3-wal", kept)
    recorder.accept(batch(mj=10))
    assert recorder.commit()
    assert recorder.renewed
    assert energy(file) == 11
    assert "cut the ledger's log" in told.said[0][1]
    assert recorder.stop()
    assert energy(file) == 11
    assert not [p.name for p in tmp_path.iterdir() if "corrupt" in p.name or "closing" in p.name]


@pytest.mark.skipif(os.name == "nt", reason="a file in use is not cut there")
def test_an_index_that_is_cut_is_made_whole_before_it_is_touched(tmp_path: Path) -> None:
    file, told = tmp_path / "ledger.sqlite3", Told()
    recorder = Recorder(LedgerFile(file, Clock().now), Clock().now, told)
    for length in (0, 10, 20_000):
        recorder.accept(batch(mj=1))
        assert recorder.commit()
        os.truncate(tmp_path / "ledger.sqlite3-shm", length)
    recorder.accept(batch(mj=1))
    assert recorder.commit()
    assert energy(file) == 4
    assert told.said == []
    assert recorder.stop()
    assert energy(file) == 4
