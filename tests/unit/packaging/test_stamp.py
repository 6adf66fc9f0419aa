"""The stamp: last to be written, and worth nothing once anything it stands for has changed."""

import sys
from pathlib import Path

import pytest
from bootstrap_parts import stamp
from bootstrap_parts.say import StepError


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / ".venv"
    stamp.claim(folder)
    python = stamp.python_of(folder)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return folder


def test_a_folder_without_a_stamp_is_not_complete(venv: Path) -> None:
    assert not stamp.is_complete(venv, "x")
    stamp.write_stamp(venv, "x")
    assert stamp.is_complete(venv, "x")
    assert not stamp.is_complete(venv, "y")


def test_a_dead_interpreter_is_not_complete(venv: Path, tmp_path: Path) -> None:
    """A distribution upgrade takes the Python away that the link points to."""
    stamp.write_stamp(venv, "x")
    stamp.python_of(venv).unlink()
    stamp.python_of(venv).symlink_to(tmp_path / "gone")
    assert not stamp.is_complete(venv, "x")


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"fingerprint": 3}'])
def test_a_damaged_stamp_counts_as_none(venv: Path, content: str) -> None:
    (venv / stamp.STAMP).write_text(content)
    assert not stamp.is_complete(venv, "x")
    assert not stamp.started_with(venv, ":0")


def test_the_fingerprint_follows_all_that_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {
        stamp.fingerprint("a==1", tmp_path),
        stamp.fingerprint("a==2", tmp_path),
        stamp.fingerprint("a==1", tmp_path / "b"),
    }
    monkeypatch.setattr(sys, "version", "3.99.0")
    seen.add(stamp.fingerprint("a==1", tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    seen.add(stamp.fingerprint("a==1", tmp_path))
    assert len(seen) == 5


def test_starts_are_remembered_per_screen(venv: Path) -> None:
    stamp.write_stamp(venv, "x")
    assert not stamp.started_with(venv, ":0")
    stamp.remember_start(venv, ":0")
    assert stamp.started_with(venv, ":0")
    assert not stamp.started_with(venv, ":1")
    assert stamp.is_complete(venv, "x")
    for number in range(20):
        stamp.remember_start(venv, f":{number}")
    assert not stamp.started_with(venv, ":0"), "the list stays short"


def test_only_what_is_ours_is_touched(venv: Path, tmp_path: Path) -> None:
    stamp.check_ours(venv)
    stamp.check_ours(tmp_path / "not there yet")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    stamp.check_ours(foreign)
    (foreign / "thesis.txt").write_text("precious")
    with pytest.raises(StepError, match="was not made by this command"):
        stamp.check_ours(foreign)
    stamp.discard(foreign)
    assert (foreign / "thesis.txt").exists()
    stamp.discard(venv)
    assert not venv.exists()
