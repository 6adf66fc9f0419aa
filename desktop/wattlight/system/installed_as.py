"""How this program came onto the computer, which decides how a newer one does."""

import sys
from collections.abc import Mapping
from pathlib import Path

import wattlight
from wattlight.domain.state import Package


def installed_as(
    environ: Mapping[str, str],
    *,
    platform: str = sys.platform,
    frozen: bool = bool(getattr(sys, "frozen", False)),
    program: Path = Path(sys.executable),
    prefix: Path = Path(sys.prefix),
    package: Path = Path(wattlight.__file__).parent,
) -> Package:
    """Told by where the program lies: ``program`` of a bundle (``frozen``), ``prefix`` of an environment,
    the folder ``package`` of the code."""
    if environ.get("FLATPAK_ID"):
        return Package.FLATPAK
    if environ.get("APPIMAGE"):
        return Package.APPIMAGE
    if frozen and platform == "darwin":
        return Package.DMG
    if frozen and platform == "win32":
        return Package.SETUP
    if frozen:
        return Package.DEB if program.is_relative_to("/usr/lib") else Package.TAR
    if (package.parents[1] / "packaging" / "bootstrap.py").is_file():
        return Package.CHECKOUT
    parts = prefix.parts
    if "pipx" in parts:
        return Package.PIPX
    return Package.UV if "uv" in parts and "tools" in parts else Package.PIP
