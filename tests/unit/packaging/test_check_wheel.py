"""The look into the wheel finds what is missing and what does not belong."""

from pathlib import Path

from check_wheel import faults_of_wheel, wanted_files

INFO = {"wattlight-1.dist-info/entry_points.txt", "wattlight-1.dist-info/licenses/LICENSE"}


def test_a_good_wheel() -> None:
    wanted = {"wattlight/__init__.py", "wattlight/resources/icons/a.svg"}
    assert faults_of_wheel(wanted | INFO, wanted) == []


def test_what_is_missing_or_foreign_is_named() -> None:
    faults = faults_of_wheel(
        {"wattlight/__init__.py", "tests/x.py"}, {"wattlight/__init__.py", "wattlight/a.py"}
    )
    assert faults == [
        "missing: wattlight/a.py",
        "does not belong: tests/x.py",
        "missing: entry_points.txt",
        "missing: licenses/LICENSE",
    ]


def test_every_source_and_resource_is_wanted(packaging_folder: Path) -> None:
    wanted = wanted_files(packaging_folder.parent)
    assert "wattlight/__main__.py" in wanted
    assert "wattlight/py.typed" in wanted
    assert not [name for name in wanted if "__pycache__" in name]
