"""Hosts that were contacted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from wattlight.domain.state import HostContact
from wattlight.store.jobs import open_jobs

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_host_is_counted_by_reason_and_keeps_its_last_time(tmp_path: Path) -> None:
    book = open_jobs(tmp_path / "jobs.sqlite3", NOW)
    book.note_contact("registry.example", "model", NOW)
    book.note_contact("registry.example", "model", NOW + timedelta(hours=1))
    book.note_contact("registry.example", "shape", NOW + timedelta(minutes=1))
    assert book.contacts() == (
        HostContact("registry.example", "model", NOW + timedelta(hours=1), 2),
        HostContact("registry.example", "shape", NOW + timedelta(minutes=1), 1),
    )
    book.close()
    again = open_jobs(tmp_path / "jobs.sqlite3", NOW)
    assert len(again.contacts()) == 2
    again.close()


def test_a_clock_that_was_set_back_does_not_hide_the_last_time(tmp_path: Path) -> None:
    book = open_jobs(tmp_path / "jobs.sqlite3", NOW)
    book.note_contact("a.example", "model", NOW)
    book.note_contact("a.example", "model", NOW - timedelta(days=1))
    assert book.contacts()[0].last_at == NOW
    book.close()


def test_many_hosts_do_not_fill_the_disk_and_names_are_cleaned(tmp_path: Path) -> None:
    book = open_jobs(tmp_path / "jobs.sqlite3", NOW)
    for number in range(230):
        book.note_contact(f"h{number}.example", "model", NOW + timedelta(seconds=number))
    assert len(book.contacts()) == 200
    assert book.contacts()[0].host == "h229.example"
    book.note_contact("evil\x1b[31m\nhost", "model", NOW + timedelta(days=1))
    assert "\x1b" not in book.contacts()[0].host
    assert "\n" not in book.contacts()[0].host
    book.close()
