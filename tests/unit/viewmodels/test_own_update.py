"""The card of newer versions: no address, no card; the way to a newer version for each kind of package."""

from dataclasses import replace
from datetime import date

import pytest

from fakes import made_up_day
from wattlight.domain.state import OwnUpdate, Package
from wattlight.viewmodels.activity import told_by_desktop
from wattlight.viewmodels.own_update import own_update_view
from wattlight.viewmodels.scene import Scene

ADDRESS = "https://releases.example/versions.json"
NEWER = OwnUpdate(
    ADDRESS,
    "1.3.0",
    date(2027, 1, 10),
    ("Fans", "Charts zoom"),
    "https://releases.example/1.3",
    made_up_day.NOW,
)


def scene(update: OwnUpdate, on: bool = True) -> Scene:
    made = made_up_day.evening()
    settings = replace(made.settings, look_for_updates=on)
    return replace(made, settings=settings, state=replace(made.state, update=update))


def test_without_an_address_there_is_no_switch() -> None:
    assert own_update_view(scene(OwnUpdate())) is None


def test_the_address_stands_beside_the_switch_before_it_is_switched_on() -> None:
    view = own_update_view(scene(NEWER, on=False))
    assert view is not None
    assert ADDRESS in view.about and "nothing is downloaded or installed by itself" in view.about
    assert (view.on, view.look, view.news, view.changes, view.way, view.said) == (False, (), "", "", "", "")


def test_what_is_new_is_told_with_its_day() -> None:
    view = own_update_view(scene(NEWER))
    assert view is not None
    assert view.news == "Wattlight 1.3.0 of Jan 10, 2027 is available."
    assert view.changes == "• Fans\n• Charts zoom"
    assert view.said.startswith("Looked on Nov 23, 2026, ")
    assert view.way.endswith("Settings and records stay. It is described at https://releases.example/1.3.")


def test_the_newest_version_says_so_and_a_failure_why() -> None:
    newest = own_update_view(scene(replace(NEWER, version="", changes=())))
    assert newest is not None
    assert newest.said.endswith(": this version is the newest.") and newest.news == ""
    failed = own_update_view(scene(OwnUpdate(ADDRESS, said="The address could not be reached.")))
    assert failed is not None
    assert (failed.said, failed.said_is_bad) == ("The address could not be reached.", True)


@pytest.mark.parametrize(
    ("package", "way"),
    [
        (Package.DEB, "sudo apt install ./wattlight_1.3.0-1_*.deb"),
        (Package.TAR, ".tar.xz"),
        (Package.APPIMAGE, "AppImage"),
        (Package.FLATPAK, "flatpak update io.github.wattlight.wattlight"),
        (Package.DMG, ".dmg"),
        (Package.SETUP, "setup.exe"),
        (Package.PIPX, "pipx upgrade wattlight"),
        (Package.UV, "uv tool upgrade wattlight"),
        (Package.PIP, "pip install --upgrade wattlight"),
        (Package.CHECKOUT, "git pull"),
    ],
)
def test_each_kind_of_package_has_its_way(package: Package, way: str) -> None:
    view = own_update_view(scene(replace(NEWER, package=package)))
    assert view is not None and way in view.way


def test_the_desktop_tells_only_where_it_is_switched_on() -> None:
    assert told_by_desktop(scene(NEWER), "update")
    assert not told_by_desktop(scene(NEWER, on=False), "update")
