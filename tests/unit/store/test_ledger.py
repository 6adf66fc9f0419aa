"""The ledger: what goes in comes out, and nothing is lost when something goes wrong."""

import os
import shutil
import sqlite3
import sys
import tracemalloc
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from wattlight.domain.cost import By, ClosedDay, DayCell, Sums, apart
from wattlight.domain.energy import (
    Batch,
    CounterBase,
    DeviceInfo,
    EnergyRow,
    GapRow,
    LevelRow,
    State,
)
from wattlight.domain.values import LOCAL_HOST, HostId, Quality
from wattlight.store import (
    LedgerDamaged,
    LedgerFull,
    LedgerProblem,
    LedgerReader,
    LedgerWriter,
    MeterLock,
    OpenedLedger,
    Pending,
    back_up,
    files,
    open_ledger,
    open_memory_ledger,
    open_reader,
    restore,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = 29_540_000
US = 60_000_000
ALL = (0, 2**60)


@pytest.fixture
def opened() -> Iterator[OpenedLedger]:
    """In memory, closed at the end."""
    made = open_memory_ledger()
    yield made
    made.writer.connection.close()


def row(minute: int = MINUTE, mj: int = 100, model: str | None = None, **more: object) -> EnergyRow:
    values: dict[str, object] = {
        "host": LOCAL_HOST,
        "minute": minute,
        "device": "gpu",
        "model": model,
        "state": State.BASE if model is None else State.ACTIVE,
        "energy_mj": mj,
        "observed_ms": 1000,
        "quality": Quality.COUNTER,
        **more,
    }
    return EnergyRow(**values)  # type: ignore[arg-type]


def pending(*rows: EnergyRow, **more: object) -> Pending:
    some = Pending()
    some.add(Batch(rows=rows, **more))  # type: ignore[arg-type]
    return some


def energy(file: Path) -> int:
    with open_reader(file) as reader:
        return sum(bucket.energy_mj for bucket in reader.buckets(*ALL))


def write(file: Path, *rows: EnergyRow) -> None:
    writer = open_ledger(file, NOW).writer
    writer.write(pending(*rows))
    writer.close()


def test_rows_come_out_as_they_went_in_and_add_up(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    batch = Batch(
        rows=(row(), row(mj=50, quality=Quality.SAMPLED), row(MINUTE + 1, 7, "sha256:a", tokens_out=3)),
        presence=((LOCAL_HOST, MINUTE, 1500), (LOCAL_HOST, MINUTE, 500)),
        gaps=(GapRow(LOCAL_HOST, "gpu", 5, 9, "asleep"),),
        counters=(CounterBase(LOCAL_HOST, "gpu", 42, 1, 2, "e", "b"),),
        devices=(DeviceInfo(LOCAL_HOST, "gpu", "Card", "gpu", "nvidia", "board", "nvml", 0.1),),
        models=(("sha256:a", "qwen3:8b"),),
        levels=(LevelRow(LOCAL_HOST, "gpu", ("sha256:a", "sha256:b"), 20, 3, 400),),
    )
    some = Pending()
    some.add(batch)
    writer.write(some)
    writer.write(pending(row(mj=1)))
    with open_reader(file) as reader:
        first, second = list(reader.buckets(*ALL))
        assert (first.start_us, first.length_us, first.device) == (MINUTE * US, US, "gpu")
        assert (first.energy_mj, first.observed_ms, first.quality) == (151, 3000, Quality.SAMPLED)
        assert (first.model, first.state) == (None, State.BASE)
        assert (second.model, second.state, second.tokens_out) == ("qwen3:8b", State.ACTIVE, 3)
        assert reader.observed_ms(*ALL) == 2000
        assert reader.gaps(*ALL) == batch.gaps
        assert reader.devices() == batch.devices
        assert reader.span() == (MINUTE * US, (MINUTE + 1) * US)
    assert writer.counters(LOCAL_HOST) == batch.counters
    assert LedgerReader(writer.connection, owns=False).levels(LOCAL_HOST) == batch.levels
    writer.close()


def test_hosts_are_kept_apart(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    write(file, row(), row(host=HostId("server"), mj=7))
    with open_reader(file) as reader:
        assert sum(b.energy_mj for b in reader.buckets(*ALL, HostId("server"))) == 7
    assert energy(file) == 100


def test_without_a_ledger_there_is_nothing_and_no_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    with open_reader(file) as reader:
        assert list(reader.buckets(*ALL)) == []
        assert reader.span() is None
    assert not file.exists()


def test_old_minutes_become_quarter_hours_and_the_sums_stay(opened: OpenedLedger) -> None:
    rows = [row(MINUTE + i, i, "sha256:a", tokens_out=1) for i in range(0, 40 * 1440, 7)]
    some = pending(*rows, presence=tuple((LOCAL_HOST, r.minute, 900) for r in rows))
    opened.writer.write(some)
    reader = opened.reader()
    before = sum(b.energy_mj for b in reader.buckets(*ALL)), reader.observed_ms(*ALL)
    now_minute = MINUTE + 40 * 1440
    assert opened.writer.roll_up(now_minute * US) > 20
    assert opened.writer.roll_up(now_minute * US) == 0
    buckets = list(reader.buckets(*ALL))
    assert (sum(b.energy_mj for b in buckets), reader.observed_ms(*ALL)) == before
    assert sum(b.tokens_out for b in buckets) == len(rows)
    quarters = [b for b in buckets if b.length_us == 15 * US]
    minutes = [b for b in buckets if b.length_us == US]
    assert max(b.start_us for b in quarters) < min(b.start_us for b in minutes)
    assert min(b.start_us for b in minutes) >= (now_minute - 15 * 1440) * US
    late = pending(row(MINUTE, 1000, "sha256:a"))  # a counter that bridged a very long gap
    opened.writer.write(late)
    opened.writer.roll_up(now_minute * US)
    assert sum(b.energy_mj for b in reader.buckets(*ALL)) == before[0] + 1000
    assert all(b.length_us == 15 * US for b in reader.buckets(0, (now_minute - 15 * 1440) * US))


def test_fault_34_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    write(file, row())
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = file.read_bytes()
    for opener in (lambda: open_ledger(file, NOW), lambda: open_reader(file)):
        with pytest.raises(LedgerProblem) as caught:
            opener()
        assert caught.value.code == "ledger_newer"
        assert "newer Wattlight" in caught.value.message
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if "corrupt" in p.name) == []


@pytest.mark.parametrize("damage", ["garbage", "half", "empty", "middle"])
def test_fault_31_a_damaged_ledger_is_moved_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(*[row(MINUTE + i) for i in range(3000)]))
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.connection.close()  # not an orderly end
    whole = file.read_bytes()
    damaged = {
        "garbage": b"\x00\xff" * 5000,
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "middle": whole[:8192] + b"\xa5" * (len(whole) - 8192),
    }[damage]
    file.write_bytes(damaged)
    opened = open_ledger(file, NOW)
    assert "damaged" in opened.notices[0]
    aside = tmp_path / "ledger.sqlite3.corrupt-20260301T120000"
    assert aside.read_bytes() == damaged
    opened.writer.write(pending(row(mj=5)))
    assert energy(file) == 5
    opened.writer.close()


def test_a_second_damaged_file_of_the_same_second_keeps_the_first(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    for content in (b"one" * 1000, b"two" * 1000):
        file.write_bytes(content)
        open_ledger(file, NOW).writer.close()
    kept = sorted(p.read_bytes()[:3] for p in tmp_path.glob("*.corrupt-*"))
    assert kept == [b"one", b"two"]


def test_fault_32_a_hot_wal_without_its_shared_memory_is_recovered(tmp_path: Path) -> None:
    file, copy = tmp_path / "ledger.sqlite3", tmp_path / "copy" / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row(mj=123)))
    copy.parent.mkdir()
    shutil.copy(file, copy)
    shutil.copy(f"{file}-wal", f"{copy}-wal")
    writer.close()
    opened = open_ledger(copy, NOW)
    assert opened.notices == ()
    assert energy(copy) == 123
    opened.writer.close()


def test_fault_29_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row(mj=1)))
    pages = writer.connection.execute("PRAGMA page_count").fetchone()[0]
    writer.connection.execute(f"PRAGMA max_page_count = {pages}")
    some = pending(*[row(MINUTE + i, 2, f"sha256:{i}") for i in range(2000)])
    with pytest.raises(LedgerFull):
        writer.write(some)
    assert len(some.rows) == 2000
    assert energy(file) == 1
    writer.connection.execute("PRAGMA max_page_count = 100000")
    writer.write(some)
    assert energy(file) == 1 + 4000
    writer.close()


def test_a_file_held_by_another_program_is_waited_for_then_said(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.connection.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerProblem) as caught:
        writer.write(pending(row()))
    assert caught.value.code == "ledger_busy"
    other.execute("ROLLBACK")
    other.close()
    writer.write(pending(row()))
    assert energy(file) == 100
    writer.close()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LedgerProblem, match="cannot be opened"):
        open_ledger(tmp_path / "file" / "ledger.sqlite3", NOW)


def test_backup_and_restore_in_one_file_while_recording_goes_on(tmp_path: Path) -> None:
    file, copy = tmp_path / "ledger.sqlite3", tmp_path / "backup.wattlight"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row(mj=11), counters=(CounterBase(LOCAL_HOST, "gpu", 1, 2, 3, "e", "b"),)))
    assert back_up(file, copy) == copy.stat().st_size
    writer.write(pending(row(mj=22)))
    writer.close()
    assert sorted(p.name for p in tmp_path.glob("backup*")) == ["backup.wattlight"]
    replaced = restore(copy, file)
    assert replaced is not None
    assert energy(file) == 11
    assert energy(replaced) == 33
    reopened = open_ledger(file, NOW).writer
    assert reopened.counters(LOCAL_HOST) == ()  # an old counter must not be continued
    reopened.close()


def test_what_is_no_ledger_is_not_restored(tmp_path: Path) -> None:
    file, fake = tmp_path / "ledger.sqlite3", tmp_path / "photo.jpg"
    write(file, row())
    fake.write_bytes(b"\xff\xd8" * 3000)
    with pytest.raises(LedgerDamaged):
        restore(fake, file)
    empty = tmp_path / "empty.sqlite3"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(LedgerDamaged):
        restore(empty, file)
    assert energy(file) == 100


def test_a_purge_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row(model="sha256:secret"), models=(("sha256:secret", "private-model"),)))
    for end in ("corrupt-20260101T120000", "corrupt-20260101T120000-wal", "replaced-2", "before-v2"):
        (tmp_path / f"ledger.sqlite3.{end}").write_bytes(b"private-model")
    (tmp_path / "mine.wattlight").write_bytes(b"a backup of the person's own")
    writer.purge(NOW)
    assert not [f for f in tmp_path.iterdir() if b"private-model" in f.read_bytes()]
    writer.write(pending(row(mj=3)))
    writer.close()
    assert energy(file) == 3
    assert {f.name.partition(".")[0] for f in tmp_path.iterdir()} == {"ledger", "mine"}


def test_a_kill_while_a_cut_ledger_is_closed_leaves_it_to_be_found(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row(mj=7)))
    writer.close()
    file.rename(tmp_path / "ledger.sqlite3.closing")
    again = open_ledger(file, NOW)
    again.writer.close()
    assert (energy(file), again.notices) == (7, ())


def test_one_holder_of_the_lock(tmp_path: Path) -> None:
    one, two = MeterLock(tmp_path / "meter.lock"), MeterLock(tmp_path / "meter.lock")
    assert one.acquire()
    assert one.acquire()
    assert not two.acquire()
    assert two.holder() is not None
    one.release()
    assert two.acquire()
    two.release()


def test_a_batch_is_one_transaction(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    bad = pending(row(mj=5), counters=(CounterBase(LOCAL_HOST, "gpu", 10**30, 1, 2, "e", "b"),))
    with pytest.raises((LedgerProblem, OverflowError)):
        writer.write(bad)
    assert energy(file) == 0
    assert isinstance(writer, LedgerWriter)
    writer.close()


def test_a_full_disk_does_not_keep_the_meter_from_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file only names the holder; that it cannot be written decides nothing."""
    if sys.platform == "win32" or not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    full = partial(os.open, "/dev/full", os.O_RDWR)
    monkeypatch.setattr("wattlight.store.lock._for_us", lambda _path, _flags: full())
    with MeterLock(tmp_path / "meter.lock") as lock:
        assert lock.acquire() and lock.held
    assert not lock.held


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lock = MeterLock(tmp_path / "file" / "meter.lock")
    with pytest.raises(LedgerProblem, match="cannot be opened"):
        lock.acquire()
    assert lock.holder() is None
    lock.release()


@pytest.mark.parametrize("text", ["", "nonsense", "\xff"])
def test_a_holder_that_did_not_write_its_id_is_unknown(text: str, tmp_path: Path) -> None:
    file = tmp_path / "meter.lock"
    file.write_text(text, encoding="latin-1")
    assert MeterLock(file).holder() is None


DAY = "2026-02-28"
CELLS = (
    DayCell(DAY, "gpu", "tiny", State.ACTIVE, Decimal("0.3"), False, 70, 900, Quality.COUNTER, 5, 6),
    DayCell(DAY, "gpu", None, State.BASE, None, False, 30, 100, Quality.SAMPLED),
    DayCell(DAY, "cpu", None, State.BASE, Decimal("0.3"), True, 7, 100, Quality.ESTIMATED),
)


def closed(writer: LedgerWriter, key: str = "flat", day: str = DAY) -> None:
    end_us = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
    writer.close_days(key, (ClosedDay(day, end_us, 1000, CELLS),))


def test_closed_days_come_back_by_day_and_by_model(opened: OpenedLedger) -> None:
    opened.writer.write(pending(models=(("sha256:a", "tiny"),)))
    closed(opened.writer)
    reader = opened.reader()
    observed, cells = reader.closed_days("flat", DAY, DAY, by_model=True)
    assert observed == {DAY: 1000}
    assert {replace(cell, day=DAY) for cell in cells} == set(CELLS)
    observed, cells = reader.closed_days("flat", "2026-02-01", "2026-02-28")
    assert observed == {DAY: 1000}
    assert {(c.day, c.device, c.state, c.price_per_kwh, c.energy_mj) for c in cells} == {
        (DAY, "gpu", State.ACTIVE, Decimal("0.3"), 70),
        (DAY, "gpu", State.BASE, None, 30),
        (DAY, "cpu", State.BASE, Decimal("0.3"), 7),
    }
    assert reader.closed_days("flat", "2026-03-01", "2026-03-02") == ({}, ())


def test_another_tariff_empties_the_cache(opened: OpenedLedger) -> None:
    closed(opened.writer, day="2026-02-27")
    assert opened.reader().closed_days("night", "2026-02-01", DAY) == ({}, ())
    closed(opened.writer, "night")
    assert opened.reader().closed_days("flat", "2026-02-01", DAY) == ({}, ())
    observed, _ = opened.reader().closed_days("night", "2026-02-01", DAY)
    assert observed == {DAY: 1000}


def test_a_late_row_takes_its_day_out_of_the_cache(opened: OpenedLedger) -> None:
    """A counter that bridged a long gap changes days that were over."""
    closed(opened.writer)
    noon = int(datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp()) // 60
    opened.writer.write(pending(row(noon + 24 * 60)))
    assert opened.reader().closed_days("flat", DAY, DAY) != ({}, ())
    opened.writer.write(pending(row(noon)))
    assert opened.reader().closed_days("flat", DAY, DAY) == ({}, ())


def test_levels_are_learned_anew_when_asked(opened: OpenedLedger) -> None:
    writer = opened.writer
    levels = (LevelRow(LOCAL_HOST, "gpu", (), 20, 3, 400), LevelRow(LOCAL_HOST, "gpu", ("a", "b"), 30, 3, 4))
    writer.write(pending(levels=levels))
    assert set(LedgerReader(writer.connection, owns=False).levels(LOCAL_HOST)) == set(levels)
    assert LedgerReader(writer.connection, owns=False).levels(HostId("other")) == ()
    writer.forget_levels()
    assert LedgerReader(writer.connection, owns=False).levels(LOCAL_HOST) == ()


def test_the_span_covers_minutes_and_quarters(opened: OpenedLedger) -> None:
    assert opened.reader().span() is None
    old = MINUTE - 60 * 24 * 60
    opened.writer.write(pending(presence=((LOCAL_HOST, old, 500), (LOCAL_HOST, MINUTE, 500))))
    opened.writer.roll_up(MINUTE * US)
    first, last = opened.reader().span() or (0, 0)
    assert (first, last) == (old // 15 * 15 * US, (MINUTE + 1) * US)
    assert opened.reader().observed_ms(*ALL) == 1000


def test_what_waited_too_long_for_a_full_disk_is_dropped_and_counted() -> None:
    some = pending(
        row(MINUTE, 100),
        row(MINUTE + 5, 7),
        presence=((LOCAL_HOST, MINUTE, 9), (LOCAL_HOST, MINUTE + 5, 9)),
        gaps=(GapRow(LOCAL_HOST, "gpu", 1, 2, "old"), GapRow(LOCAL_HOST, "gpu", 1, (MINUTE + 9) * US, "new")),
    )
    assert some.forget_before(MINUTE + 5) == 100
    assert [row.energy_mj for row in some.rows.values()] == [7]
    assert list(some.presence) == [(LOCAL_HOST, MINUTE + 5)]
    assert [gap.reason for gap in some.gaps] == ["new"]
    assert not some.empty and Pending().empty


def test_a_backup_needs_a_ledger_and_a_place(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    with pytest.raises(LedgerProblem, match="Nothing has been recorded"):
        back_up(file, tmp_path / "copy")
    write(file, row())
    with pytest.raises(OSError, match="No such file"):
        back_up(file, tmp_path / "no" / "such" / "folder" / "copy")
    with pytest.raises(LedgerProblem, match="There is no file"):
        restore(tmp_path / "none", file)
    assert energy(file) == 100


def test_a_backup_of_a_newer_version_is_not_restored(tmp_path: Path) -> None:
    file, copy = tmp_path / "ledger.sqlite3", tmp_path / "copy"
    write(file, row())
    back_up(file, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerProblem, match="newer Wattlight"):
        restore(copy, file)
    assert energy(file) == 100
    assert not list(tmp_path.glob("*.restoring"))


def test_a_failed_backup_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ledger.sqlite3"
    write(file, row())

    def fails(source: sqlite3.Connection, part: Path, *statements: str) -> None:
        part.write_bytes(b"half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("wattlight.store.backup.copy_into", fails)
    with pytest.raises(LedgerFull):
        back_up(file, tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))
    (tmp_path / "copy").write_bytes(b"the earlier one")
    with pytest.raises(LedgerFull):
        back_up(file, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"the earlier one"


def test_the_reserve_is_kept_where_there_is_room_and_given_back_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 15 << 20))
    assert not files.keep_reserve(ledger)
    assert not files.release_reserve(ledger)
    monkeypatch.undo()
    assert files.keep_reserve(ledger) and files.keep_reserve(ledger)
    assert files.reserve_file(ledger).stat().st_size == files.RESERVE_BYTES
    assert files.release_reserve(ledger)
    assert not files.release_reserve(ledger)
    assert not files.keep_reserve(tmp_path / "no" / "folder" / "ledger.sqlite3")


@pytest.mark.parametrize("closing", [None, sqlite3.IntegrityError])
def test_a_transaction_is_whole_or_nothing(closing: type[Exception] | None) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (x UNIQUE)")
    if closing is None:
        with files.transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
    else:
        with pytest.raises(closing), files.transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert not connection.in_transaction
    connection.close()


def test_memory_does_not_grow_with_the_history(tmp_path: Path) -> None:
    """What half a year and two years of quarter hours take, with other models each hour."""
    peaks = {}
    for rows in (5_000, 20_000):
        file = tmp_path / str(rows)
        writer = open_ledger(file, NOW).writer
        writer.write(pending(row(MINUTE, model="sha256:a"), row(MINUTE, model="sha256:b")))
        writer.connection.execute("BEGIN")
        writer.connection.executemany(
            "INSERT INTO quarter VALUES (?, 1, ?, 2, 5, 900000, 1, 1, 1)",
            ((1000 + i, 1 + i // 4 % 2) for i in range(rows)),
        )
        writer.connection.execute("COMMIT")
        writer.close()
        for by in By:
            tracemalloc.start()
            with open_reader(file) as reader:
                sums = Sums(None, *ALL, **apart(by)).add_all(reader.buckets(*ALL))
            assert sums.answered_mj("b") + sums.answered_mj("sha256:b") > 0
            assert sums.report(by).energy_mj == rows * 5 + 200
            peaks[rows, by] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    for by in (By.MODEL, By.DEVICE):
        assert peaks[20_000, by] < peaks[5_000, by] + 100_000
    for by in (By.DAY, By.HOUR):  # a line each
        assert peaks[20_000, by] < peaks[5_000, by] + 15_000 * 250


def test_rows_of_both_tables_come_in_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(*[row(MINUTE + i) for i in range(60)]))
    writer.roll_up((MINUTE + 15 * 1440) * US)
    writer.write(pending(row(MINUTE + 7), row(MINUTE + 31)))  # late ones
    writer.close()
    with open_reader(file) as reader:
        starts = [bucket.start_us for bucket in reader.buckets(*ALL)]
    assert starts == sorted(starts)
    assert len(starts) > 4
