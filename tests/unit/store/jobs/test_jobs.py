"""The shared database: round trips, two processes, damage, a newer version."""

import gc
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wattlight.domain.fit import Verdict
from wattlight.domain.learning import Comparison, LoadKey
from wattlight.domain.tokens import Counters, MeasuredSpeed, TokenSource, TokenUse
from wattlight.domain.values import HostId
from wattlight.store.files import migrate
from wattlight.store.jobs import JobsProblem, LearningStore, open_jobs
from wattlight.store.jobs import book as jobs_book
from wattlight.store.jobs import tokens as token_rows
from wattlight.store.jobs.book import STEPS

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
LOAD = Comparison(
    at=NOW, model="llama3.1:8b", digest="d1",
    key=LoadKey("0.33.0", "RTX", "llama"), context=8192, kv_type="f16",
    verdict=Verdict.FULL_GPU, predicted_used_bytes=5, predicted_size_bytes=6, predicted_vram_bytes=7,
    used_bytes=None, used_source="", used_reason="No accelerator reports its memory.", reported_size_bytes=8,
    reported_vram_bytes=9, disturbed="context",
)  # fmt: skip
RUN = MeasuredSpeed(
    model="llama3.1:8b", digest="d1", device="RTX", context=8192, at=NOW, output_tokens=200,
    output_tokens_per_s=130.5, prompt_tokens_per_s=None, server_version="0.33.0", joules_per_token=None,
    energy_reason="too short",
)  # fmt: skip


def use(client: str = "curl", output: int | None = 10, minutes: int = 0, ns: int | None = 10**9) -> TokenUse:
    at = NOW + timedelta(minutes=minutes)
    counters = Counters(prompt_tokens=4, output_tokens=output, output_ns=ns)
    return TokenUse("m", client, "/api/chat", at, at, 100, 200, True, counters)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[LearningStore]:
    made = open_jobs(tmp_path / "data" / "jobs.sqlite3", NOW)
    yield made
    made.close()


def test_loads_and_runs_come_back_as_they_were(book: LearningStore) -> None:
    book.add_comparison(LOAD)
    book.add_speed(RUN)
    assert book.comparisons() == (LOAD,)
    assert book.speeds() == book.speeds(digest="d1") == (RUN,)
    assert book.speeds(digest="d2") == ()
    assert book.comparisons(HostId("other")) == ()
    book.close()


def test_the_oldest_loads_are_forgotten(book: LearningStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_book, "KEPT_COMPARISONS", 3)
    for _ in range(5):
        book.add_comparison(LOAD)
    assert len(book.comparisons()) == 3
    book.close()


def test_requests_are_summed_by_hour_model_and_client(book: LearningStore) -> None:
    book.add_uses([use(), use(output=None, ns=None), use("python"), use(minutes=40)])
    hours = book.token_hours(NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert [(h.start.hour, h.client, h.requests, h.counted, h.output_tokens) for h in hours] == [
        (12, "curl", 2, 1, 10),
        (12, "python", 1, 1, 10),
        (13, "curl", 1, 1, 10),
    ]
    assert hours[0].output_tokens_per_s == 10.0
    assert hours[0].source == TokenSource.PASS_THROUGH
    assert book.token_hours(NOW, NOW + timedelta(days=1)) == hours[2:]
    book.close()


def test_a_client_with_ever_new_names_is_bounded(
    book: LearningStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_rows, "CLIENTS_AN_HOUR", 3)
    book.add_uses([use(f"c{n}") for n in range(9)] + [use("c0")])
    hours = book.token_hours(NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert {h.client: h.requests for h in hours} == {"c0": 2, "c1": 1, "c2": 1, "other programs": 6}
    book.close()


def test_all_requests_or_none(book: LearningStore) -> None:
    broken = use()
    object.__setattr__(broken, "duration_ms", object())
    with pytest.raises(JobsProblem):
        book.add_uses([use(), broken])
    assert book.token_hours(NOW - timedelta(days=1), NOW + timedelta(days=1)) == ()
    book.add_uses([use()])
    book.close()


def test_several_processes_open_and_write_at_once(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    code = (
        "import sys, pathlib; sys.path[:0] = sys.argv[2:]\n"
        "from store_jobs_writer import write\nwrite(pathlib.Path(sys.argv[1]))"
    )
    here = Path(__file__).parent
    (tmp_path / "store_jobs_writer.py").write_text(
        "from datetime import UTC, datetime\n"
        "from wattlight.domain.tokens import Counters, TokenUse\n"
        "from wattlight.store.jobs import open_jobs\n"
        "AT = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)\n"
        "def write(file):\n"
        "    book = open_jobs(file, AT)\n"
        "    for n in range(50):\n"
        "        one = Counters(output_tokens=1)\n"
        "        book.add_uses([TokenUse('m', 'c', '/', AT, AT, 1, 200, True, one)])\n"
        "    book.close()\n"
    )
    desktop = here.parents[3] / "desktop"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(file), str(tmp_path), str(desktop)], stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    book = open_jobs(file, NOW)
    (hour,) = book.token_hours(NOW - timedelta(hours=1), NOW)
    assert (hour.requests, hour.output_tokens) == (150, 150)
    book.close()


def test_threads_share_one_book(book: LearningStore) -> None:
    threads = [threading.Thread(target=lambda: [book.add_uses([use()]) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert book.token_hours(NOW - timedelta(hours=1), NOW)[0].requests == 80
    book.close()


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    file.write_bytes(b"this is no database at all" * 100)
    book = open_jobs(file, NOW)
    assert book.comparisons() == ()
    book.close()
    assert [p.name for p in tmp_path.iterdir() if "corrupt" in p.name]


def test_runs_of_before_are_read_and_new_ones_keep_their_fill(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    with sqlite3.connect(file) as connection:
        migrate(connection, STEPS[:2])
        connection.execute(
            "INSERT INTO speed (host, at_us, model, digest, device, context, output_tokens, "
            "output_tokens_per_s) VALUES ('local', 1, 'old:1b', 'd0', 'RTX', 4096, 9, 50.0)"
        )
    connection.close()
    book = open_jobs(file, NOW)
    filled = replace(RUN, cache_tokens=6100, first_token_s=3.5, load_s=4.25, driver="575.1")
    book.add_speed(filled)
    new, old = book.speeds()
    assert (new, new.deep) == (filled, True)
    assert (old.model, old.cache_tokens, old.driver, old.deep) == ("old:1b", None, None, False)
    book.close()


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(JobsProblem) as problem:
        open_jobs(file, NOW)
    assert problem.value.code == "newer_version"
    assert file.read_bytes()[100:] == before[100:]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JobsProblem):
        open_jobs(tmp_path / "file" / "jobs.sqlite3", NOW)


def test_a_verdict_of_a_later_version_is_left_out(book: LearningStore) -> None:
    book.add_comparison(LOAD)
    book._connect().execute("UPDATE comparison SET verdict = 'on_the_moon'")
    assert book.comparisons() == ()
    book.close()


def test_the_oldest_runs_are_forgotten(book: LearningStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_book, "KEPT_SPEEDS", 2)
    for number in range(4):
        book.add_speed(replace(RUN, output_tokens=number))
    assert sorted(speed.output_tokens for speed in book.speeds()) == [2, 3]
    assert book.speeds(digest="another") == ()


def test_forgotten_counts_are_in_no_file_and_what_was_learned_stays(
    book: LearningStore, tmp_path: Path
) -> None:
    aside = [f"jobs.sqlite3.corrupt-20260101T000000{end}" for end in ("", "-2", "-wal", "-2-shm")]
    for name in (*aside, "jobs.sqlite3.mine", "other.sqlite3.corrupt-20260101T000000"):
        (tmp_path / "data" / name).write_bytes(b"x")
    book.add_speed(RUN)
    book.note_contact("registry.ollama.ai", "model", NOW)
    book.add_uses([replace(use("secret-client"), model="secret-model")])
    book.forget_tokens()
    book.close()
    kept = {file.name: file.read_bytes() for file in (tmp_path / "data").iterdir()}
    assert not [name for name, data in kept.items() if b"secret" in data or name in aside]
    assert {"jobs.sqlite3.mine", "other.sqlite3.corrupt-20260101T000000"} <= set(kept)
    again = open_jobs(tmp_path / "data" / "jobs.sqlite3", NOW)
    assert again.speeds() == (RUN,)
    assert [contact.host for contact in again.contacts()] == ["registry.ollama.ai"]
    again.close()


@pytest.mark.parametrize(
    ("words", "code"), [("database or disk is full", "disk_full"), ("database is locked", "jobs")]
)
def test_errors_of_the_database_are_sentences(
    book: LearningStore, words: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise sqlite3.OperationalError(words)

    monkeypatch.setattr(token_rows, "add", fails)
    with pytest.raises(JobsProblem) as caught:
        book.add_uses(())
    assert (caught.value.code, words in caught.value.message) == (code, True)


def test_a_forgotten_store_leaves_no_open_file(tmp_path: Path) -> None:
    store = open_jobs(tmp_path / "jobs.sqlite3", NOW)
    connection = store._opened
    assert connection is not None
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
