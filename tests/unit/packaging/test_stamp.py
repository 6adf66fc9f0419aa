"""The stamp: last to be written, and worth nothing once anything it stands for has changed."""

import sys
from pathlib import Path

import pytest
from bootstrap_parts import places
from bootstrap_parts.say import StepError

from fakes.systems import needs_links

pytestmark = needs_links


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / ".venv"
    places.claim(folder)
    python = places.python_of(folder)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return folder


def test_a_folder_without_a_stamp_is_not_complete(venv: Path) -> None:
    assert not places.is_complete(venv, "x")
    places.write_stamp(venv, "x")
    assert places.is_complete(venv, "x")
    assert not places.is_complete(venv, "y")


def test_a_dead_interpreter_is_not_complete(venv: Path, tmp_path: Path) -> None:
    """A distribution upgrade takes the Python away that the link points to."""
    places.write_stamp(venv, "x")
    places.python_of(venv).unlink()
    places.python_of(venv).symlink_to(tmp_path / "gone")
    assert not places.is_complete(venv, "x")


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"fingerprint": 3}'])
def test_a_damaged_stamp_counts_as_none(venv: Path, content: str) -> None:
    (venv / places.STAMP).write_text(content)
    assert not places.is_complete(venv, "x")
    assert ":0" not in places.screens_tried(venv)


def test_the_fingerprint_follows_all_that_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {
        places.fingerprint("a==1", tmp_path),
        places.fingerprint("a==2", tmp_path),
        places.fingerprint("a==1", tmp_path / "b"),
    }
    monkeypatch.setattr(sys, "version", "3.99.0")
    seen.add(places.fingerprint("a==1", tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    seen.add(places.fingerprint("a==1", tmp_path))
    assert len(seen) == 5


def test_starts_are_remembered_per_screen(venv: Path) -> None:
    places.write_stamp(venv, "x")
    assert ":0" not in places.screens_tried(venv)
    places.remember_start(venv, ":0")
    assert ":0" in places.screens_tried(venv)
    assert ":1" not in places.screens_tried(venv)
    assert places.is_complete(venv, "x")
    for number in range(20):
        places.remember_start(venv, f":{number}")
    assert ":0" not in places.screens_tried(venv), "the list stays short"


def test_only_what_is_ours_is_touched(venv: Path, tmp_path: Path) -> None:
    places.check_ours(venv)
    places.check_ours(tmp_path / "not there yet")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    places.check_ours(foreign)
    (foreign / "thesis.txt").write_text("precious")
    with pytest.raises(StepError, match="was not made by this command"):
        places.check_ours(foreign)
    places.discard(foreign)
    assert (foreign / "thesis.txt").exists()
    places.discard(venv)
    assert not venv.exists()
