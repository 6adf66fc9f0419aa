"""Where the environment goes, and what is refused before anything is made."""

import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from bootstrap_parts import places
from bootstrap_parts.say import StepError

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")


def test_inside_the_checkout_where_that_is_writable(tmp_path: Path) -> None:
    assert places.venv_folder(None, checkout=tmp_path) == tmp_path / ".venv"


def test_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places.venv_folder("some where", checkout=tmp_path) == tmp_path / "some where"


@posix
def test_a_read_only_checkout_uses_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "can_write", lambda folder: False)
    monkeypatch.delenv("WATTLIGHT_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    one, two = tmp_path / "one", tmp_path / "two"
    folder = places.venv_folder(None, checkout=one)
    assert folder.parent == tmp_path / "data" / "wattlight" / "environments"
    assert folder != places.venv_folder(None, checkout=two), "two checkouts do not share an environment"


@posix
@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"HOME": "/h"}, "/h/.local/share/wattlight"),
        ({"HOME": "/h", "XDG_DATA_HOME": ""}, "/h/.local/share/wattlight"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d"}, "/d/wattlight"),
        ({"HOME": "", "XDG_DATA_HOME": "/d"}, "/d/wattlight"),
        ({"HOME": "/h", "WATTLIGHT_HOME": "/w"}, "/w/data"),
    ],
)
def test_the_data_folder(env: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert places.user_data_folder(env) == Path(expected)


@posix
@pytest.mark.parametrize("home", ["", "~"])
def test_an_unknown_home_is_said(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(places, "_home_of_account", lambda: home)
    with pytest.raises(StepError, match="home folder is not known") as caught:
        places.user_data_folder({"HOME": ""})
    assert "--venv" in caught.value.next_step


def test_a_path_list_separator_in_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="in its name"):
        places.check_folder(tmp_path / f"a{os.pathsep}b" / ".venv")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StepError, match="cannot be made"):
        places.check_folder(tmp_path / "file" / "sub" / ".venv")


def test_a_full_disk_is_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 9 * 10**8, 10**8))
    with pytest.raises(StepError, match=r"100 MB are free.*500 MB are needed") as caught:
        places.check_space(tmp_path / ".venv", 500_000_000)
    assert "Nothing was changed" in caught.value.next_step
    places.check_space(tmp_path / ".venv", 50_000_000)
