"""Ledgers that another program, a bad disk or a flipped bit has changed: damage is said, never a crash."""

import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.systems import needs_links, needs_removing_open_files
from unit.store.test_ledger import ALL, MINUTE, NOW, energy, pending, row, write
from wattlight.domain.cost import ClosedDay, DayCell
from wattlight.domain.energy import CounterBase, DeviceInfo, State
from wattlight.domain.values import LOCAL_HOST, Quality
from wattlight.store import (
    LedgerDamaged,
    LedgerProblem,
    MeterLock,
    back_up,
    open_ledger,
    open_reader,
    restore,
)

DAY = "2026-02-28"


def filled(file: Path, rows: int = 3) -> None:
    """A ledger with a little of everything, ended in order."""
    writer = open_ledger(file, NOW).writer
    writer.write(
        pending(
            *[row(MINUTE + i, model="sha256:a" if i % 2 else None) for i in range(rows)],
            presence=((LOCAL_HOST, MINUTE, 1000),),
            counters=(CounterBase(LOCAL_HOST, "gpu", 1, 2, 3, "e", "b"),),
            devices=(DeviceInfo(LOCAL_HOST, "gpu", "Card", "gpu", "nvidia", "board", "nvml", 0.1),),
            models=(("sha256:a", "qwen3:8b"),),
        )
    )
    cell = DayCell(DAY, "gpu", None, State.BASE, None, False, 5, 6, Quality.COUNTER, 0, 0)
    writer.close_days("flat", (ClosedDay(DAY, 10, 6, (cell,)),))
    writer.close()


def change(file: Path, *statements: str) -> None:
    """What another program writes into the file."""
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def read_all(file: Path) -> None:
    """Everything a reader can be asked."""
    with open_reader(file) as reader:
        for bucket in reader.buckets(*ALL):
            assert bucket.energy_mj + bucket.observed_ms + bucket.tokens_in + bucket.tokens_out is not None
        reader.observed_ms(*ALL)
        reader.gaps(*ALL)
        reader.devices()
        reader.span()
        reader.levels()
        reader.watermarks()
        reader.instance()
        list(reader.estimates(*ALL))
        reader.drawn(*ALL, 60_000_000)
        reader.everything()
        reader.closed_days("flat", "2000-01-01", "2100-01-01")
        reader.closed_days("flat", "2000-01-01", "2100-01-01", by_model=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE minute SET state = 9",
        "UPDATE minute SET state = -1",
        "UPDATE minute SET state = 'active'",
        "UPDATE minute SET quality = 5",
        "UPDATE minute SET quality = -2",
        "UPDATE minute SET energy_mj = 'much'",
        "UPDATE minute SET energy_mj = x'00'",
        "UPDATE minute SET observed_ms = 'long'",
        "UPDATE minute SET tokens_out = 'many'",
        "UPDATE day SET state = 5",
        "UPDATE day SET quality = -1",
        "UPDATE day SET price = 'free'",
        "UPDATE device SET name = CAST(x'ff41' AS TEXT)",
        "UPDATE model SET name = CAST(x'ff41' AS TEXT)",
    ],
)
def test_a_value_that_cannot_be_is_damage(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    read_all(file)
    change(file, statement)
    with pytest.raises(LedgerDamaged) as caught:
        read_all(file)
    assert caught.value.next_step


def tables(file: Path) -> list[tuple[str, str]]:
    """Each column of each table."""
    connection = sqlite3.connect(file)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = [(n, row[1]) for n in names for row in connection.execute(f"PRAGMA table_info({n})")]
    connection.close()
    return found


@pytest.mark.parametrize("value", [1e308, 1 << 62, -1.5, "\x1b[31m", b"\xff"], ids=str)
def test_no_value_of_any_column_is_an_error_of_ours_or_stays_after_the_next_start(
    tmp_path: Path, value: object
) -> None:
    whole = tmp_path / "whole.sqlite3"
    filled(whole)
    change(
        whole,
        f"INSERT INTO quarter VALUES ({MINUTE} / 15 - 9, 1, 0, 0, 5, 6, 1, 0, 0)",
        f"INSERT INTO presence_quarter VALUES ('local', {MINUTE} / 15 - 9, 1000)",
        f"INSERT INTO estimate VALUES ('local', {MINUTE} / 15, 1, 2, 3)",
        f"INSERT INTO gap VALUES (1, {MINUTE} * 60000000, {MINUTE + 1} * 60000000, 'asleep')",
        "INSERT INTO level VALUES (1, '', 5, 6, 7)",
        "INSERT INTO meta VALUES ('far tower', 'abc 497000')",
    )
    for number, (table, column) in enumerate(tables(whole)):
        file = tmp_path / str(number) / "ledger.sqlite3"
        file.parent.mkdir()
        shutil.copy(whole, file)
        connection = sqlite3.connect(file, isolation_level=None)
        with contextlib.suppress(sqlite3.IntegrityError):  # SQLite itself refuses what is no row's number
            connection.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (value,))
        connection.close()
        with contextlib.suppress(LedgerProblem):
            read_all(file)
        open_ledger(file, NOW).writer.close()
        read_all(file)


def test_rows_before_the_bad_one_are_still_given(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    change(file, f"UPDATE minute SET state = 9 WHERE start = {MINUTE + 2}")
    seen = []
    with open_reader(file) as reader, pytest.raises(LedgerDamaged):
        for bucket in reader.buckets(*ALL):
            seen.append(bucket.energy_mj)
    assert seen == [100, 100]


@pytest.mark.parametrize(
    ("text", "none"),
    [
        (b"presence_quarter", b"presence_quarte\xff"),
        (b"PRIMARY KEY (host, start)", b"PRIMARY KEY (h\xffst, start)"),  # nor is SQLite's sentence about it
    ],
)
def test_a_schema_that_is_no_text_is_moved_aside(tmp_path: Path, text: bytes, none: bytes) -> None:
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    raw = file.read_bytes()
    assert text in raw and len(text) == len(none)
    file.write_bytes(raw.replace(text, none))
    opened = open_ledger(file, NOW)
    assert "damaged" in opened.notices[0]
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 1
    opened.writer.write(pending(row()))
    opened.writer.close()
    read_all(file)


def test_what_was_found_to_be_damaged_is_moved_aside_though_it_ended_in_order(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    sound = open_ledger(file, NOW)
    assert sound.notices == ()
    sound.writer.close()
    opened = open_ledger(file, NOW, damaged=True)
    assert "damaged" in opened.notices[0]
    assert [p.name for p in tmp_path.glob("*.corrupt-*")] == ["ledger.sqlite3.corrupt-20260301T120000"]
    opened.writer.close()
    read_all(file)


def test_nothing_there_cannot_be_damaged(tmp_path: Path) -> None:
    opened = open_ledger(tmp_path / "ledger.sqlite3", NOW, damaged=True)
    assert opened.notices == ()
    opened.writer.close()


def flipped(raw: bytes, dice: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(dice.randint(1, 40)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def cut(raw: bytes, dice: random.Random) -> bytes:
    return raw[: dice.randrange(1, len(raw))]


def page_copied(raw: bytes, dice: random.Random) -> bytes:
    one, two = (dice.randrange(len(raw) // 4096) * 4096 for _ in range(2))
    return raw[:two] + raw[one : one + 4096] + raw[two + 4096 :]


def overwritten(raw: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(raw))
    return raw[:at] + dice.randbytes(300) + raw[at + 300 :]


@pytest.mark.parametrize("damage", [flipped, cut, page_copied, overwritten])
def test_whatever_is_in_the_file_reading_ends_with_a_sentence_and_recording_goes_on(
    tmp_path: Path, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    whole = tmp_path / "whole.sqlite3"
    filled(whole, rows=600)
    raw = whole.read_bytes()
    for seed in range(25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        file = folder / "ledger.sqlite3"
        file.write_bytes(damage(raw, random.Random(seed)))
        try:
            read_all(file)
        except LedgerProblem as problem:
            assert problem.next_step
        writer = None
        try:
            writer = open_ledger(file, NOW).writer
            writer.write(pending(row(MINUTE + 10_000, 7)))
        except LedgerDamaged:
            if writer is not None:
                writer.close()
            writer = open_ledger(file, NOW, damaged=True).writer
            writer.write(pending(row(MINUTE + 10_000, 7)))
        except LedgerProblem as problem:
            assert problem.code == "ledger_newer", seed
            continue
        writer.close()
        with open_reader(file) as reader:
            try:
                assert sum(b.energy_mj for b in reader.buckets((MINUTE + 10_000) * 60_000_000, 2**60)) >= 7
            except LedgerDamaged:
                pass


@needs_removing_open_files
def test_a_lock_whose_file_is_gone_or_another_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "meter.lock"
    lock = MeterLock(file)
    assert not lock.lost()
    assert lock.acquire()
    assert not lock.lost()
    file.unlink()
    assert lock.lost()
    file.write_text("1\n")
    assert lock.lost()
    lock.release()
    assert not lock.lost()
    assert lock.acquire()
    assert not lock.lost()
    lock.release()


def test_moments_of_a_clock_that_was_wrong_are_rows_like_others(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    ahead = int(datetime(2199, 1, 1, tzinfo=UTC).timestamp()) // 60
    write(file, row(ahead, 5), row(MINUTE, 6), row(0, 7))
    with open_reader(file) as reader:
        assert [b.energy_mj for b in reader.buckets(*ALL)] == [7, 6, 5]
    writer = open_ledger(file, NOW).writer
    assert writer.roll_up(MINUTE * 60_000_000) == 1
    writer.close()
    with open_reader(file) as reader:
        assert sorted(b.energy_mj for b in reader.buckets(*ALL)) == [5, 6, 7]


def test_every_ledger_that_was_replaced_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    write(file, row(mj=1))
    kept = []
    for mj in (2, 3, 4):
        backup = tmp_path / f"backup{mj}"
        write(backup, row(mj=mj))
        kept.append(restore(backup, file))
    assert [energy(name) for name in kept if name is not None] == [1, 2, 3]
    assert energy(file) == 4


@pytest.mark.parametrize(
    "tables",
    [("counter",), ("counter", "minute"), ("minute", "quarter", "presence", "device", "model", "meta")],
)
def test_a_database_that_only_looks_like_a_ledger_is_not_restored(
    tmp_path: Path, tables: tuple[str, ...]
) -> None:
    file, other = tmp_path / "ledger.sqlite3", tmp_path / "other.sqlite3"
    write(file, row(mj=1))
    change(other, *(f"CREATE TABLE {name} (x)" for name in tables), "PRAGMA user_version = 1")
    with pytest.raises(LedgerDamaged):
        restore(other, file)
    assert energy(file) == 1
    assert list(tmp_path.glob("*.replaced*")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quarter SET state = 12",
        "UPDATE quarter SET energy_mj = 'a lot'",
        "UPDATE minute SET quality = x'01'",
        "UPDATE presence SET observed_ms = 0.5",
        "UPDATE device SET vendor = CAST(x'80' AS TEXT)",
        "UPDATE counter SET boot_id = CAST(x'c3' AS TEXT)",
        "ALTER TABLE gap RENAME COLUMN reason TO why",
        "DROP TABLE presence_quarter",
    ],
)
def test_an_orderly_end_is_believed_only_of_a_file_nobody_wrote_to_since(
    tmp_path: Path, statement: str
) -> None:
    """However old the row is that was changed: what today's sums do not touch is looked at too."""
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    change(file, "INSERT INTO quarter VALUES (300000, 1, 0, 0, 5, 5, 1, 0, 0)")
    open_ledger(file, NOW).writer.close()
    change(file, statement)
    opened = open_ledger(file, NOW)
    assert "damaged" in opened.notices[0]
    assert [p.name for p in tmp_path.glob("*.corrupt-*")] == ["ledger.sqlite3.corrupt-20260301T120000"]
    opened.writer.close()
    read_all(file)


def test_a_ledger_that_ended_in_order_is_not_read_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, checks = tmp_path / "ledger.sqlite3", list[object]()
    filled(file)
    monkeypatch.setattr("wattlight.store.opening.check", checks.append)
    for _ in range(3):
        writer = open_ledger(file, NOW).writer
        writer.write(pending(row(MINUTE + 100)))
        writer.close()
    assert checks == []
    open_ledger(file, NOW).writer.connection.close()  # as after a kill
    open_ledger(file, NOW).writer.close()
    assert len(checks) == 1


def test_damage_that_a_reader_finds_is_looked_for_at_the_next_start(tmp_path: Path) -> None:
    """A bad disk changes a file without a trace in its times."""
    file = tmp_path / "ledger.sqlite3"
    filled(file)
    before = file.stat()
    change(file, f"UPDATE minute SET state = 7 WHERE start = {MINUTE}")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(LedgerDamaged) as caught:
        read_all(file)
    assert "moved aside" not in str(caught.value)
    del caught  # and the rows that it holds
    opened = open_ledger(file, NOW)
    assert "damaged" in opened.notices[0]
    opened.writer.close()
    assert not list(tmp_path.glob("*.suspect"))
    read_all(file)


def test_a_backup_with_values_that_cannot_be_is_not_restored(tmp_path: Path) -> None:
    file, backup = tmp_path / "ledger.sqlite3", tmp_path / "backup"
    write(file, row(mj=1))
    filled(backup)
    change(backup, "UPDATE minute SET state = 6")
    with pytest.raises(LedgerDamaged, match="not a valid ledger"):
        restore(backup, file)
    assert energy(file) == 1
    assert not [p.name for p in tmp_path.iterdir() if not p.name.startswith(("backup", "ledger.sqlite3"))]
    assert not list(tmp_path.glob("*.replaced"))


def test_the_ledger_stays_where_the_restored_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, backup = tmp_path / "ledger.sqlite3", tmp_path / "backup"
    write(file, row(mj=1))
    write(backup, row(mj=2))

    def refused(self: Path, target: Path) -> Path:
        raise PermissionError(13, "held by another program")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refused)
        with pytest.raises(PermissionError):
            restore(backup, file)
    assert energy(file) == 1


@needs_links
def test_a_link_in_the_place_of_the_lock_is_not_written_through(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"not ours")
    other.chmod(0o644)
    (tmp_path / "meter.lock").symlink_to(other)
    with pytest.raises(LedgerProblem, match="cannot be opened"):
        MeterLock(tmp_path / "meter.lock").acquire()
    assert other.read_bytes() == b"not ours"
    assert oct(other.stat().st_mode & 0o777) == "0o644"


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_what_is_recorded_is_nobody_elses_to_read_whatever_the_folder_allows(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file, copy = tmp_path / "ledger.sqlite3", tmp_path / "copy"
    writer = open_ledger(file, NOW).writer
    writer.write(pending(row()))
    back_up(file, copy)
    assert len(list(tmp_path.iterdir())) == 5  # two that SQLite keeps, and the reserve
    assert {oct(p.stat().st_mode & 0o777) for p in tmp_path.iterdir()} == {"0o600"}
    writer.close()
    file.chmod(0o644)
    open_ledger(file, NOW).writer.close()
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_a_damaged_ledger_that_cannot_be_moved_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(13, "Sharing violation")

    file = tmp_path / "ledger.sqlite3"
    file.write_bytes(b"no ledger at all" * 1000)
    monkeypatch.setattr("wattlight.store.opening.set_aside", refuses)
    with pytest.raises(LedgerProblem, match="Sharing violation"):
        open_ledger(file, NOW)
