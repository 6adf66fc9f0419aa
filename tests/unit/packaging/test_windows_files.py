"""The files of the Windows package say what the texts of the program and the other files take for granted."""

import re
import tomllib
from pathlib import Path

import pytest


def programs(packaging: Path) -> set[str]:
    spec = (packaging / "pyinstaller/wattlight.spec").read_text(encoding="utf-8")
    return {f"{name}.exe" for name in re.findall(r'launcher\("([\w-]+)"', spec)}


def test_the_command_that_texts_name_is_found_in_a_terminal(packaging_folder: Path) -> None:
    """Texts say 'wattlight doctor'; the program without a console cannot answer that."""
    command = (packaging_folder / "windows/wattlight.cmd").read_bytes()
    (called,) = re.findall(rb'%~dp0\.\.\\([\w.-]+)" %\*\r\n$', command)
    assert called.decode() in programs(packaging_folder) - {"wattlight.exe"}
    iss = (packaging_folder / "windows/wattlight.iss").read_text(encoding="utf-8")
    assert re.search(r'Source: "wattlight\.cmd"; DestDir: "\{app\}\\bin"', iss)
    assert re.search(r'Subkey: "Environment".*ValueName: "Path".*\{app\}\\bin', iss)
    assert "ChangesEnvironment=yes" in iss and "PathWithout(ExpandConstant('{app}\\bin'))" in iss


def test_every_program_is_signed_before_it_is_packed(packaging_folder: Path) -> None:
    build = (packaging_folder / "windows/build.ps1").read_text(encoding="utf-8")
    signed, packed = build.index(r'Get-ChildItem "$frozen\*.exe"'), build.index("Invoke-Checked $iscc")
    assert signed < packed and len(programs(packaging_folder)) == 2
    assert "Add-Signature $_.FullName" in build[signed:packed]
    iss = (packaging_folder / "windows/wattlight.iss").read_text(encoding="utf-8")
    asked = re.search(r"#ifdef (\w+)\nSignTool=(\w+)\nSignedUninstaller=yes", iss)
    assert asked is not None
    assert f'"/D{asked[1]}"' in build and f"/S{asked[2]}=" in build, "the uninstaller is signed too"


def test_installed_by_pip_there_is_a_program_without_a_console(packaging_folder: Path) -> None:
    project = tomllib.loads((packaging_folder.parent / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    assert set(project["gui-scripts"].values()) == set(project["scripts"].values())
    assert set(project["gui-scripts"]) == {"wattlight-tray"}


WHEEL = "PySide6/"


@pytest.mark.parametrize(
    ("windows", "name", "used"),
    [
        (True, "opengl32sw.dll", False),
        (True, "d3dcompiler_47.dll", False),
        (True, "Qt6Quick.dll", False),
        (True, "Qt6OpenGL.dll", False),
        (True, "plugins/platforms/qdirect2d.dll", False),
        (True, "plugins/tls/qopensslbackend.dll", False),
        (True, "plugins/imageformats/qwebp.dll", False),
        (True, "Qt6Core.dll", True),
        (True, "Qt6Svg.dll", True),
        (True, "QtNetwork.pyd", True),
        (True, "plugins/platforms/qwindows.dll", True),
        (True, "plugins/imageformats/qico.dll", True),
        (True, "plugins/styles/qmodernwindowsstyle.dll", True),
        (False, "Qt/lib/libQt6OpenGL.so.6", True),
        (False, "Qt/lib/libQt6DBus.so.6", True),
        (False, "Qt/plugins/platforms/libqoffscreen.so", True),
        (False, "Qt/lib/libQt6Quick.so.6", False),
        (False, "Qt/translations/qtbase_de.qm", True),
        (True, "translations/qtbase_pt_BR.qm", True),
        (False, "Qt/translations/qt_help_de.qm", False),
        (False, "Qt/lib/libQt6Pdf.so.6", False),
    ],
)
def test_the_bundle_has_what_is_loaded_and_no_more(
    packaging_folder: Path, windows: bool, name: str, used: bool
) -> None:
    spec = (packaging_folder / "pyinstaller/wattlight.spec").read_text(encoding="utf-8")
    found = re.findall(r"^(UNUSED\w*) = (re\.compile\(.*?^\))", spec, re.MULTILINE | re.DOTALL)
    rules = {rule: eval(text, {"re": re}) for rule, text in found}
    chosen = list(rules) if windows else ["UNUSED"]
    assert len(rules) == 2
    assert any(rules[rule].search(WHEEL + name) for rule in chosen) is not used
