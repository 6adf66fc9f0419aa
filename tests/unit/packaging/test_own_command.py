"""The ``wattlight`` command that ``run`` leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bootstrap_parts import places, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and shell scripts")


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment in a folder with a blank, whose Python prints its arguments."""
    folder = tmp_path / "Watt light"
    python = places.python_of(folder)
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    assert start.write_command(folder)
    return folder


def env_of(tmp_path: Path, *before: Path) -> dict[str, str]:
    parts = [*map(str, before), str(tmp_path / ".local/bin")]
    return {"HOME": str(tmp_path), "PATH": os.pathsep.join(parts)}


def test_the_link_works_from_any_folder(venv: Path, tmp_path: Path) -> None:
    assert "is linked in" in start.link_command(venv, env_of(tmp_path))
    assert "is linked in" in start.link_command(venv, env_of(tmp_path)), "the second time too"
    done = subprocess.run(
        [tmp_path / ".local/bin/wattlight", "cost", "a b"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-I -m wattlight cost a b\n"
    assert not start.write_command(venv)


def test_a_foreign_file_stays(venv: Path, tmp_path: Path) -> None:
    link = tmp_path / ".local/bin/wattlight"
    link.parent.mkdir(parents=True)
    link.write_text("mine")
    assert "was left as it is" in start.link_command(venv, env_of(tmp_path))
    assert link.read_text() == "mine"
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    assert "was left as it is" in start.link_command(venv, env_of(tmp_path))
    assert link.readlink() == tmp_path / "gone"


def test_another_wattlight_on_the_path_is_not_hidden(venv: Path, tmp_path: Path) -> None:
    other = tmp_path / "usr" / "wattlight"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert f"{other} is another wattlight" in start.link_command(venv, env_of(tmp_path, other.parent))
    assert not (tmp_path / ".local/bin").exists()


@pytest.mark.parametrize("env", [{}, {"HOME": "", "PATH": "/bin"}, {"HOME": "/h", "PATH": "/bin"}])
def test_without_a_place_the_full_path_is_said(env: dict[str, str], venv: Path) -> None:
    said = start.link_command(venv, env)
    assert said.startswith("Call Wattlight from any folder with: '")
    assert str(start.command_of(venv)) in said


def test_an_environment_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    assert not start.write_command(tmp_path / "none")
