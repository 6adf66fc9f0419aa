"""Where files live."""

import warnings
from pathlib import Path

import pytest

from fakes.systems import needs_links, needs_modes
from wattlight.paths import PlacesError, asset, asset_bytes, asset_text, places_for_user


def test_one_folder_holds_everything_when_it_is_named(tmp_path: Path) -> None:
    places = places_for_user({"WATTLIGHT_HOME": str(tmp_path)})
    for file in (places.settings_file, places.ledger_file, places.meter_lock, places.log_file):
        assert tmp_path in file.parents


def test_the_users_own_folders_are_absolute_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        places = places_for_user({"HOME": "/home/user"})
    assert places.config.is_absolute()


def test_an_empty_home_is_one_sentence() -> None:
    with pytest.raises(PlacesError) as caught:
        places_for_user({"HOME": ""})
    assert "HOME" in caught.value.next_step


@needs_modes
def test_a_folder_is_made_private_or_the_reason_is_said(tmp_path: Path) -> None:
    places = places_for_user({"WATTLIGHT_HOME": str(tmp_path / "w")})
    assert places.make(places.data).stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    blocked = places_for_user({"WATTLIGHT_HOME": str(tmp_path / "file")})
    with pytest.raises(PlacesError) as caught:
        blocked.make(blocked.data)
    assert "file" in caught.value.message


@needs_modes
def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    places = places_for_user({"WATTLIGHT_HOME": str(tmp_path / "w")})
    made = places.make(places.data / "deep")
    assert made.is_dir() and made.stat().st_mode & 0o777 == 0o700
    assert places.make(made) == made


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlacesError, match="cannot be created") as caught:
        places_for_user({"WATTLIGHT_HOME": str(tmp_path / "file")}).make(tmp_path / "file" / "data")
    assert "WATTLIGHT_HOME" in caught.value.next_step


def test_shipped_files_are_found_and_missing_ones_said() -> None:
    assert asset_text("catalog/editorial.json").startswith("{")
    assert asset_bytes("catalog/editorial.json") == asset_text("catalog/editorial.json").encode()
    with pytest.raises(FileNotFoundError, match="install Wattlight again"):
        asset("catalog/no-such-file.json")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("Jobs.SQLITE3-Wal", True),
        ("settings.json::$DATA", True),
        ("METER.lock . ", True),
        ("Budget-told.txt.", True),
        ("Wattlight.LOG.1", True),
        ("LEDGER.sqlite3.replaced-2", True),
        ("my-ledger.sqlite3", False),
        ("jobs.sqlite3.csv", False),
        ("settings", False),
    ],
)
def test_own_files_by_every_spelling_that_some_system_takes_for_them(
    tmp_path: Path, name: str, own: bool
) -> None:
    """Also before they are there: Windows keeps no case, no dots and spaces at the end, no stream's name."""
    places = places_for_user({"WATTLIGHT_HOME": str(tmp_path / "home")})
    places.data.mkdir(parents=True)
    assert places.owns(places.data / name) is own
    assert not places.owns(tmp_path / name)


@needs_links
def test_own_files_by_another_way_to_their_folder(tmp_path: Path) -> None:
    places = places_for_user({"WATTLIGHT_HOME": str(tmp_path / "home")})
    places.state.mkdir(parents=True)
    (tmp_path / "way").symlink_to(places.state)
    assert places.owns(tmp_path / "way" / "wattlight.log.3")
