"""The files by which desktops know the program, the manual page and the menu script."""

import argparse
import configparser
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from wattlight.cli.main import VERBS
from wattlight.paths import asset_text
from wattlight.system import energy_permission

Load = Callable[[str], ModuleType]
APP_ID = "io.github.wattlight.wattlight"
posix = pytest.mark.skipif(sys.platform == "win32", reason="a script for Linux")


def test_one_id_everywhere(packaging_folder: Path, load: Load) -> None:
    """A desktop joins window, entry, icon and metadata by this id alone; lower case, as AppStream asks."""
    assert APP_ID.lower() == APP_ID
    linux = packaging_folder / "linux"
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(linux / f"{APP_ID}.desktop", encoding="utf-8")
    assert entry["Desktop Entry"]["Icon"] == APP_ID
    assert entry["Desktop Entry"]["TryExec"] == "wattlight"
    text = load("linux/check_metadata.py").metainfo("1.2.3", "2026-01-02")
    root = xml.etree.ElementTree.fromstring(text)
    assert root.findtext("id") == APP_ID
    assert root.findtext("launchable") == f"{APP_ID}.desktop"
    release = root.find("releases/release")
    assert release is not None and release.attrib == {"version": "1.2.3", "date": "2026-01-02"}
    assert APP_ID in (packaging_folder / "windows/wattlight.iss").read_text(encoding="utf-8")
    assert APP_ID in (packaging_folder / "pyinstaller/wattlight.spec").read_text(encoding="utf-8")


def test_the_manual_page_has_every_verb(load: Load) -> None:
    page = load("linux/man_page.py").page("2026-01-02")
    assert page.startswith('.TH WATTLIGHT 1 "2026-01-02"')
    for verb in VERBS:
        name = verb.name.replace("-", "\\-")  # as roff writes a minus
        assert f'.SS "wattlight {name}"' in page
    assert "\\fB\\-\\-json\\fR" in page


def test_text_cannot_become_a_request_of_roff(load: Load) -> None:
    module = load("linux/man_page.py")
    assert module.roff(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert module.roff("a-b\\c\nd") == "a\\-b\\ec d"
    parser = argparse.ArgumentParser()
    action = parser.add_argument("--often", metavar="N", type=int, default=3, help="how often (%(default)s)")
    assert module.describe(action) == ".TP\n\\fB\\-\\-often\\fR \\fIN\\fR\nhow often (3)\n"


@posix
def test_the_menu_script_adds_and_removes(packaging_folder: Path, tmp_path: Path) -> None:
    place = tmp_path / 'Wätt "light" $x \\ 100%'
    icon = place / f"share/icons/hicolor/scalable/apps/{APP_ID}.svg"
    (place / "share/applications").mkdir(parents=True)
    icon.parent.mkdir(parents=True)
    icon.write_text("<svg/>")
    shutil.copy(packaging_folder / f"linux/{APP_ID}.desktop", place / "share/applications")
    shutil.copy(packaging_folder / "linux/menu.sh", place)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "LANG": "C.UTF-8",
    }

    def menu(word: str) -> None:
        subprocess.run(
            ["sh", str(place / "menu.sh"), word], env=env, check=True, capture_output=True, timeout=30
        )

    menu("add")
    entry = tmp_path / f"data/applications/{APP_ID}.desktop"
    lines = entry.read_text(encoding="utf-8").splitlines()
    quoted = str(place).replace("\\", 4 * "\\")
    quoted = quoted.replace('"', 2 * "\\" + '"').replace("$", 2 * "\\" + "$").replace("%", "%%")
    assert f'Exec="{quoted}/bin/wattlight" --window' in lines
    assert not [line for line in lines if line.startswith("TryExec")]
    menu("remove")
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def test_polkit_asks_an_administrator_each_time_in_plain_words(packaging_folder: Path) -> None:
    root = xml.etree.ElementTree.parse(packaging_folder / f"linux/{APP_ID}.policy").getroot()
    actions = root.findall("action")
    wishes = {}
    for action in actions:
        notes = {note.get("key", "").rpartition(".")[2]: note.text for note in action.findall("annotate")}
        assert notes["path"] == energy_permission.HELPER
        wishes[notes["argv1"]] = action
        assert {rule.text for rule in action.findall("defaults/*")} == {"auth_admin"}, "never kept, never yes"
        for kind in ("description", "message"):
            texts = {text.get(LANGUAGE): text.text for text in action.findall(kind)}
            assert set(texts) == {None, "de"} and all(texts.values())
            assert texts[None] != texts["de"]
    assert set(wishes) == {"allow", "forbid"}
    assert all(str(action.get("id")).startswith(f"{APP_ID}.") for action in actions)
    said = [text.text or "" for text in wishes["allow"].findall("message")]
    assert "Every program" in said[0] and "Jedes Programm" in said[1], (
        "what it opens is said where it is asked"
    )


def test_the_packages_bring_the_helper_and_take_back_what_it_opened(packaging_folder: Path) -> None:
    linux = packaging_folder / "linux"
    build = (linux / "build.sh").read_text(encoding="utf-8")
    assert f'"$stage{energy_permission.HELPER}"' in build and '"$stage/DEBIAN/prerm"' in build
    assert "install -m755" in build.split(f'"$stage{energy_permission.HELPER}"')[0].splitlines()[-1]
    prerm = (linux / "debian/wattlight.prerm").read_text(encoding="utf-8")
    assert f"{energy_permission.HELPER} forbid" in prerm and "$1" in prerm
    for rule in (energy_permission.UDEV_RULE, energy_permission.TMPFILES_RULE):
        assert rule in (linux / "menu.sh").read_text(encoding="utf-8")
        assert rule in asset_text(energy_permission.SCRIPT)


@posix
@pytest.mark.parametrize(("why", "called"), [("remove", True), ("upgrade", False), ("failed-upgrade", False)])
def test_only_a_removal_closes_the_counter(
    why: str, called: bool, packaging_folder: Path, tmp_path: Path
) -> None:
    helper = tmp_path / "energy-access"
    helper.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/called\n')
    helper.chmod(0o755)
    prerm = (packaging_folder / "linux/debian/wattlight.prerm").read_text(encoding="utf-8")
    script = prerm.replace(energy_permission.HELPER, str(helper))
    subprocess.run(["sh", "-c", script, "prerm", why], check=True, timeout=30)
    assert (tmp_path / "called").exists() is called


def test_scripts_for_other_systems_say_that_they_are_untested(packaging_folder: Path) -> None:
    for name in (
        "macos/build.sh",
        "windows/build.ps1",
        "windows/wattlight.iss",
        f"linux/flatpak/{APP_ID}.yml",
    ):
        assert "UNTESTED" in (packaging_folder / name).read_text(encoding="utf-8"), name
