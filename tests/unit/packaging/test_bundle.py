"""The frozen program: clean children, a screen or a sentence, slim data, icons, licences."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from fakes.systems import needs_posix

Load = Callable[[str], ModuleType]


@pytest.fixture
def entry(load: Load) -> ModuleType:
    return load("pyinstaller/entry.py")


def test_children_do_not_inherit_the_bundles_libraries(entry: ModuleType) -> None:
    env = {"LD_LIBRARY_PATH": "/bundle/_internal", "PATH": "/bin"}
    entry.restore_library_path(env)
    assert env == {"PATH": "/bin"}


def test_a_library_path_of_the_person_comes_back(entry: ModuleType) -> None:
    env = {"LD_LIBRARY_PATH": "/bundle/_internal:/mine", "LD_LIBRARY_PATH_ORIG": "/mine"}
    entry.restore_library_path(env)
    assert env == {"LD_LIBRARY_PATH": "/mine"}


@pytest.mark.parametrize(
    ("arguments", "window"),
    [([], True), (["--window"], True), (["--hidden"], True), (["hardware"], False), (["--version"], False)],
)
def test_the_face_is_chosen_as_in_the_program(entry: ModuleType, arguments: list[str], window: bool) -> None:
    assert entry.wants_a_window(arguments) is window


@needs_posix
def test_no_screen_is_a_sentence(entry: ModuleType) -> None:
    said = entry.problem_with_the_screen({})
    assert said is not None
    assert "There is no screen" in said
    assert "wattlight hardware" in said


def test_all_missing_libraries_are_one_command(entry: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = entry.needs
    manager = needs.PackageManager("apt", (), ("apt-get", "install"), "-y")
    monkeypatch.setattr(needs, "missing", lambda wanted: needs.WAYLAND)
    monkeypatch.setattr(needs, "package_manager", lambda: manager)
    said = entry.problem_with_the_screen({"QT_QPA_PLATFORM": "offscreen"})
    assert said is not None
    assert said.endswith("sudo apt-get install libwayland-client0 libwayland-cursor0 libwayland-egl1")
    monkeypatch.setattr(needs, "missing", lambda wanted: ())
    assert entry.problem_with_the_screen({"QT_QPA_PLATFORM": "offscreen"}) is None


def test_slim_locales_still_format_numbers_money_and_dates(load: Load, tmp_path: Path) -> None:
    import babel

    module = load("pyinstaller/slim_locales.py")
    source = Path(babel.__file__).parent / "locale-data"
    picked = tmp_path / "picked"
    picked.mkdir()
    for name in ("root.dat", "de.dat", "en.dat"):
        (picked / name).write_bytes((source / name).read_bytes())
    assert module.write_slim_locales(picked, tmp_path / "slim") == 3
    before = pickle.loads((source / "de.dat").read_bytes())
    after = pickle.loads((tmp_path / "slim/de.dat").read_bytes())
    assert set(after) == set(before), "every key is still there"
    kept = (
        "decimal_formats",
        "currency_formats",
        "date_formats",
        "time_formats",
        "plural_form",
        "territories",
    )
    assert all(str(after[key]) == str(before[key]) for key in kept if key != "plural_form")
    assert (tmp_path / "slim/de.dat").stat().st_size < 0.6 * (source / "de.dat").stat().st_size


def test_icons_are_what_their_systems_read(load: Load) -> None:
    pytest.importorskip("PySide6.QtSvg")
    icons = load("icons.py")
    small, large = icons.png(icons.SOURCE, 16), icons.png(icons.SOURCE, 256)
    assert small.startswith(b"\x89PNG") and struct.unpack(">II", large[16:24]) == (256, 256)
    windows = icons.ico({16: small, 256: large})
    assert struct.unpack_from("<HHH", windows) == (0, 1, 2)
    side, *_, size, offset = struct.unpack_from("<BBBBHHII", windows, 6 + 16)
    assert (side, windows[offset : offset + size]) == (0, large)
    mac = icons.icns({size: small for _, size in icons.ICNS_TYPES})
    assert mac[:4] == b"icns" and struct.unpack(">I", mac[4:8])[0] == len(mac)


def test_every_licence_is_found(load: Load) -> None:
    """Of what is shipped; what only builds or tests is not asked for."""
    collect = load("licences/collect.py")
    found = {item.name: item for item in collect.python_components()}
    shipped = {
        "pyside6-essentials",
        "ollama",
        "httpx",
        "psutil",
        "nvidia-ml-py",
        "platformdirs",
        "babel",
        "python",
    }
    assert shipped <= set(found)
    assert all(found[name].text.strip() for name in shipped)
    assert "LGPL" in found["pyside6-essentials"].text
    summary = collect.copyright_file([found[name] for name in sorted(shipped)])
    assert summary.startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
    used = {line.split(": ")[1] for line in summary.splitlines() if line.startswith("License: ")}
    assert "Apache-2.0" in used
    assert all(summary.count(f"License: {word}\n") >= 2 for word in used), (
        "each licence named is also explained"
    )


def test_the_texts_that_qt_asks_for_are_there_on_every_system(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only Debian keeps the texts of licences at hand; the packages for other systems ship them too."""
    collect = load("licences/collect.py")
    monkeypatch.setattr(collect, "COMMON", tmp_path, raising=False)
    assert collect.main(["texts", str(tmp_path / "all.txt")]) == 0
    text = (tmp_path / "all.txt").read_text(encoding="utf-8")
    for heading, words in (
        ("LGPL-3", "GNU LESSER GENERAL PUBLIC LICENSE"),
        ("GPL-3", "GNU GENERAL PUBLIC LICENSE"),
        ("MPL-2.0", "Mozilla Public License Version 2.0"),
    ):
        below = text.split(f"{'=' * 78}\n{heading}\n{'=' * 78}\n")[1]
        assert words in below[:200] and len(below) > 7000
    assert "not on this build machine" not in text


def test_a_python_for_windows_has_its_licence_beside_the_program(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = load("licences/collect.py")
    (tmp_path / "Lib").mkdir()
    (tmp_path / "LICENSE.txt").write_text("PYTHON SOFTWARE FOUNDATION LICENSE", encoding="utf-8")
    monkeypatch.setattr(collect.os, "__file__", str(tmp_path / "Lib/os.py"))
    monkeypatch.setattr(collect.sys, "base_prefix", str(tmp_path))
    (python,) = [item for item in collect.python_components() if item.name == "python"]
    assert python.text == "PYTHON SOFTWARE FOUNDATION LICENSE"
