"""A migration is whole or not at all, wherever the process is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wattlight.domain.values import HostId, Quality
from wattlight.store import open_reader
from wattlight.store.files import migrate, version_of
from wattlight.store.schema import MIGRATIONS, QUALITIES, VERSION

STEPS = (
    ("CREATE TABLE a (x INTEGER)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)"),
    ("ALTER TABLE a ADD COLUMN y INTEGER", "UPDATE a SET y = x * 10", "CREATE TABLE b AS SELECT y FROM a"),
)

KILLED = """
import os, signal, sqlite3, sys
from wattlight.domain.values import HostId
from wattlight.store import open_reader
from wattlight.store.files import migrate
class Killer(sqlite3.Connection):
    left = int(sys.argv[2])
    def execute(self, *args):
        if Killer.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Killer.left -= 1
        return super().execute(*args)
steps = {steps!r}
connection = sqlite3.connect(sys.argv[1], isolation_level=None, factory=Killer)
migrate(connection, steps)
"""


def state(file: Path) -> tuple[int, list[tuple[object, ...]]]:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        version = version_of(connection)
        rows = connection.execute("SELECT * FROM a").fetchall() if version else []
        return version, rows
    finally:
        connection.close()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("statements", range(12))
def test_fault_35_killed_at_a_statement_it_is_done_again(tmp_path: Path, statements: int) -> None:
    file = tmp_path / "x.sqlite3"
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(steps=STEPS), str(file), str(statements)],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    version, rows = state(file)
    assert (version, rows) in [(0, []), (1, [(1,), (2,)]), (2, [(1, 10), (2, 20)])]
    connection = sqlite3.connect(file, isolation_level=None)
    migrate(connection, STEPS)
    assert connection.execute("SELECT y FROM b").fetchall() == [(10,), (20,)]
    connection.close()


def test_a_failing_step_is_rolled_back() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.Error):
        migrate(connection, (STEPS[0], ("UPDATE a SET x = 9", "NONSENSE")))
    assert version_of(connection) == 1
    assert connection.execute("SELECT x FROM a").fetchall() == [(1,), (2,)]
    connection.close()


def test_fault_35_a_backup_is_made_before_a_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wattlight.store import opening

    file = tmp_path / "ledger.sqlite3"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    opening.open_ledger(file, now).writer.close()
    monkeypatch.setattr(opening, "VERSION", VERSION + 1)
    monkeypatch.setattr(opening, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x)",)))
    opening.open_ledger(file, now).writer.close()
    old = sqlite3.connect(tmp_path / f"ledger.sqlite3.before-v{VERSION + 1}")
    new = sqlite3.connect(file)
    assert (version_of(old), version_of(new)) == (VERSION, VERSION + 1)
    old.close()
    new.close()


def test_the_versions_are_counted() -> None:
    assert len(MIGRATIONS) == VERSION == 3


def test_an_old_ledger_gets_the_error_of_its_parts_by_their_scope() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, MIGRATIONS[:1])
    for key, scope in (("card", "board"), ("whole", "system"), ("old", "")):
        connection.execute(
            "INSERT INTO device (host, key, name, kind, vendor, scope, source) "
            "VALUES ('h', ?, 'n', 'k', 'v', ?, '')",
            (key, scope),
        )
    migrate(connection, MIGRATIONS)
    assert connection.execute("SELECT key, error FROM device ORDER BY id").fetchall() == [
        ("card", 0.1),
        ("whole", None),
        ("old", None),
    ]
    connection.close()


@pytest.mark.parametrize("table", ["minute", "quarter"])
def test_what_was_estimated_stays_so_and_a_learned_row_is_surer(table: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, MIGRATIONS[:2])
    for start, quality in enumerate((0, 1, 2, 3)):
        connection.execute(f"INSERT INTO {table} VALUES (?, 1, 0, 0, 5, 5, ?, 0, 0)", (start, quality))
    migrate(connection, MIGRATIONS)
    told = [QUALITIES[q] for (q,) in connection.execute(f"SELECT quality FROM {table} ORDER BY start")]
    assert told == [Quality.METERED, Quality.COUNTER, Quality.SAMPLED, Quality.ESTIMATED]
    assert list(QUALITIES) == list(Quality)  # max() in the file and worst_quality() agree
    assert QUALITIES.index(Quality.SAMPLED) < QUALITIES.index(Quality.LEARNED) < len(QUALITIES) - 1
    connection.close()


def test_a_ledger_of_the_first_form_is_read_before_the_recorder_brings_it_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    connection = sqlite3.connect(file, isolation_level=None)
    migrate(connection, MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO device (host, key, name, kind, vendor, scope, source) "
        "VALUES ('local', 'a', 'A', 'gpu', 'v', 'board', 's')"
    )
    connection.close()
    with open_reader(file) as reader:
        assert [(d.device, d.error_fraction) for d in reader.devices(HostId("local"))] == [("a", None)]


def test_an_estimate_in_an_older_ledgers_days_is_not_read_as_learned(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    connection = sqlite3.connect(file, isolation_level=None)
    migrate(connection, MIGRATIONS[:2])
    connection.execute("INSERT INTO meta VALUES ('day_tariff', 'k')")
    connection.execute("INSERT INTO day_closed VALUES ('2026-11-01', 'local', 1, 5)")
    for device, quality in enumerate((2, 3), start=1):
        connection.execute(
            "INSERT INTO day VALUES ('2026-11-01', 'local', ?, 0, 0, '', 0, 7, 5, ?, 0, 0)", (device, quality)
        )
    connection.close()
    with open_reader(file) as reader:
        _, cells = reader.closed_days_drawn("k", "2026-11-01", "2026-11-01", HostId("local"))
    assert {quality for _, _, quality, _ in cells} == {Quality.SAMPLED, Quality.ESTIMATED}
