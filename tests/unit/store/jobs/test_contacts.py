"""Hosts that were contacted."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.systems import needs_removing_open_files
from wattlight.domain.state import HostContact
from wattlight.domain.values import Problem
from wattlight.store.jobs import book as book_module
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


@needs_removing_open_files
@pytest.mark.parametrize("happens", ["removed", "folder removed", "replaced"])
def test_a_file_that_is_taken_away_is_made_again(tmp_path: Path, happens: str) -> None:
    file = tmp_path / "data" / "jobs.sqlite3"
    book = open_jobs(file, NOW)
    book.note_contact("a.example", "model", NOW)
    if happens == "removed":
        file.unlink()
    elif happens == "folder removed":
        shutil.rmtree(file.parent)
    else:
        other = open_jobs(tmp_path / "other", NOW)
        other.note_contact("theirs.example", "model", NOW - timedelta(days=1))
        other.close()
        (tmp_path / "other").replace(file)
    book.note_contact("b.example", "model", NOW)
    fresh = open_jobs(file, NOW)
    expected = {"b.example", "theirs.example"} if happens == "replaced" else {"b.example"}
    assert {contact.host for contact in fresh.contacts()} == expected
    fresh.close()
    book.close()


@needs_removing_open_files
def test_what_is_written_into_a_file_that_just_lost_its_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "jobs.sqlite3"
    book = open_jobs(file, NOW)

    def and_removed(*_: object) -> None:
        file.unlink()

    with monkeypatch.context() as patch:
        patch.setattr("wattlight.store.jobs.tokens.add", and_removed)
        with pytest.raises(Problem, match="removed meanwhile"):
            book.add_uses(())
    book.note_contact("b.example", "model", NOW)
    assert len(book.contacts()) == 1
    book.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contact SET at_us = 'yesterday'",
        "UPDATE contact SET host = CAST(x'ff' AS TEXT)",
        "UPDATE contact SET at_us = 1e300",
        "DROP TABLE contact",
    ],
)
def test_damage_found_in_use_is_moved_aside_and_said(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "jobs.sqlite3"
    book = open_jobs(file, NOW)
    book.note_contact("a.example", "model", NOW)
    with sqlite3.connect(file) as other:
        other.execute(statement)
    other.close()
    with pytest.raises(Problem, match="moved aside"):
        book.contacts()
    assert book.contacts() == ()
    book.note_contact("b.example", "model", NOW)
    assert len(book.contacts()) == 1
    assert [p.name for p in tmp_path.glob("*.corrupt-*") if p.suffix[-1] not in "lm"]
    book.close()


def test_damage_that_cannot_be_moved_aside_at_once_is_before_the_next_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses while whoever met the damage still holds rows of it."""
    file, refused, really = tmp_path / "jobs.sqlite3", [True], book_module.set_aside

    def set_aside(ledger: Path, now: datetime) -> Path:
        if refused:
            refused.pop()
            raise PermissionError(13, "Sharing violation")
        return really(ledger, now)

    monkeypatch.setattr(book_module, "set_aside", set_aside)
    book = open_jobs(file, NOW)
    book.note_contact("a.example", "model", NOW)
    with closing(sqlite3.connect(file)) as other:
        other.execute("UPDATE contact SET times = 'often', at_us = 'never'")
        other.commit()
    with pytest.raises(Problem, match="moved aside"):
        book.contacts()
    assert book.contacts() == () and not refused
    assert list(tmp_path.glob("*.corrupt-*"))
    book.close()
