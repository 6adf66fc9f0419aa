"""The queue as a file: many write it, nothing in it can stop the program."""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattlight.domain.pulls import QueuedPull
from wattlight.services.models import PullBook, each, moved, with_pull

A, B, C = (QueuedPull(name) for name in ("a", "b", "c"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pulls.json"


def test_what_is_written_is_read_again(file: Path) -> None:
    whole = QueuedPull(
        "hub.example/me/a:1b", "far", True, 3_000_000, "22:00-05:00", "/srv/m", 5, 9, "Full.", True
    )
    assert PullBook(file).read() == ()
    PullBook(file).change(lambda _: (whole, B))
    assert PullBook(file).read() == (whole, B)
    if sys.platform != "win32":  # it has no modes of files
        assert file.stat().st_mode & 0o777 == 0o600


def test_two_books_see_each_other_and_lose_nothing(file: Path) -> None:
    one, other = PullBook(file), PullBook(file)
    one.change(lambda queue: (*queue, A))
    assert other.changed()
    assert other.change(lambda queue: (*queue, B)) == (A, B)
    assert one.changed() and one.read() == (A, B)
    assert not one.changed()

    def add(book: PullBook, names: range) -> None:
        for name in names:
            book.change(lambda queue, name=name: (*queue, QueuedPull(str(name))))  # type: ignore[misc]

    threads = [
        threading.Thread(target=add, args=(PullBook(file), range(k * 20, k * 20 + 20))) for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(one.read()) == 82


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"pulls": 3}', '{"pulls": [{"model": 7}]}', '{"pulls": ["a"]}', "\0" * 50, "[" * 900],
)
def test_a_damaged_file_is_kept_aside(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    assert PullBook(file).read() == ()
    assert file.with_name("pulls.json.bad").read_text() == text
    assert PullBook(file).change(lambda queue: (*queue, A)) == (A,)


def test_single_values_that_cannot_be_are_left_out(file: Path) -> None:
    file.parent.mkdir()
    line = {
        "model": "a",
        "paused": "yes",
        "completed_bytes": -4,
        "total_bytes": 10**30,
        "limit_bytes_per_s": True,
        "hours": 5,
        "future": {},
    }
    file.write_text(json.dumps({"pulls": [line, {"model": "a", "paused": True}, {"model": "b"}]}))
    assert PullBook(file).read() == (A, B), "and one name stands once"


@given(st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_is_survived(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"pulls": [' + text + "]}", encoding="utf-8", errors="surrogatepass")
    assert isinstance(PullBook(file).read(), tuple)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_keeps_it_in_memory(file: Path) -> None:
    file.parent.mkdir(mode=0o500)
    book = PullBook(file)
    assert book.change(lambda queue: (*queue, A)) == (A,)
    assert book.problem is not None and book.read() == (A,)


def test_a_full_disk_keeps_it_in_memory_and_is_over_when_there_is_room(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    book = PullBook(file)
    with monkeypatch.context() as patch:
        patch.setattr("wattlight.services.models.pull_book.write_whole", full)
        book.change(lambda queue: (*queue, A))
        assert book.problem is not None and "No space left" in str(book.problem)
        assert book.change(lambda queue: (*queue, B)) == (A, B)
    assert book.change(lambda queue: queue) == (A, B)
    assert book.problem is None and PullBook(file).read() == (A, B)


def test_orders_and_wishes() -> None:
    queue = (A, B, C)
    assert moved(queue, "c:latest", -1) == (A, C, B)
    assert moved(queue, "a", 9) == (B, C, A)
    assert moved(queue, "A", -9) == queue == moved(queue, "nobody", 1)
    failed = replace(B, error="Full.", paused=True, hours="1-5", completed_bytes=7)
    again = with_pull((A, failed), QueuedPull("b:latest", limit_bytes_per_s=50_000))
    assert again == (A, replace(B, hours="1-5", completed_bytes=7, limit_bytes_per_s=50_000))
    assert with_pull((A,), replace(A, host="far")) == (A, replace(A, host="far"))
    assert each(queue, "b", lambda entry: replace(entry, paused=True))[1].paused
