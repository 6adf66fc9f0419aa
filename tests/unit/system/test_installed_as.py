"""How the program was installed is told by where it lies."""

from pathlib import Path

import pytest

from wattlight.domain.state import Package
from wattlight.system import installed_as

ELSEWHERE = Path("/home/anna/venv/lib/python3.12/site-packages/wattlight")


@pytest.mark.parametrize(
    ("found", "environ", "platform", "program"),
    [
        (
            Package.FLATPAK,
            {"FLATPAK_ID": "io.github.wattlight.wattlight"},
            "linux",
            "/app/lib/wattlight/wattlight",
        ),
        (Package.APPIMAGE, {"APPIMAGE": "/home/anna/W.AppImage"}, "linux", "/tmp/.mount/wattlight"),
        (Package.DEB, {}, "linux", "/usr/lib/wattlight/wattlight"),
        (Package.TAR, {}, "linux", "/home/anna/wattlight/wattlight"),
        (Package.TAR, {}, "linux", "/opt/wattlight/wattlight"),
        (Package.DMG, {}, "darwin", "/Applications/Wattlight.app/Contents/MacOS/wattlight"),
        (Package.SETUP, {}, "win32", "C:/Users/anna/AppData/Local/Programs/Wattlight/wattlight.exe"),
    ],
)
def test_a_bundle(found: Package, environ: dict[str, str], platform: str, program: str) -> None:
    told = installed_as(
        environ, platform=platform, frozen=True, program=Path(program), prefix=Path("/"), package=ELSEWHERE
    )
    assert told is found


@pytest.mark.parametrize(
    ("found", "prefix"),
    [
        (Package.PIPX, "/home/anna/.local/pipx/venvs/wattlight"),
        (Package.PIPX, "/home/anna/.local/share/pipx/venvs/wattlight"),
        (Package.UV, "/home/anna/.local/share/uv/tools/wattlight"),
        (Package.PIP, "/home/anna/venv"),
        (Package.PIP, "/usr"),
    ],
)
def test_an_environment(found: Package, prefix: str) -> None:
    told = installed_as({}, platform="linux", frozen=False, prefix=Path(prefix), package=ELSEWHERE)
    assert told is found


def test_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging" / "bootstrap.py").touch()
    package = tmp_path / "desktop" / "wattlight"
    assert installed_as({}, platform="linux", frozen=False, package=package) is Package.CHECKOUT
